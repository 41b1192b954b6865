/// Which checkpoints of a run are kept.
public struct Retention: Sendable, Hashable {
  /// The newest so many are kept; at least one.
  public var last: Int

  /// Creates a policy.
  ///
  /// - Parameter last: How many of the newest checkpoints are kept.
  /// - Precondition: At least one is kept.
  public init(last: Int) {
    precondition(last >= 1, "a run keeps at least its newest checkpoint")
    self.last = last
  }

  /// The checkpoints to delete, given all of them in order of their steps.
  func surplus<Element>(of checkpoints: [Element]) -> ArraySlice<Element> {
    checkpoints.dropLast(last)
  }
}
