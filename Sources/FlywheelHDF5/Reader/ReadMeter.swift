internal import FlywheelCore

/// Counts the bytes that are looked at while all of a file is gone through, or that are kept of it.
///
/// In a sound file each structure belongs to one object, but for types that objects share. Of a file in which
/// thousands of objects name the same large structure, each may be read within its own limits, and all together
/// would take hours and all memory.
final class ReadMeter: Sendable {
  /// How often all bytes of a file may be looked at.
  private static let repetitionLimit = 16
  /// What a small file may have in any case.
  private static let leastLimit = 64 << 20

  private let counter: ByteCounter
  private let advice: String

  /// Whether more was looked at than may be, so that nothing else is.
  var isExceeded: Bool { counter.isExceeded }

  /// Begins to count.
  ///
  /// - Parameter fileByteCount: The size of the file.
  convenience init(fileByteCount: Int) {
    self.init(limit: Self.limit(fileByteCount: fileByteCount))
  }

  /// Begins to count up to another limit.
  ///
  /// - Parameters:
  ///   - limit: The most bytes that are looked at.
  ///   - advice: What can still be done with a file that leads to more, for the error.
  init(limit: Int, advice: String = "") {
    counter = ByteCounter(limit: limit)
    self.advice = advice
  }

  /// The most bytes that are looked at.
  ///
  /// - Parameter fileByteCount: The size of the file.
  /// - Returns: The number of bytes.
  static func limit(fileByteCount: Int) -> Int {
    let (product, overflow) = fileByteCount.multipliedReportingOverflow(by: repetitionLimit)
    return max(leastLimit, overflow ? .max : product)
  }

  /// Counts bytes.
  ///
  /// - Parameter count: How many there are.
  /// - Throws: `limitExceeded`.
  func spend(_ count: Int) throws(FlywheelError) {
    guard counter.spend(count) else {
      throw FlywheelError(
        .limitExceeded,
        "The objects of the file lead to the same bytes again and again: more than \(counter.limit) would have to be "
          + "read. It is damaged, or made to take up time and memory.\(advice)"
      )
    }
  }
}
