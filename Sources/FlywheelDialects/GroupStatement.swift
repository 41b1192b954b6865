/// How a framework's own files say what no array of them holds: the numbers of each group of parameters.
public struct GroupStatement: Sendable, Hashable {
  /// What the names of parameters begin with in such a file, where they lie beside the optimizer: the first is
  /// written, all are read.
  let prefixes: [String]
  /// The path below which all lies that belongs to the optimizer.
  public let root: String
  /// The path whose attributes are the numbers of a group, with `{index}` for its number.
  let group: KeyTemplate
  /// The attribute with the numbers of a group's parameters.
  let parameters: String
  /// The attribute with their names.
  let names: String
  /// The attribute with the learning rate that a schedule starts from, where there is one.
  let firstRate: String
  /// What groups say besides, by the rule.
  let switches: [String: [String: Bool]]

  /// A parameter's name in the model.
  ///
  /// - Parameter key: Its name in a file, of this kind or of another.
  /// - Returns: The name without what leads to the model.
  func name(of key: String) -> String {
    let prefix = prefixes.first { key.utf8.starts(with: $0.utf8) }
    return String(decoding: key.utf8.dropFirst(prefix?.utf8.count ?? 0), as: UTF8.self)
  }

  /// Its name in a file of this kind.
  func key(of name: String) -> String { prefixes[0] + name }

  /// Whether attributes of a path are the optimizer's.
  ///
  /// - Parameter path: The path.
  /// - Returns: Whether it lies at the root or below.
  public func covers(_ path: String) -> Bool { path == root || path.hasPrefix("\(root).") }
}
