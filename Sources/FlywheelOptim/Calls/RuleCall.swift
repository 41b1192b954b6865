public import FlywheelCore

/// A rule with its numbers as a person types it, in Flywheel's words or a framework's own.
///
/// `pytorch(lr=0.01, momentum=0.9)`, `torch.optim.SGD(model.parameters(), lr=0.01)` and `nielsen` are calls.
/// What a rule's own name leaves out has the rule's defaults, what a framework's name leaves out has the
/// framework's.
public struct RuleCall: Sendable, Hashable {
  /// The rule.
  public let rule: UpdateRule
  /// What is typed between the brackets; nil if there are none.
  public let given: Hyperparameters?
  /// What the name alone says: the defaults of a framework where they are not the rule's.
  public let defaults: Hyperparameters

  /// Reads a call.
  ///
  /// - Parameter text: What was typed.
  /// - Throws: `invalidArgument`, with the place in the text, and what is expected there.
  public init(_ text: String) throws(FlywheelError) {
    var reader = RuleCallReader(text)
    let spelling = try RuleSpelling.named(try reader.name())
    (rule, defaults) = (spelling.rule, spelling.defaults)
    guard try reader.hasArguments() else {
      given = nil
      return
    }
    var hyperparameters = Hyperparameters()
    while let argument = try reader.argument() {
      for (name, value) in try argument.hyperparameters(of: spelling.rule, in: reader) {
        guard hyperparameters[name] == nil else {
          throw reader.error(at: argument.place, "\(name.rawValue) comes twice; give it once")
        }
        hyperparameters[name] = value
      }
    }
    given = hyperparameters
  }

  /// All numbers that the rule takes.
  ///
  /// - Parameter others: What holds for those that the call leaves out, before defaults do.
  /// - Throws: `invalidArgument` for a number outside its range.
  /// - Returns: The whole set.
  public func hyperparameters(
    or others: Hyperparameters = Hyperparameters()
  ) throws(FlywheelError) -> Hyperparameters {
    try rule.completed(defaults.merging(others).merging(given ?? Hyperparameters()))
  }
}

extension UpdateRule {
  /// The rule with numbers as a call: `pytorch(learning_rate=0.01, momentum=0.9)`.
  ///
  /// What is off is left out, unless it is on if nobody says.
  ///
  /// - Parameter hyperparameters: The numbers.
  /// - Returns: A text that `RuleCall` reads.
  public func call(_ hyperparameters: Hyperparameters) -> String {
    let arguments = self.hyperparameters.compactMap { definition -> String? in
      guard let value = hyperparameters[definition.name] else { return nil }
      let isSaid = definition.name == .learningRate || !value.isOff || !definition.fallback.isOff
      return isSaid ? "\(definition.name.rawValue)=\(value.shortText)" : nil
    }
    return "\(name)(\(arguments.joined(separator: ", ")))"
  }
}

extension Hyperparameters.Value {
  /// The value as a person types it, whole numbers without a fraction.
  fileprivate var shortText: String {
    switch self {
    case .number(let number): Int(exactly: number).map { "\($0)" } ?? text
    case .flag: text
    }
  }
}
