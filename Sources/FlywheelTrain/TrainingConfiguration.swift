public import FlywheelCheckpoint
public import FlywheelCore
public import FlywheelOptim
import FlywheelRun

/// Everything that determines a run, with a default for each setting.
public struct TrainingConfiguration: Sendable, Hashable {
  /// The widths, the activation and the loss.
  public var network: NetworkShape
  /// How parameters are drawn before the first step.
  public var initialization: Initialization
  /// The state that the run starts from instead of drawn parameters; nil for none.
  public var start: Start?
  /// The type that is computed in.
  public var precision: Precision
  /// The update rule.
  public private(set) var rule: UpdateRule
  /// Every number of the rule, and no other; `use` keeps them so.
  public private(set) var hyperparameters: Hyperparameters
  /// Parameters with numbers of their own; where several match, the first counts.
  public var groups: [ParameterGroupOverride]
  /// How gradients are clipped before the rule sees them; nil for not at all.
  public var clipping: GradientClipping?
  /// How the learning rate changes.
  public var schedule: Schedule
  /// The data and how they are split.
  public var data: DataConfiguration
  /// The total number of epochs.
  public var epochs: Int
  /// When training ends before its last epoch; nil for never.
  public var earlyStopping: EarlyStopping?
  /// The seed of all random streams.
  public var seed: UInt64
  /// When checkpoints are saved, which are kept, and how.
  public var checkpoints: CheckpointPolicy

  /// The type that is computed in.
  public enum Precision: String, Sendable, Hashable, CaseIterable {
    /// IEEE 754 binary32.
    case float32
    /// IEEE 754 binary64.
    case float64
  }

  /// The state that a run starts from.
  public struct Start: Sendable, Hashable {
    /// The checkpoint's file.
    public var source: String
    /// The number of steps that its optimizer had taken, which the run's steps are added to; nil before
    /// it is read.
    public var step: Int?

    /// Names a state.
    ///
    /// - Parameters:
    ///   - source: The checkpoint's file.
    ///   - step: The number of steps that its optimizer had taken; nil if it is not known yet.
    public init(source: String, step: Int? = nil) {
      self.source = source
      self.step = step
    }
  }

  /// The data and how they are split.
  public struct DataConfiguration: Sendable, Hashable {
    /// `digits` for the built-in ones, otherwise a directory of IDX files or an archive of arrays.
    public var source: String
    /// What becomes of each stored value.
    public var normalization: NormalizationSettings
    /// How many samples to train on, from the front; nil for all that are not held out.
    public var training: Int?
    /// How many samples to hold out, from the back; nil for a sixth.
    public var validation: Int?
    /// The size of a mini-batch.
    public var batchSize: Int
    /// What happens to a short last batch.
    public var lastBatch: DataDescription.LastBatch
  }

  /// The defaults: a 784-100-10 network on the built-in digits.
  ///
  /// - Throws: Never in practice; the widths are checked like any others.
  public init() throws(FlywheelError) {
    network = try NetworkShape(
      layers: [784, 100, 10],
      activation: .relu,
      loss: .softmaxCrossEntropy
    )
    initialization = .pytorch
    start = nil
    precision = .float32
    rule = .sgd(.pytorch)
    hyperparameters = try rule.completed(Hyperparameters())
    groups = []
    clipping = nil
    schedule = .constant
    data = DataConfiguration(
      source: DataSet.builtIn,
      normalization: NormalizationSettings(),
      training: nil,
      validation: nil,
      batchSize: 32,
      lastBatch: .keep
    )
    epochs = 5
    earlyStopping = nil
    seed = 0
    checkpoints = CheckpointPolicy()
  }

  /// Chooses an update rule and its numbers.
  ///
  /// - Parameters:
  ///   - rule: The rule.
  ///   - given: Its numbers; those that are not given have the rule's own defaults.
  /// - Throws: `invalidArgument`, naming a number that is out of range or that the rule does not take.
  public mutating func use(
    _ rule: UpdateRule,
    _ given: Hyperparameters = Hyperparameters()
  ) throws(FlywheelError) {
    hyperparameters = try rule.completed(given)
    self.rule = rule
  }

  /// Checks what can be checked without looking at the data.
  ///
  /// - Throws: `invalidArgument`, naming the setting and its range.
  public func validate() throws(FlywheelError) {
    _ = try ParameterGrouping(self)
    try schedule.validate()
    try data.normalization.resolved(for: .uint8).validate()
    try Self.require("epochs", epochs, atLeast: 1)
    try Self.require("batch_size", data.batchSize, atLeast: 1)
    try Self.require("training", data.training ?? 1, atLeast: 1)
    try Self.require("validation", data.validation ?? 0, atLeast: 0)
    try checkpoints.validate()
  }

  /// Checks that metrics which a setting speaks of are measured.
  ///
  /// - Parameter metrics: The metrics of the run's history.
  /// - Throws: `invalidArgument`, listing the metrics there are.
  func requireMetrics(in metrics: some Collection<String>) throws(FlywheelError) {
    for (what, metric) in [
      ("Early stopping watches", earlyStopping?.metric),
      ("The best checkpoints are kept by", checkpoints.keepBest?.metric),
    ] {
      guard let metric, !metrics.contains(metric) else { continue }
      let isHeldOut = metric.hasPrefix("validation_")
      let names = metrics.filter { Retention.Best.Direction(ofMetric: $0) != nil }
      throw FlywheelError(
        .invalidArgument,
        "\(what) '\(metric)', which this run does not measure"
          + (isHeldOut ? " because it holds out no samples for validation" : "")
          + ". It has \(names.joined(separator: ", "))."
      )
    }
  }

  static func require(_ name: String, _ value: Int, atLeast low: Int) throws(FlywheelError) {
    guard value >= low, value <= 1 << 40 else {
      throw FlywheelError(
        .invalidArgument,
        "\(name) is \(value); it must be a whole number from \(low) to \(1 << 40)."
      )
    }
  }
}
