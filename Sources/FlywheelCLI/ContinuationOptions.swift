import ArgumentParser
import FlywheelCheckpoint
import FlywheelConvert
import FlywheelCore
import FlywheelDialects
import FlywheelOptim
import FlywheelRun
import FlywheelTrain
import SystemPackage

/// What goes on with a state that another program saved needs to be said: what its file does not.
struct ContinuationOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Whose names and shapes the file has. (default: recognised)"),
    transform: Dialect.named
  )
  var from: Dialect?

  @OptionGroup
  var optimizer: OptimizerOptions

  @Option(parsing: .unconditional, help: "How many steps were taken, if the file does not say it.")
  var step: Int?

  @Option(
    parsing: .unconditional,
    help: "The learning rate of the last step, if it was another than that of the next."
  )
  var lastLearningRate: Double?

  @Option(
    help: ArgumentHelp(
      "Rename, transpose, reshape and cast by the rules of a JSON file (schemas/map.schema.json).",
      valueName: "file"
    )
  )
  var map: String?

  @Flag(help: "Leave out arrays that the dialect does not explain, and say which.")
  var drop = false

  @Option(help: "What hidden layers do.")
  var activation: Activation?

  @Option(help: "Output layer and loss.")
  var loss: Loss?

  @Option(parsing: .unconditional, help: "Size of a mini-batch.")
  var batchSize: Int?

  @Option(
    help: """
      What to do with a short last batch. \
      \(TrainingOptions.saying(\.data.lastBatch.rawValue))
      """
  )
  var lastBatch: DataDescription.LastBatch?

  @Option(
    parsing: .unconditional,
    help: "How many samples to train on, from the front. (default: all that are not held out)"
  )
  var training: Int?

  @Option(
    parsing: .unconditional,
    help: "How many samples to hold out for validation, from the back. (default: a sixth)"
  )
  var validation: Int?

  @OptionGroup
  var normalization: NormalizationOptions

  @Option(
    parsing: .unconditional,
    help: """
      Seed of the order of the samples. \
      \(TrainingOptions.saying(\.seed))
      """
  )
  var seed: UInt64?

  /// Whether anything was said.
  var isAsked: Bool { !given.isEmpty }

  /// The flags that were given.
  var given: [String] {
    let flags: [(String, Bool)] = [
      ("--from", from != nil), ("--rule", optimizer.rule != nil),
      ("--group", !optimizer.group.isEmpty), ("--step", step != nil),
      ("--last-learning-rate", lastLearningRate != nil), ("--map", map != nil), ("--drop", drop),
      ("--activation", activation != nil), ("--loss", loss != nil),
      ("--batch-size", batchSize != nil), ("--last-batch", lastBatch != nil),
      ("--training", training != nil), ("--validation", validation != nil),
      ("--scale", normalization.scale != nil), ("--mean", normalization.mean != nil),
      ("--deviation", normalization.deviation != nil), ("--seed", seed != nil),
    ]
    let numbers = optimizer.hyperparameters.ordered.map { number in
      "--" + number.name.rawValue.split(separator: "_").joined(separator: "-")
    }
    return numbers + flags.filter(\.1).map(\.0)
  }

  /// Understands a file of another program as a state, and says what a person should know.
  ///
  /// - Throws: What understanding throws, and `unsupported` for a network that is no chain of layers.
  /// - Returns: The state, and the network that the file describes, if it does.
  func state(
    _ reader: any ArchiveReader
  ) throws(FlywheelError) -> (state: StartingState, network: KerasNetwork?) {
    let understood = try FlywheelError.locating(path: reader.path) { () throws(FlywheelError) in
      let understood = try UnderstoodArchive(
        reader,
        in: from,
        try optimizer.stated(step: step, lastLearningRate: lastLearningRate),
        ConversionOptions(map: try map.map(MapRule.list(inFile:)) ?? [], drops: drop),
        saved: Checkpoint.Saved(run: RunIdentity.random(), time: Timestamp.now)
      )
      try understood.network?.requireChain()
      return understood
    }
    for note in understood.notes { Terminal.error.print("note: \(note)") }
    return (StartingState(understood.checkpoint, from: reader.path), understood.network)
  }

  /// What the run does that goes on from a state.
  ///
  /// - Throws: `invalidArgument`, with the flags that are missing; `unsupported` and `mismatch` for a network that
  ///   the trainer cannot go on with, or not as the flags say.
  func configuration(
    of state: StartingState,
    _ network: KerasNetwork?,
    data: String?,
    epochs: Int?
  ) throws(FlywheelError) -> TrainingConfiguration {
    var (activation, loss) = (activation, loss)
    if let network {
      do throws(FlywheelError) {
        let trained = try TrainedNetwork(network)
        activation = try trained.activation(agreeingWith: activation)
        loss = try trained.loss(agreeingWith: loss)
      } catch {
        throw error.located(path: state.path)
      }
    }
    var configuration = try state.configuration()
    // A count that nobody knows is 0.
    let knowsStep = step != nil || state.checkpoint.optimizer.step > 0
    guard knowsStep, let data, let epochs, let batchSize, let activation, let loss else {
      let flags = [
        ("--data", data == nil), ("--batch-size", batchSize == nil),
        ("--activation", activation == nil), ("--loss", loss == nil),
        ("--epochs (their total)", epochs == nil),
        ("--step", !knowsStep),
      ]
      throw FlywheelError(
        .invalidArgument,
        "The file does not say all that training needs; give "
          + flags.filter(\.1).map(\.0).joined(separator: ", ") + ".",
        at: .init(path: state.path)
      )
    }
    configuration.network = try NetworkShape(
      layers: configuration.network.layers,
      activation: activation,
      loss: loss
    )
    configuration.data.source = data
    configuration.data.batchSize = batchSize
    configuration.data.lastBatch = lastBatch ?? configuration.data.lastBatch
    configuration.data.training = training
    configuration.data.validation = validation
    normalization.apply(to: &configuration.data.normalization)
    configuration.seed = seed ?? configuration.seed
    configuration.epochs = epochs
    return configuration
  }
}
