/// Which checkpoints of a run are kept: those that any of its rules keeps, and always the newest.
///
/// It is a pure value: what it decides depends on the records alone, never on a clock or on what was
/// deleted before. Deleting the surplus changes no later decision about what is left.
public struct Retention: Sendable, Hashable {
  /// The newest so many are kept; at least one.
  public var last: Int
  /// The best by a metric are kept besides; nil for none.
  public var best: Best?
  /// One is kept besides every so many steps; nil for none.
  ///
  /// The oldest is kept, then each that is at least so many steps after the one kept before it, so that
  /// saves need not fall on multiples.
  public var everySteps: Int?
  /// One is kept besides every so many minutes of the time of saving; nil for none.
  ///
  /// The oldest is kept, then each that was saved at least so long after the one kept before it.
  public var everyMinutes: Double?

  /// The best checkpoints by a metric of the history.
  public struct Best: Sendable, Hashable {
    /// How many are kept.
    public var count: Int
    /// The metric's name, for example `validation_accuracy`.
    public var metric: String
    /// Which values are better.
    public var direction: Direction

    /// Which values of a metric are better.
    public enum Direction: String, Sendable, Hashable, CaseIterable {
      /// Higher ones, as of an accuracy.
      case max
      /// Lower ones, as of a loss.
      case min
    }

    /// Creates a rule.
    ///
    /// - Parameters:
    ///   - count: How many are kept.
    ///   - metric: The metric's name.
    ///   - direction: Which values are better.
    /// - Precondition: At least one is kept.
    public init(_ count: Int, by metric: String, _ direction: Direction) {
      precondition(count >= 1, "the best are at least one")
      self.count = count
      self.metric = metric
      self.direction = direction
    }
  }

  /// What the rules know of a checkpoint.
  public struct Record: Sendable, Hashable {
    /// The number of steps behind.
    public var step: Int
    /// When it was saved, in seconds since 1970.
    public var time: Int
    /// The metrics taken at its step; none in the middle of an epoch.
    public var metrics: [String: Double]

    /// Creates a record.
    public init(step: Int, time: Int, metrics: [String: Double] = [:]) {
      self.step = step
      self.time = time
      self.metrics = metrics
    }
  }

  /// Creates a policy.
  ///
  /// - Parameters:
  ///   - last: How many of the newest checkpoints are kept.
  ///   - best: How many of the best, and by what.
  ///   - everySteps: One is kept every so many steps.
  ///   - everyMinutes: One is kept every so many minutes.
  /// - Precondition: At least one is kept, and steps and minutes are above 0.
  public init(
    last: Int = 1,
    best: Best? = nil,
    everySteps: Int? = nil,
    everyMinutes: Double? = nil
  ) {
    precondition(last >= 1, "a run keeps at least its newest checkpoint")
    precondition(everySteps ?? 1 >= 1 && everyMinutes ?? 1 > 0, "a distance is above 0")
    self.last = last
    self.best = best
    self.everySteps = everySteps
    self.everyMinutes = everyMinutes
  }

  /// The steps of the checkpoints to delete.
  ///
  /// - Parameter records: All checkpoints that there are, each step once, in any order.
  /// - Returns: The steps that no rule keeps, in order.
  public func surplus(of records: [Record]) -> [Int] {
    let records = records.sorted { $0.step < $1.step }
    // Whatever was set since `init`: the newest stays.
    var kept = Set(records.suffix(max(1, last)).map(\.step))
    if let best { kept.formUnion(best.steps(of: records)) }
    if let everySteps {
      kept.formUnion(Self.spaced(records) { $1.step - $0.step >= everySteps })
    }
    if let everyMinutes {
      kept.formUnion(Self.spaced(records) { Double($1.time - $0.time) >= everyMinutes * 60 })
    }
    return records.map(\.step).filter { !kept.contains($0) }
  }

  /// The oldest, then each that is far enough from the one chosen before it.
  private static func spaced(
    _ records: [Record],
    isFarEnough: (Record, Record) -> Bool
  ) -> [Int] {
    var chosen: [Record] = []
    for record in records {
      if let previous = chosen.last, !isFarEnough(previous, record) { continue }
      chosen.append(record)
    }
    return chosen.map(\.step)
  }
}

extension Retention.Best {
  /// The steps of the best; of equal ones the earlier, and never one that is not a number.
  fileprivate func steps(of records: [Retention.Record]) -> [Int] {
    let values = records.compactMap { record in
      record.metrics[metric].flatMap { $0.isNaN ? nil : (step: record.step, value: $0) }
    }
    let ranked = values.sorted { left, right in
      guard left.value != right.value else { return left.step < right.step }
      return direction == .max ? left.value > right.value : left.value < right.value
    }
    return ranked.prefix(max(0, count)).map(\.step)
  }
}
