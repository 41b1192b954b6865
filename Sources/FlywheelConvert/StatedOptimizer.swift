public import FlywheelOptim

/// What a file of tensors does not say of its optimizer, and a person does.
public struct StatedOptimizer: Sendable {
  /// The rule; nil if the arrays tell it.
  public var rule: UpdateRule?
  /// The numbers of all parameters, as far as they are given.
  public var hyperparameters: Hyperparameters
  /// Numbers that some parameters have for themselves; where several match, the first counts.
  public var groups: [Group]
  /// The sizes of mini-batch and training set; nil if they are not given.
  public var sizes: TrainingSizes?
  /// The number of steps taken; nil if it is not given.
  public var step: Int?
  /// The learning rate of the last step; nil for that of the next.
  public var lastLearningRate: Double?

  /// Numbers of some parameters.
  public struct Group: Sendable {
    /// Which parameters they are for.
    public var patterns: [NamePattern]
    /// The numbers that differ.
    public var hyperparameters: Hyperparameters

    /// Creates a group.
    public init(patterns: [NamePattern], hyperparameters: Hyperparameters) {
      self.patterns = patterns
      self.hyperparameters = hyperparameters
    }
  }

  /// Says what is known.
  public init(
    rule: UpdateRule? = nil,
    hyperparameters: Hyperparameters = Hyperparameters(),
    groups: [Group] = [],
    sizes: TrainingSizes? = nil,
    step: Int? = nil,
    lastLearningRate: Double? = nil
  ) {
    self.rule = rule
    self.hyperparameters = hyperparameters
    self.groups = groups
    self.sizes = sizes
    self.step = step
    self.lastLearningRate = lastLearningRate
  }
}
