import FlywheelCore
import OrderedCollections

extension SettingComparison {
  /// The numbers that two files of arrays both say besides, such as an epoch or what a schedule is made of.
  ///
  /// Texts are names, versions and dates more often than state, and what only one file says another format may
  /// have had no room for: neither is compared. What texts say of a model of Keras is, by `models(_:_:)`.
  ///
  /// - Parameters:
  ///   - first: What the first file says.
  ///   - second: What the second file says.
  ///   - tolerances: What may be rounding.
  ///   - areStates: Whether the numbers of both optimizers are compared as such.
  /// - Returns: The numbers, in the order of the first file.
  static func attributes(
    _ first: ArchiveMetadata,
    _ second: ArchiveMetadata,
    _ tolerances: Tolerances,
    areStates: Bool
  ) -> [SettingComparison] {
    var settings: [SettingComparison] = []
    for (owner, values) in first.attributes where !areStates || !isOfGroup(owner) {
      guard let others = second.attributes[owner] else { continue }
      for (name, value) in values {
        guard let other = others[name], let one = value.json, let two = other.json else { continue }
        let isSame = value.saysTheSame(as: other) || isSame(one, two, tolerances)
        settings.append(
          SettingComparison(
            section: "attributes",
            name: owner.isEmpty ? name : "\(owner)/\(name)",
            first: one,
            second: two,
            verdict: isSame ? .same : .different
          )
        )
      }
    }
    return settings
  }

  /// Whether attributes are those of a group of an optimizer's parameters, in PyTorch's words.
  private static func isOfGroup(_ owner: String) -> Bool {
    owner.split(separator: ".").dropLast().last == "param_groups"
  }
}

extension AttributeValue {
  /// The number or numbers that it is; nil for texts, and for more numbers than anybody reads.
  fileprivate var json: JSONValue? {
    switch self {
    case .string, .strings: return nil
    case .integer(let number): return .integer(number)
    case .double(let number): return JSONValue(number)
    case .tensor(let tensor):
      guard tensor.shape.elementCount <= 1_024, tensor.dtype.kind != .complex,
        let numbers: [Double] = try? tensor.converted(to: .float64).elements()
      else { return nil }
      let values = numbers.map { number in
        tensor.dtype == .bool ? .bool(number != 0) : JSONValue(number)
      }
      return tensor.shape.rank == 0 ? values.first : .array(values)
    }
  }
}
