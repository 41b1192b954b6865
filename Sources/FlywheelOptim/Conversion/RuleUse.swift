/// A rule with the numbers that one parameter has under it.
public struct RuleUse: Sendable, Hashable {
  /// The rule.
  public var rule: UpdateRule
  /// The numbers, whole as `UpdateRule.completed` gives them; the learning rate is that of the next step.
  public var hyperparameters: Hyperparameters
  /// The sizes of mini-batch and training set; nil if nobody knows them.
  public var sizes: TrainingSizes?
  /// Whether the parameter is a weight rather than a bias.
  public var isWeight: Bool

  /// Creates a use.
  public init(
    rule: UpdateRule,
    hyperparameters: Hyperparameters,
    sizes: TrainingSizes?,
    isWeight: Bool
  ) {
    self.rule = rule
    self.hyperparameters = hyperparameters
    self.sizes = sizes
    self.isWeight = isWeight
  }
}
