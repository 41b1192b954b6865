public import FlywheelCore

/// Which steps of a run are traced.
public struct TraceRequest: Sendable, Hashable {
  /// The number of steps taken before the first traced one.
  public let from: Int
  /// How many steps are traced.
  public let count: Int

  /// What a trace may take of memory, in bytes: it is held until it is written, and then once more.
  public static let memoryLimit = 1 << 30

  /// Creates a request.
  ///
  /// - Parameters:
  ///   - from: The number of steps before the first traced one.
  ///   - count: How many steps are traced.
  /// - Throws: `invalidArgument` if `from` is negative or `count` not positive.
  public init(from: Int, count: Int) throws(FlywheelError) {
    guard (0...1 << 40).contains(from), (1...1 << 40).contains(count) else {
      throw FlywheelError(
        .invalidArgument,
        "A trace from step \(from) of \(count) steps makes no sense; it starts at step 0 or later "
          + "and has at least one step."
      )
    }
    self.from = from
    self.count = count
  }
}
