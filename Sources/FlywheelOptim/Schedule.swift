public import FlywheelCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How the learning rate changes in the course of a run.
///
/// A schedule is a pure function of how many steps, or epochs, are done: the rate of the next step is
/// the group's initial rate times `factor(after:)`. So its whole state is that count, and every group
/// keeps its own rate. A cosine is the platform's: its last bit may vary.
///
/// Each shape equals PyTorch's scheduler of that name (torch/optim/lr_scheduler.py of 2.13), with a
/// warm-up put in front as `SequentialLR` does: the shape starts where it ends.
public struct Schedule: Sendable, Hashable {
  /// The shape after the warm-up.
  public var shape: Shape
  /// What is counted.
  public var unit: Unit
  /// What comes before; nil for nothing.
  public var warmup: Warmup?

  /// The course of the factor.
  public enum Shape: Sendable, Hashable {
    /// 1 throughout.
    case constant
    /// Times `factor` after every so many units: `StepLR`.
    case step(every: Int, factor: Double)
    /// Times `factor` at each of these counts, in rising order: `MultiStepLR`.
    case multiStep(at: [Int], factor: Double)
    /// Half a cosine from 1 to `end` over so many units, then `end`: `CosineAnnealingLR` with an
    /// `eta_min` of `end` times the rate, up to `T_max`.
    case cosine(over: Int, end: Double)
    /// A straight line from 1 to `end` over so many units, then `end`: `LinearLR` with a
    /// `start_factor` of 1.
    case linear(over: Int, end: Double)
  }

  /// What a schedule counts.
  public enum Unit: String, Sendable, Hashable, CaseIterable {
    /// Steps of the optimizer.
    case step
    /// Whole epochs.
    case epoch
  }

  /// A straight line from `start` to 1 over the first units: `LinearLR` with an `end_factor` of 1.
  public struct Warmup: Sendable, Hashable {
    /// Over how many units; at least 1.
    public var over: Int
    /// The factor of the very first; from 0 to 1.
    public var start: Double

    /// Where `LinearLR` starts if nobody says.
    public static let defaultStart = 1.0 / 3

    /// Creates a warm-up.
    public init(over: Int, start: Double = Self.defaultStart) {
      self.over = over
      self.start = start
    }
  }

  /// The rate stays as it is.
  public static let constant = Schedule(shape: .constant)

  /// Creates a schedule.
  public init(shape: Shape, unit: Unit = .epoch, warmup: Warmup? = nil) {
    self.shape = shape
    self.unit = unit
    self.warmup = warmup
  }

  /// The name of the shape, as files have it.
  public var kind: String {
    switch shape {
    case .constant: "constant"
    case .step: "step"
    case .multiStep: "multi_step"
    case .cosine: "cosine"
    case .linear: "linear"
    }
  }

  /// The names of all shapes.
  public static let kinds = ["constant", "step", "multi_step", "cosine", "linear"]

  /// What the initial learning rate is multiplied by.
  ///
  /// - Parameter count: How many units are done.
  /// - Returns: The factor for the next step.
  public func factor(after count: Int) -> Double {
    guard let warmup, warmup.over > 0 else { return factor(ofShapeAfter: count) }
    if count < warmup.over {
      return warmup.start + (1 - warmup.start) * (Double(max(0, count)) / Double(warmup.over))
    }
    return factor(ofShapeAfter: count - warmup.over)
  }

  private func factor(ofShapeAfter count: Int) -> Double {
    let count = max(0, count)
    switch shape {
    case .constant: return 1
    case .step(let every, let factor): return power(factor, count / max(1, every))
    case .multiStep(let milestones, let factor):
      return power(factor, milestones.count { $0 <= count })
    case .cosine(let over, let end):
      guard count < over else { return end }
      return end + (1 - end) * (1 + cos(Double.pi * Double(count) / Double(over))) / 2
    case .linear(let over, let end):
      guard count < over else { return end }
      return 1 + (end - 1) * (Double(count) / Double(over))
    }
  }

  /// Whether the factor never changes again.
  ///
  /// - Parameter count: How many units are done.
  /// - Returns: Whether that of the next step is that of all steps after it.
  public func isConstant(after count: Int) -> Bool {
    let start = warmup?.over ?? 0
    guard count >= start else { return false }
    switch shape {
    case .constant: return true
    case .step(_, let factor): return factor == 1
    case .multiStep(let milestones, let factor):
      return factor == 1 || count - start >= milestones.last ?? 0
    case .cosine(let over, let end), .linear(let over, let end):
      return end == 1 || count - start >= over
    }
  }

  /// Checks that the numbers make sense.
  ///
  /// - Throws: `invalidArgument`, naming the number and its range.
  public func validate() throws(FlywheelError) {
    switch shape {
    case .constant: break
    case .step(let every, let factor):
      try require("every", every)
      try require("factor", factor, isWithin: factor >= 0, "at least 0")
    case .multiStep(let milestones, let factor):
      let isRising = zip(milestones, milestones.dropFirst()).allSatisfy { $0 < $1 }
      guard isRising, let first = milestones.first, let last = milestones.last,
        Self.counts.contains(first), Self.counts.contains(last)
      else {
        throw FlywheelError(
          .invalidArgument,
          "The schedule's milestones are \(milestones); give at least one, from 1 to 2^53, rising."
        )
      }
      try require("factor", factor, isWithin: factor >= 0, "at least 0")
    case .cosine(let over, let end), .linear(let over, let end):
      try require("over", over)
      try require("end", end, isWithin: end >= 0, "at least 0")
    }
    guard let warmup else { return }
    try require("warmup", warmup.over)
    let start = warmup.start
    try require("warmup_start", start, isWithin: start >= 0 && start <= 1, "from 0 to 1")
  }

  /// What can be counted to: more is not held exactly by every reader of a checkpoint.
  private static let counts = 1...(1 << 53)

  private func require(_ name: String, _ count: Int) throws(FlywheelError) {
    guard Self.counts.contains(count) else {
      throw FlywheelError(
        .invalidArgument,
        "The schedule's \(name) is \(count); it must be a whole number from 1 to 2^53."
      )
    }
  }

  private func require(
    _ name: String,
    _ value: Double,
    isWithin: Bool,
    _ range: String
  ) throws(FlywheelError) {
    guard isWithin, value.isFinite else {
      throw FlywheelError(
        .invalidArgument,
        "The schedule's \(name) is \(value); it must be a number \(range)."
      )
    }
  }
}
