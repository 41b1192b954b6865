package import FlywheelCore

/// How far training has come, to the batch.
public struct Progress: Sendable, Hashable {
  /// The number of whole epochs behind.
  public var epoch: Int
  /// The number of batches done in the epoch at hand.
  public var batch: Int
  /// The number of samples seen, counting repeats.
  public var samples: Int
  /// The loss summed over the samples of the epoch at hand, so that its mean is exact after a resume.
  public var epochLoss: Double
  /// The samples of the epoch at hand that were classified right.
  public var epochHits: Int
  /// The best value so far of the metric that is watched.
  public var best: Best?

  /// The best value of a metric and when it was reached.
  public struct Best: Sendable, Hashable {
    /// The metric's name.
    public var metric: String
    /// Its value.
    public var value: Double
    /// The step at which it was reached.
    public var step: Int

    /// Creates a record.
    public init(metric: String, value: Double, step: Int) {
      self.metric = metric
      self.value = value
      self.step = step
    }
  }

  /// The start of training.
  public init() {
    epoch = 0
    batch = 0
    samples = 0
    epochLoss = 0
    epochHits = 0
  }

  package var json: JSONValue {
    [
      "epoch": JSONValue(epoch),
      "batch": JSONValue(batch),
      "samples": JSONValue(samples),
      "epoch_loss": JSONValue(epochLoss),
      "epoch_hits": JSONValue(epochHits),
      "best": best.map { best in
        [
          "metric": JSONValue(best.metric),
          "value": JSONValue(best.value),
          "step": JSONValue(best.step),
        ]
      } ?? .null,
    ]
  }

  init(_ source: JSONObject) throws(FlywheelError) {
    var object = source
    epoch = try object.integer("epoch", in: Counter.range)
    batch = try object.integer("batch", in: Counter.range)
    samples = try object.integer("samples", in: Counter.range)
    epochLoss = try object.double("epoch_loss")
    epochHits = try object.integer("epoch_hits", in: Counter.range)
    if var best = try object.nullableObject("best") {
      self.best = Best(
        metric: try best.string("metric"),
        value: try best.double("value"),
        step: try best.integer("step", in: Counter.range)
      )
      try best.refuseOtherMembers()
    }
    try object.refuseOtherMembers()
  }
}
