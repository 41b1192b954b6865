internal import Synchronization

/// Counts bytes up to a limit, for any number of threads.
struct ByteCounter: ~Copyable, Sendable {
  /// The most bytes.
  let limit: Int
  private let spent = Atomic(0)

  /// Begins at none.
  init(limit: Int) {
    // Far from overflow, and nobody has so many.
    self.limit = min(limit, .max / 4)
  }

  /// Whether there were too many, as there are from then on.
  var isExceeded: Bool { spent.load(ordering: .relaxed) > limit }

  /// Counts bytes.
  ///
  /// - Parameter count: How many there are.
  /// - Returns: Whether they are not too many.
  func spend(_ count: Int) -> Bool {
    // Nothing is added beyond the limit, so that no number of calls comes round to where it began.
    guard !isExceeded else { return false }
    let counted = count > limit ? limit + 1 : count
    return spent.wrappingAdd(counted, ordering: .relaxed).newValue <= limit
  }
}
