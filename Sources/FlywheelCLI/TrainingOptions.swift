import ArgumentParser
import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import FlywheelTrain

/// The settings of a run as flags; each one given wins over the configuration file.
struct TrainingOptions: ParsableArguments {
  /// What help quotes as defaults, so that it cannot say anything else than what happens.
  static let defaults = try? TrainingConfiguration()

  @Option(
    help: """
      'digits' (built in), a directory of IDX files named like MNIST's, plain or .gz, or an .npz, HDF5 \
      file or directory of .npy with the arrays x_train, y_train, x_test, y_test or MedMNIST's. \
      \(Self.saying(\.data.source))
      """
  )
  var data: String?

  @OptionGroup
  var normalization: NormalizationOptions

  @Option(
    help: """
      Widths with dashes between, inputs first and classes last. \
      \(Self.saying { LayerWidths($0.network.layers) })
      """
  )
  var layers: LayerWidths?

  @Option(
    help: """
      What hidden layers do. \
      \(Self.saying(\.network.activation.rawValue))
      """
  )
  var activation: Activation?

  @Option(
    help: """
      Output layer and loss. \
      \(Self.saying(\.network.loss.rawValue))
      """
  )
  var loss: Loss?

  @Option(
    help: """
      How first weights are drawn. \
      \(Self.saying(\.initialization.rawValue))
      """
  )
  var initialization: Initialization?

  @Option(
    help: """
      What to compute in. \
      \(Self.saying(\.precision.rawValue))
      """
  )
  var precision: TrainingConfiguration.Precision?

  @OptionGroup
  var optimizer: OptimizerOptions

  @Option(
    parsing: .unconditional,
    help: "Scale gradients down to this norm, over all parameters, if theirs is larger."
  )
  var clipNorm: Double?

  @Option(
    help: """
      How the learning rate changes: a shape of \(Schedule.kinds.joined(separator: ", ")), and \
      after a colon its numbers, such as cosine:over=20,end=0.1 or \
      multi_step:at=10-15,factor=0.1. Any takes unit=step, warmup=3, warmup_start=0.1. \
      (default: constant)
      """,
    transform: ScheduleArgument.schedule
  )
  var schedule: Schedule?

  @Option(
    parsing: .unconditional,
    help: """
      Size of a mini-batch. \
      \(Self.saying(\.data.batchSize))
      """
  )
  var batchSize: Int?

  @Option(
    help: """
      What to do with a short last batch. \
      \(Self.saying(\.data.lastBatch.rawValue))
      """
  )
  var lastBatch: DataDescription.LastBatch?

  @Option(
    parsing: .unconditional,
    help: """
      How many samples to train on, from the front. \
      (default: all that are not held out)
      """
  )
  var training: Int?

  @Option(
    parsing: .unconditional,
    help: """
      How many samples to hold out for validation, from the back. \
      (default: a sixth)
      """
  )
  var validation: Int?

  @Option(
    parsing: .unconditional,
    help: """
      Total number of epochs. \
      \(Self.saying(\.epochs))
      """
  )
  var epochs: Int?

  @Option(
    help: """
      End training once a metric has not improved for some epochs, such as \
      validation_loss:patience=5,min_delta=0.001. (default: never)
      """,
    transform: EarlyStoppingArgument.rule
  )
  var earlyStopping: EarlyStopping?

  @Option(
    parsing: .unconditional,
    help: """
      Seed of all random streams. \
      \(Self.saying(\.seed))
      """
  )
  var seed: UInt64?

  @OptionGroup
  var checkpoints: CheckpointOptions

  /// The configuration with what the flags say put in.
  func applied(to base: TrainingConfiguration) throws(FlywheelError) -> TrainingConfiguration {
    var result = base
    result.network = try NetworkShape(
      layers: layers?.widths ?? base.network.layers,
      activation: activation ?? base.network.activation,
      loss: loss ?? base.network.loss
    )
    result.initialization = initialization ?? base.initialization
    result.precision = precision ?? base.precision
    try optimizer.apply(to: &result)
    if let clipNorm { result.clipping = try GradientClipping(maximumNorm: clipNorm) }
    if let schedule { result.schedule = schedule }
    result.data.source = data ?? base.data.source
    normalization.apply(to: &result.data.normalization)
    result.data.training = training ?? base.data.training
    result.data.validation = validation ?? base.data.validation
    result.data.batchSize = batchSize ?? base.data.batchSize
    result.data.lastBatch = lastBatch ?? base.data.lastBatch
    result.epochs = epochs ?? base.epochs
    result.earlyStopping = earlyStopping ?? base.earlyStopping
    result.seed = seed ?? base.seed
    checkpoints.apply(to: &result.checkpoints)
    try result.validate()
    return result
  }

  /// "(default: …)", of a setting.
  static func saying<Value>(_ setting: (TrainingConfiguration) -> Value) -> String {
    defaults.map { "(default: \(setting($0)))" } ?? ""
  }
}

/// Widths typed with dashes between them.
struct LayerWidths: ExpressibleByArgument, CustomStringConvertible {
  let widths: [Int]

  init(_ widths: [Int]) {
    self.widths = widths
  }

  init?(argument: String) {
    let numbers = argument.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    widths = numbers.compactMap(\.self)
    guard widths.count == numbers.count else { return nil }
  }

  var description: String { widths.map(String.init).joined(separator: "-") }
}
