import ArgumentParser
import FlywheelConvert
import FlywheelCore
import FlywheelDialects
import FlywheelDiff
import FlywheelOptim
import SystemPackage

/// Which arrays of two files are compared with which, as flags.
struct PartnerOptions: ParsableArguments {
  private static let dialects = Dialect.all.map(\.name).joined(separator: ", ")

  @Option(
    help: ArgumentHelp(
      "How partners are found: name, dialect or shape. (default: name, or dialect where that finds more)",
      valueName: "way"
    ),
    transform: Self.method
  )
  var align: PairingMethod?

  @Option(
    help: ArgumentHelp(
      "Compare only arrays that match, and no numbers around them; may be given again. In a pattern '*' "
        + "stands for any characters but '/', '**' for any, '?' for one.",
      valueName: "pattern"
    )
  )
  var only: [String] = []

  @Option(
    help: ArgumentHelp(
      "Give an array of B another name, or all whose names begin alike: net/=model/; may be given again.",
      valueName: "from=to"
    ),
    transform: Rename.init(parsing:)
  )
  var rename: [Rename] = []

  @Option(
    help: ArgumentHelp(
      "Rename, transpose, reshape and cast arrays of B by the rules of a JSON file "
        + "(schemas/map.schema.json).",
      valueName: "file"
    )
  )
  var map: String?

  @Option(
    name: .customLong("dialect-a"),
    help: ArgumentHelp("Whose names A has: \(Self.dialects).", valueName: "dialect"),
    transform: Dialect.named
  )
  var dialectA: Dialect?

  @Option(
    name: .customLong("dialect-b"),
    help: ArgumentHelp("Whose names B has.", valueName: "dialect"),
    transform: Dialect.named
  )
  var dialectB: Dialect?

  @Option(
    name: .customLong("rule-a"),
    help: ArgumentHelp(
      "What A was trained with, if it is no checkpoint, as a call: 'keras.SGD(.01, momentum=.9)'; its "
        + "buffers and numbers are then compared as a training state.",
      valueName: "call"
    ),
    transform: RuleCall.init
  )
  var ruleA: RuleCall?

  @Option(
    name: .customLong("rule-b"),
    help: ArgumentHelp("What B was trained with.", valueName: "call"),
    transform: RuleCall.init
  )
  var ruleB: RuleCall?

  @Option(
    name: .customLong("step-a"),
    parsing: .unconditional,
    help: ArgumentHelp("How many steps A has taken, if it has no counter.", valueName: "step")
  )
  var stepA: Int?

  @Option(
    name: .customLong("step-b"),
    parsing: .unconditional,
    help: ArgumentHelp("How many steps B has taken, if it has no counter.", valueName: "step")
  )
  var stepB: Int?

  @Option(help: "The size of a mini-batch, by which some rules divide.")
  var batchSize: Int?

  @Option(help: "The size of the training set, by which some rules divide.")
  var trainSize: Int?

  func validate() throws {
    for (rule, step, side) in [(ruleA, stepA, "a"), (ruleB, stepB, "b")] {
      if let step {
        guard (0...1 << 53).contains(step) else {
          throw ValidationError("--step-\(side) is \(step); it must be a whole number up to 2^53.")
        }
        guard rule != nil else {
          throw ValidationError("--step-\(side) says more of --rule-\(side); give that, too.")
        }
      }
    }
    for (name, size) in [("batch-size", batchSize), ("train-size", trainSize)] {
      guard let size, size < 1 else { continue }
      throw ValidationError("--\(name) is \(size); it must be at least 1.")
    }
    guard (batchSize == nil) == (trainSize == nil) else {
      throw ValidationError("Give --batch-size and --train-size together.")
    }
    guard batchSize == nil || ruleA != nil || ruleB != nil else {
      throw ValidationError("--batch-size and --train-size say more of --rule-a or --rule-b.")
    }
    if align == .name, dialectA != nil || dialectB != nil || ruleA != nil || ruleB != nil {
      throw ValidationError(
        "--align name takes names as they are in the files; leave it out to use dialects and rules."
      )
    }
  }

  /// New names, shapes and types for B.
  func naming() throws(FlywheelError) -> ConversionOptions {
    ConversionOptions(map: try map.map(MapRule.list(inFile:)) ?? [], renames: rename)
  }

  /// What is said of A.
  func first() throws(FlywheelError) -> ComparisonOptions.Understanding {
    .init(dialect: dialectA, optimizer: stated(ruleA, stepA))
  }

  /// What is said of B.
  func second() throws(FlywheelError) -> ComparisonOptions.Understanding {
    .init(dialect: dialectB, optimizer: stated(ruleB, stepB))
  }

  private static func method(_ word: String) throws(FlywheelError) -> PairingMethod {
    guard let method = PairingMethod(rawValue: word) else {
      throw FlywheelError(
        .invalidArgument,
        "There is no alignment '\(word)'; choose one of "
          + "\(PairingMethod.allCases.map(\.rawValue).joined(separator: ", "))."
      )
    }
    return method
  }

  private func stated(_ call: RuleCall?, _ step: Int?) -> StatedOptimizer? {
    guard let call else { return nil }
    var sizes: TrainingSizes?
    if let batchSize, let trainSize {
      sizes = TrainingSizes(batch: batchSize, training: trainSize)
    }
    return StatedOptimizer(
      rule: call.rule,
      hyperparameters: call.defaults.merging(call.given ?? Hyperparameters()),
      sizes: sizes,
      step: step
    )
  }
}
