import ArgumentParser
import FlywheelCore
import FlywheelRun
import FlywheelTrain

/// When checkpoints are saved and which are kept, as flags.
struct CheckpointOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: """
      Save every so many epochs; 0 for only at the end. \
      \(TrainingOptions.saying(\.checkpoints.everyEpochs))
      """
  )
  var saveEveryEpochs: Int?

  @Option(
    parsing: .unconditional,
    help: """
      Save every so many steps besides; 0 for never. \
      \(TrainingOptions.saying(\.checkpoints.everySteps))
      """
  )
  var saveEverySteps: Int?

  @Option(
    parsing: .unconditional,
    help: """
      Save every so many minutes besides; 0 for never. \
      \(TrainingOptions.saying(\.checkpoints.everyMinutes))
      """
  )
  var saveEveryMinutes: Double?

  @Flag(
    inversion: .prefixedNo,
    help: """
      Train on while a checkpoint is written. \
      \(TrainingOptions.saying(\.checkpoints.isInBackground))
      """
  )
  var background: Bool?

  @Option(
    help: """
      What to do when a checkpoint cannot be saved; the older ones stay. \
      \(TrainingOptions.saying(\.checkpoints.onFailure.rawValue))
      """
  )
  var onSaveFailure: SavePolicy.FailureResponse?

  @Option(
    parsing: .unconditional,
    help: """
      How many of the newest checkpoints to keep. \
      \(TrainingOptions.saying(\.checkpoints.keep))
      """
  )
  var keep: Int?

  @Option(
    help: """
      Keep the best by a metric besides, such as validation_loss or \
      validation_accuracy:count=3. (default: none)
      """,
    transform: Self.best
  )
  var keepBest: Retention.Best?

  @Option(
    parsing: .unconditional,
    help: """
      Keep one every so many steps besides; 0 for none. \
      \(TrainingOptions.saying(\.checkpoints.keepEverySteps))
      """
  )
  var keepEverySteps: Int?

  @Option(
    parsing: .unconditional,
    help: """
      Keep one every so many minutes besides; 0 for none. \
      \(TrainingOptions.saying(\.checkpoints.keepEveryMinutes))
      """
  )
  var keepEveryMinutes: Double?

  /// Puts what the flags say into a policy.
  func apply(to policy: inout CheckpointPolicy) {
    policy.everyEpochs = saveEveryEpochs ?? policy.everyEpochs
    policy.everySteps = saveEverySteps ?? policy.everySteps
    policy.everyMinutes = saveEveryMinutes ?? policy.everyMinutes
    policy.isInBackground = background ?? policy.isInBackground
    policy.onFailure = onSaveFailure ?? policy.onFailure
    policy.keep = keep ?? policy.keep
    policy.keepBest = keepBest ?? policy.keepBest
    policy.keepEverySteps = keepEverySteps ?? policy.keepEverySteps
    policy.keepEveryMinutes = keepEveryMinutes ?? policy.keepEveryMinutes
  }

  /// The rule that a text such as `validation_loss:count=2,direction=min` stands for.
  private static func best(_ text: String) throws(FlywheelError) -> Retention.Best {
    let members = try TypedMembers(text, such: "count=3")
    let best = try Retention.Best(
      checking: try members.integer("count") ?? 1,
      by: members.subject,
      try members.choice("direction")
    )
    try members.refuseOthers(than: ["count", "direction"], of: "--keep-best")
    return best
  }
}
