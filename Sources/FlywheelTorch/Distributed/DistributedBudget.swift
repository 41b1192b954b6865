import FlywheelCore

/// How many bytes may still be made of the metadata of a distributed checkpoint: names may be shared, so that a
/// short pickle can say a great deal.
struct DistributedBudget {
  private var byteCount: Int

  /// - Parameter sourceByteCount: The number of bytes that it is all made of.
  init(of sourceByteCount: Int) {
    let (product, overflow) = sourceByteCount.multipliedReportingOverflow(by: 64)
    // A mebibyte is any checkpoint's to use.
    byteCount = overflow ? .max : max(product, 1 << 20)
  }

  /// Takes from it.
  ///
  /// - Parameter count: About how many bytes something takes.
  /// - Throws: `limitExceeded` if there are no more.
  mutating func spend(_ count: Int) throws(FlywheelError) {
    let (rest, overflow) = byteCount.subtractingReportingOverflow(count)
    guard !overflow, rest >= 0 else {
      throw FlywheelError(
        .limitExceeded,
        "The metadata repeat names or chunks too often for their size; PyTorch writes no such."
      )
    }
    byteCount = rest
  }
}
