public import FlywheelCore

/// A name that a rule goes by: Flywheel's, or a framework's own with the framework's defaults.
public struct RuleSpelling: Sendable, Hashable {
  /// The name in full, for example `torch.optim.SGD`.
  public let name: String
  /// The rule.
  public let rule: UpdateRule
  /// What the framework takes a number for that is not given, where the rule's default is another.
  public let defaults: Hyperparameters

  /// Finds what a name stands for.
  ///
  /// - Parameter name: A rule's name, or a framework's; of the latter parts may be left out, and capitals
  ///   do not count.
  /// - Throws: `invalidArgument`, listing the candidates if there are several, or what is near.
  /// - Returns: The rule and its defaults.
  public static func named(_ name: String) throws(FlywheelError) -> RuleSpelling {
    if let rule = UpdateRule.preset(name) {
      return RuleSpelling(name: name, rule: rule, defaults: Hyperparameters())
    }
    let found = frameworks.filter { $0.isMeant(by: name) }
    // The same rule by two names, such as keras and tf.keras, is no question.
    let first = found.first
    if let first, found.allSatisfy({ $0.rule == first.rule && $0.defaults == first.defaults }) {
      return first
    }
    if found.isEmpty { throw unknown(name) }
    let candidates = found.map { "\($0.name) (\($0.rule.name))" }
    throw FlywheelError(
      .invalidArgument,
      "'\(name)' may be \(candidates.joined(separator: ", ")); say which."
    )
  }

  /// Whether a name is this one with parts left out: its parts come in this order, the last one last.
  private func isMeant(by name: String) -> Bool {
    let typed = name.lowercased().split(separator: ".")
    var parts = self.name.lowercased().split(separator: ".")
    guard let last = typed.last, last == parts.popLast() else { return false }
    var rest = parts[...]
    for part in typed.dropLast() {
      guard let index = rest.firstIndex(of: part) else { return false }
      rest = rest[(index + 1)...]
    }
    return true
  }

  private static func unknown(_ name: String) -> FlywheelError {
    let wanted = name.lowercased().split { !$0.isLetter }
    let near = UpdateRule.presets.map(\.name).filter { rule in
      wanted.contains { rule.contains($0) || distance(rule, String($0)) <= 2 }
    }
    let choice =
      near.isEmpty
      ? "'flywheel rules' lists those there are"
      : "is it one of \(near.joined(separator: ", "))? 'flywheel rules' lists all"
    return FlywheelError(.invalidArgument, "There is no rule '\(name)'; \(choice).")
  }

  /// How many letters must be added, taken away or changed.
  private static func distance(_ left: String, _ right: String) -> Int {
    guard left.utf8.count <= 40, right.utf8.count <= 40 else { return .max }
    var row = Array(0...right.utf8.count)
    for (index, letter) in left.utf8.enumerated() {
      var next = [index + 1]
      for (place, other) in right.utf8.enumerated() {
        next.append(
          min(row[place] + (letter == other ? 0 : 1), row[place + 1] + 1, next[place] + 1)
        )
      }
      row = next
    }
    return row[right.utf8.count]
  }
}
