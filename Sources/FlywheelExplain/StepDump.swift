public import FlywheelOptim

/// Consecutive steps of a training as a trainer dumped them, and what the files say besides.
public struct StepDump: Sendable {
  /// The parameters, in the order of the dump.
  public var series: [TensorSeries]
  /// The number of steps taken before the first dump; nil if nothing says so.
  public var firstStep: Int?
  /// The learning rate of each step as the files say, for all parameters alike; empty if they do not.
  public var learningRates: [Double]
  /// The rule and the numbers that the files say are in use: a Flywheel trace does.
  public var declared: (rule: UpdateRule, hyperparameters: Hyperparameters)?
  /// The numbers that the files say without naming a rule: a dump may hold its learning rate.
  public var stated: Hyperparameters
  /// The sizes that the files say.
  public var sizes: TrainingSizes?
  /// What a person should know of how the files were understood.
  public var notes: [String]

  /// Creates a dump.
  public init(
    series: [TensorSeries],
    firstStep: Int? = nil,
    learningRates: [Double] = [],
    declared: (rule: UpdateRule, hyperparameters: Hyperparameters)? = nil,
    stated: Hyperparameters = Hyperparameters(),
    sizes: TrainingSizes? = nil,
    notes: [String] = []
  ) {
    self.series = series
    self.firstStep = firstStep
    self.learningRates = learningRates
    self.declared = declared
    self.stated = stated
    self.sizes = sizes
    self.notes = notes
  }
}
