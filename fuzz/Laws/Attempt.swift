import FlywheelCore

/// Bytes of a file that are being read, and what holds for every error that they cause.
struct Attempt {
  /// How many bytes there are.
  let byteCount: Int
  /// Whether errors may lie where an address leads that is in the bytes: behind them.
  var allowsAddresses = false

  /// Does what the bytes may not allow.
  ///
  /// - Parameter body: Reads something.
  /// - Throws: `BrokenLaw` if it fails in a way that no bytes may cause.
  /// - Returns: What was read; nil if the bytes do not allow it.
  func callAsFunction<Result: ~Copyable>(
    _ body: () throws(FlywheelError) -> Result
  ) throws(BrokenLaw) -> Result? {
    do throws(FlywheelError) {
      return try body()
    } catch {
      try check(error)
      return nil
    }
  }

  /// Checks that an error puts the blame on the bytes, and says where it lies.
  ///
  /// - Parameter error: The error.
  /// - Throws: `BrokenLaw`.
  func check(_ error: FlywheelError) throws(BrokenLaw) {
    let codes: Set<FlywheelError.Code> = [
      .malformed, .truncated, .corrupted, .unsupported, .limitExceeded, .notFound, .mismatch,
    ]
    try BrokenLaw.unless(
      codes.contains(error.code),
      "the bytes are at fault, but the error is \(error.code): \(error)"
    )
    try BrokenLaw.unless(
      allowsAddresses || error.location.byteOffset ?? 0 <= UInt64(byteCount),
      "an error lies behind the \(byteCount) bytes: \(error)"
    )
    // An escaped byte takes up to ten.
    try BrokenLaw.unless(
      error.description.utf8.count <= 2_000 + 10 * byteCount,
      "\(byteCount) bytes make an error of \(error.description.utf8.count)"
    )
  }
}
