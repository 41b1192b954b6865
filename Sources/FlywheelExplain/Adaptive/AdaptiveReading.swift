public import FlywheelOptim

/// A rule that fits a dump, with its numbers.
public struct AdaptiveReading: Sendable, Hashable {
  /// The rule.
  public var rule: UpdateRule
  /// Its numbers: decimals that a person would type, as far as the errors leave them open.
  ///
  /// The learning rate is that of the first step that was seen.
  public var hyperparameters: Hyperparameters
  /// What the trainer does otherwise than the rule, as sentences; usually nothing.
  public var mistakes: [String]

  /// Whether biases are not decayed though the rule decays all: a group of parameters of their own.
  public var areBiasesUndecayed = false

  /// Creates a reading.
  public init(rule: UpdateRule, hyperparameters: Hyperparameters, mistakes: [String] = []) {
    self.rule = rule
    self.hyperparameters = hyperparameters
    self.mistakes = mistakes
  }

  /// The rule with its numbers as a person types it.
  public var call: String { rule.call(hyperparameters) }
}

extension AdaptiveReading {
  init(_ named: AdaptiveNamer.Named) {
    self.init(
      rule: .adaptive(named.rule),
      hyperparameters: named.hyperparameters,
      mistakes: named.mistakes
    )
  }
}
