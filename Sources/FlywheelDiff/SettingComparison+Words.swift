import FlywheelCore
import OrderedCollections

extension SettingComparison {
  /// Its name, and where it is no number of the optimizer, the section that it belongs to.
  public var title: String {
    ["optimizer", "hyperparameters", "attributes"].contains(section) ? name : "\(section)/\(name)"
  }

  /// The two values as a person reads them, and the second in the convention of the first; that is nil if it
  /// says nothing else.
  public var texts: (first: String, second: String, converted: String?) {
    (Self.text(of: first), Self.text(of: second), converted.map(Self.text))
  }

  /// Settings of which several kinds of parameters say the same, each once with all of the parameters.
  ///
  /// - Parameter settings: The settings.
  /// - Returns: Them, in the order in which they first come.
  public static func merged(_ settings: [SettingComparison]) -> [SettingComparison] {
    var parameters: OrderedDictionary<SettingComparison, [String]> = [:]
    for setting in settings {
      var key = setting
      key.parameters = []
      parameters[key, default: []] += setting.parameters
    }
    return parameters.map { setting, names in
      var setting = setting
      setting.parameters = names
      return setting
    }
  }

  private static func text(of value: JSONValue?) -> String {
    switch value {
    case nil, .null?: "none"
    case .string(let text)?: text
    case .bool(let flag)?: flag ? "yes" : "no"
    case let value?:
      value.bitPatternDouble.map { "\($0)" }
        ?? String(decoding: value.canonicalBytes, as: UTF8.self)
    }
  }
}
