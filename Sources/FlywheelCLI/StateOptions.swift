import ArgumentParser
import FlywheelConvert
import FlywheelCore
import FlywheelDialects
import FlywheelOptim
import FlywheelTrain

/// Which dialect and which rule a training state comes from and goes to, as flags.
///
/// Of a file without a document, `--rule` and the numbers say what it was trained with; of a checkpoint, which
/// knows that, they say what the result is to have.
struct StateOptions: ParsableArguments {
  private static let dialects = Dialect.all.map(\.name).joined(separator: ", ")

  @Option(
    help: ArgumentHelp(
      "Whose names and shapes the input has: \(Self.dialects). (default: recognised)",
      valueName: "dialect"
    ),
    transform: Dialect.named
  )
  var from: Dialect?

  @Option(
    help: ArgumentHelp(
      "Whose names, shapes and update rule the output gets. (default: flywheel, which keeps the rule)",
      valueName: "dialect"
    ),
    transform: Dialect.named
  )
  var to: Dialect?

  @Option(
    help: ArgumentHelp(
      "The rule of the output. Of a checkpoint, which knows its own, --rule says it too. (default: the "
        + "dialect's own)",
      valueName: "rule"
    ),
    transform: UpdateRule.named
  )
  var toRule: UpdateRule?

  @OptionGroup(title: "Optimizer")
  var optimizer: OptimizerOptions

  @Option(parsing: .unconditional, help: "The size of a mini-batch, by which some rules divide.")
  var batchSize: Int?

  @Option(
    parsing: .unconditional,
    help: "The size of the training set, by which some rules divide."
  )
  var trainSize: Int?

  @Option(parsing: .unconditional, help: "How many steps were taken, if the input has no counter.")
  var step: Int?

  @Option(parsing: .unconditional, help: "The learning rate of the last step, if it was another.")
  var lastLearningRate: Double?

  @Option(
    parsing: .unconditional,
    help:
      "The learning rate of the next step, if it changes here: what holds the rate is scaled by it."
  )
  var nextLearningRate: Double?

  @Flag(help: "Convert what is not exact all the same, and say how far off it can be.")
  var approximate = false

  /// Whether anything asks for more than another container.
  var isAsked: Bool {
    from != nil || to != nil || toRule != nil || optimizer.rule != nil || nextLearningRate != nil
      || !optimizer.hyperparameters.values.isEmpty || !optimizer.group.isEmpty
      || step != nil || lastLearningRate != nil || batchSize != nil || trainSize != nil
  }

  /// The sizes; nil if none is given.
  func sizes() throws(FlywheelError) -> TrainingSizes? {
    switch (batchSize, trainSize) {
    case (nil, nil): return nil
    case (let batch?, let training?):
      guard batch > 0, training > 0 else {
        throw FlywheelError(
          .invalidArgument,
          "--batch-size is \(batch) and --train-size \(training); both must be at least 1."
        )
      }
      return TrainingSizes(batch: batch, training: training)
    default:
      throw FlywheelError(
        .invalidArgument,
        "Give --batch-size and --train-size together: a checkpoint knows both or neither."
      )
    }
  }

  /// What the flags say of a file that has no document.
  func stated() throws(FlywheelError) -> StatedOptimizer {
    try optimizer.stated(step: step, lastLearningRate: lastLearningRate, sizes: try sizes())
  }
}

extension OptimizerOptions {
  /// What the flags say of a file that has no document.
  func stated(
    step: Int?,
    lastLearningRate: Double?,
    sizes: TrainingSizes? = nil
  ) throws(FlywheelError) -> StatedOptimizer {
    if let step, !(0...1 << 53).contains(step) {
      throw FlywheelError(
        .invalidArgument,
        "--step is \(step); it must be a whole number from 0 to 2^53."
      )
    }
    if let lastLearningRate, !(lastLearningRate >= 0 && lastLearningRate.isFinite) {
      throw FlywheelError(
        .invalidArgument,
        "--last-learning-rate is \(lastLearningRate); it must be a number of at least 0."
      )
    }
    return StatedOptimizer(
      rule: try rule.map { (name) throws(FlywheelError) in try UpdateRule.named(name) },
      hyperparameters: hyperparameters,
      groups: group.map {
        .init(
          patterns: $0.parameters.map { NamePattern($0) },
          hyperparameters: $0.hyperparameters
        )
      },
      sizes: sizes,
      step: step,
      lastLearningRate: lastLearningRate
    )
  }
}
