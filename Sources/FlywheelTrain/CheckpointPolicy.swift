public import FlywheelCore
public import FlywheelRun

/// When checkpoints are saved, which are kept, and how.
///
/// One is always saved before the first step and one at the end.
public struct CheckpointPolicy: Sendable, Hashable {
  /// Every so many epochs; 0 for only at the end.
  public var everyEpochs = 1
  /// Every so many steps besides; 0 for never.
  public var everySteps = 0
  /// Every so many minutes besides; 0 for never.
  ///
  /// The weights do not depend on it.
  public var everyMinutes = 0.0
  /// How many of the newest are kept.
  public var keep = 3
  /// How many of the best are kept besides, and by what; nil for none.
  public var keepBest: Retention.Best?
  /// One is kept besides every so many steps; 0 for none.
  public var keepEverySteps = 0
  /// One is kept besides every so many minutes; 0 for none.
  public var keepEveryMinutes = 0.0
  /// Whether training goes on while a checkpoint is written.
  public var isInBackground = true
  /// What a save that failed means for training.
  public var onFailure = SavePolicy.FailureResponse.stop

  /// The defaults: after every epoch, behind training, the newest three.
  public init() {}

  /// What the run's saver needs to know.
  ///
  /// - Precondition: The policy is valid.
  public var savePolicy: SavePolicy {
    SavePolicy(
      retention: Retention(
        last: keep,
        best: keepBest,
        everySteps: keepEverySteps > 0 ? keepEverySteps : nil,
        everyMinutes: keepEveryMinutes > 0 ? keepEveryMinutes : nil
      ),
      isInBackground: isInBackground,
      onFailure: onFailure
    )
  }

  /// Checks that the numbers make sense.
  ///
  /// - Throws: `invalidArgument`, naming the number and its range.
  public func validate() throws(FlywheelError) {
    try TrainingConfiguration.require("every_epochs", everyEpochs, atLeast: 0)
    try TrainingConfiguration.require("every_steps", everySteps, atLeast: 0)
    try TrainingConfiguration.require("keep", keep, atLeast: 1)
    try TrainingConfiguration.require("keep_every_steps", keepEverySteps, atLeast: 0)
    for (name, minutes) in [
      ("every_minutes", everyMinutes), ("keep_every_minutes", keepEveryMinutes),
    ] {
      guard minutes >= 0, minutes <= 0x1p40 else {
        throw FlywheelError(
          .invalidArgument,
          "\(name) is \(minutes); it must be a number from 0 to 2^40."
        )
      }
    }
  }
}

/// The policy as files have it.
extension CheckpointPolicy {
  var json: JSONValue {
    [
      "every_epochs": JSONValue(everyEpochs),
      "every_steps": JSONValue(everySteps),
      "every_minutes": JSONValue(everyMinutes),
      "keep": JSONValue(keep),
      "keep_best": keepBest.map { best in
        [
          "count": JSONValue(best.count),
          "metric": JSONValue(best.metric),
          "direction": JSONValue(best.direction.rawValue),
        ]
      } ?? .null,
      "keep_every_steps": JSONValue(keepEverySteps),
      "keep_every_minutes": JSONValue(keepEveryMinutes),
      "background": JSONValue(isInBackground),
      "on_failure": JSONValue(onFailure.rawValue),
    ]
  }

  /// Reads the members; what is absent has its default.
  ///
  /// - Parameter object: The policy; members that are not asked for here stay unasked.
  /// - Throws: `malformed` for a member of the wrong type, `invalidArgument` for a value out of range.
  init(reading object: inout JSONObject) throws(FlywheelError) {
    self.init()
    everyEpochs = try object.optionalInteger("every_epochs") ?? everyEpochs
    everySteps = try object.optionalInteger("every_steps") ?? everySteps
    everyMinutes = try object.optionalDouble("every_minutes") ?? everyMinutes
    keep = try object.optionalInteger("keep") ?? keep
    if var best = try object.optionalObject("keep_best") {
      keepBest = try Retention.Best(
        checking: try best.optionalInteger("count") ?? 1,
        by: try best.string("metric"),
        try best.choice("direction")
      )
      try best.refuseOtherMembers(remedy: TrainingConfiguration.spelling)
    }
    keepEverySteps = try object.optionalInteger("keep_every_steps") ?? keepEverySteps
    keepEveryMinutes = try object.optionalDouble("keep_every_minutes") ?? keepEveryMinutes
    isInBackground = try object.optionalBool("background") ?? isInBackground
    onFailure = try object.choice("on_failure") ?? onFailure
  }
}

extension Retention.Best {
  /// Creates a rule from what a user gave.
  ///
  /// - Parameters:
  ///   - count: How many are kept.
  ///   - metric: The metric's name.
  ///   - direction: Which values are better; nil for what the metric's name says.
  /// - Throws: `invalidArgument` if none would be kept, or if nothing says which values are better.
  public init(
    checking count: Int,
    by metric: String,
    _ direction: Direction?
  ) throws(FlywheelError) {
    guard count >= 1, count <= 1 << 40 else {
      throw FlywheelError(
        .invalidArgument,
        "The number of best checkpoints to keep is \(count); it must be from 1 to \(1 << 40)."
      )
    }
    self.init(count, by: metric, try Direction(direction, ofMetric: metric))
  }
}
