import FlywheelCore

extension SettingComparison {
  /// The two values as a person reads them.
  public var texts: (first: String, second: String) {
    (Self.text(of: first), Self.text(of: second))
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
