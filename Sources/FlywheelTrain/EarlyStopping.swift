public import FlywheelCheckpoint
public import FlywheelCore
public import FlywheelRun
import OrderedCollections

/// When training ends before its last epoch: once a metric has not improved for so many epochs.
///
/// The decision is a function of the history alone, which every checkpoint carries, so that a run that
/// was interrupted ends at the same epoch as one that was not.
public struct EarlyStopping: Sendable, Hashable {
  /// The metric of the history that is watched, for example `validation_loss`.
  public var metric: String
  /// Which values are better.
  public var direction: Retention.Best.Direction
  /// How many epochs in a row may pass without an improvement; training ends after the last of them.
  public var patience: Int
  /// By how much a value must be better than the best so far to count as an improvement.
  public var minimumDelta: Double

  /// How a history stands.
  public struct Standing: Sendable, Hashable {
    /// The metric that is watched.
    public var metric: String
    /// The value of the last improvement.
    public var value: Double
    /// The epoch of the last improvement, counted from 1.
    public var epoch: Int
    /// The number of epochs done.
    public var epochs: Int
  }

  /// Creates a rule.
  ///
  /// - Parameters:
  ///   - metric: The metric that is watched.
  ///   - direction: Which values are better; nil for what the metric's name says.
  ///   - patience: How many epochs may pass without an improvement.
  ///   - minimumDelta: By how much a value must be better.
  /// - Throws: `invalidArgument` if a number is out of range, or if nothing says which values are better.
  public init(
    metric: String,
    direction: Retention.Best.Direction? = nil,
    patience: Int = 5,
    minimumDelta: Double = 0
  ) throws(FlywheelError) {
    guard patience >= 1, patience <= 1 << 40 else {
      throw FlywheelError(
        .invalidArgument,
        "The patience of early stopping is \(patience); it must be at least 1 epoch."
      )
    }
    guard minimumDelta >= 0, minimumDelta.isFinite else {
      throw FlywheelError(
        .invalidArgument,
        "The min_delta of early stopping is \(minimumDelta); it must be a number of at least 0."
      )
    }
    self.metric = metric
    self.direction = try Retention.Best.Direction(direction, ofMetric: metric)
    self.patience = patience
    self.minimumDelta = minimumDelta
  }

  /// How a history stands; nil if it does not have the metric, or no value that is a number.
  ///
  /// - Parameter history: The history, with one row for each epoch.
  /// - Returns: The last improvement, and how many epochs are done.
  public func standing(in history: History) -> Standing? {
    let values = history.metrics[metric] ?? []
    var best: (index: Int, value: Double)?
    for (index, value) in values.enumerated() where !value.isNaN {
      if let before = best?.value {
        let isBetter =
          switch direction {
          case .min: value < before - minimumDelta
          case .max: value > before + minimumDelta
          }
        guard isBetter else { continue }
      }
      best = (index, value)
    }
    return best.map { best in
      Standing(metric: metric, value: best.value, epoch: best.index + 1, epochs: values.count)
    }
  }

  /// Why training ends here; nil if it goes on.
  ///
  /// - Parameter history: The history, with one row for each epoch.
  /// - Returns: The last improvement, if it is as long ago as the patience lasts.
  public func stop(after history: History) -> Standing? {
    standing(in: history).flatMap { $0.epochs - $0.epoch >= patience ? $0 : nil }
  }
}

/// Early stopping as files have it.
extension EarlyStopping {
  var json: JSONValue {
    [
      "metric": JSONValue(metric),
      "direction": JSONValue(direction.rawValue),
      "patience": JSONValue(patience),
      "min_delta": JSONValue(minimumDelta),
    ]
  }

  /// Reads the members; what may have a default may be absent.
  ///
  /// - Parameter source: The object.
  /// - Throws: `notFound` or `malformed` for a member, `invalidArgument` for a value out of range.
  init(_ source: JSONObject) throws(FlywheelError) {
    var object = source
    try self.init(
      metric: try object.string("metric"),
      direction: try object.choice("direction"),
      patience: try object.optionalInteger("patience") ?? 5,
      minimumDelta: try object.optionalDouble("min_delta") ?? 0
    )
    try object.refuseOtherMembers(remedy: TrainingConfiguration.spelling)
  }
}
