import ArgumentParser
import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import FlywheelTrain

/// The settings of a run as flags; each one given wins over the configuration file.
struct TrainingOptions: ParsableArguments {
  @Option(help: "'digits' (built in), or a directory of MNIST's IDX files, plain or .gz.")
  var data: String?

  @Option(help: "Widths, inputs first and classes last, for example 784-30-10.")
  var layers: LayerWidths?

  @Option(help: "Hidden layers: \(Self.words(Activation.self)).")
  var activation: Activation?

  @Option(help: "Output layer and loss: \(Self.words(Loss.self)).")
  var loss: Loss?

  @Option(help: "First weights: \(Self.words(Initialization.self)).")
  var initialization: Initialization?

  @Option(help: "Compute in \(Self.words(TrainingConfiguration.Precision.self)).")
  var precision: TrainingConfiguration.Precision?

  @Option(help: "Update rule: \(SGDRule.presets.map(\.name).joined(separator: ", ")).")
  var rule: String?

  @Option(help: "Learning rate.")
  var learningRate: Double?

  @Option(help: "Momentum coefficient, from 0 to below 1.")
  var momentum: Double?

  @Option(help: "Dampening of the rule 'pytorch'.")
  var dampening: Double?

  @Option(help: "Weight decay, in the rule's own meaning.")
  var weightDecay: Double?

  @Flag(inversion: .prefixedNo, help: "Nesterov's look-ahead.")
  var nesterov: Bool?

  @Option(help: "Size of a mini-batch.")
  var batchSize: Int?

  @Option(help: "What to do with a short last batch: keep or drop.")
  var lastBatch: DataDescription.LastBatch?

  @Option(help: "How many images to train on, from the front.")
  var training: Int?

  @Option(help: "How many images to hold out for validation, from the back.")
  var validation: Int?

  @Option(help: "Total number of epochs.")
  var epochs: Int?

  @Option(help: "Seed of all random streams.")
  var seed: UInt64?

  @Option(help: "Save every so many epochs; 0 for only at the end.")
  var saveEveryEpochs: Int?

  @Option(help: "Save every so many steps besides; 0 for never.")
  var saveEverySteps: Int?

  @Option(help: "How many of the newest checkpoints to keep.")
  var keep: Int?

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
    if let rule { result.rule = try SGDRule.named(rule) }
    result.hyperparameters = Hyperparameters(
      learningRate: learningRate ?? base.hyperparameters.learningRate,
      momentum: momentum ?? base.hyperparameters.momentum,
      dampening: dampening ?? base.hyperparameters.dampening,
      weightDecay: weightDecay ?? base.hyperparameters.weightDecay,
      nesterov: nesterov ?? base.hyperparameters.nesterov
    )
    result.data.source = data ?? base.data.source
    result.data.training = training ?? base.data.training
    result.data.validation = validation ?? base.data.validation
    result.data.batchSize = batchSize ?? base.data.batchSize
    result.data.lastBatch = lastBatch ?? base.data.lastBatch
    result.epochs = epochs ?? base.epochs
    result.seed = seed ?? base.seed
    result.checkpoints.everyEpochs = saveEveryEpochs ?? base.checkpoints.everyEpochs
    result.checkpoints.everySteps = saveEverySteps ?? base.checkpoints.everySteps
    result.checkpoints.keep = keep ?? base.checkpoints.keep
    try result.validate()
    return result
  }

  private static func words<Choice: RawRepresentable<String> & CaseIterable>(
    _ type: Choice.Type
  ) -> String {
    Choice.allCases.map(\.rawValue).joined(separator: ", ")
  }
}

/// Widths typed with dashes between them.
struct LayerWidths: ExpressibleByArgument {
  let widths: [Int]

  init?(argument: String) {
    let numbers = argument.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    widths = numbers.compactMap(\.self)
    guard widths.count == numbers.count else { return nil }
  }
}
