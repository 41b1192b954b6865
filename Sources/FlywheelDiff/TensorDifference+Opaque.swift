internal import CFlywheelKernels
public import FlywheelCore

extension TensorDifference {
  /// Compares elements of a type that nobody looks into, such as texts: byte by byte, with no tolerance.
  ///
  /// Only the counts of elements and of differing ones mean anything.
  ///
  /// - Parameters:
  ///   - first: The bytes of the first array.
  ///   - second: The bytes of the second array.
  ///   - elementByteCount: The number of bytes of one element; of elements without bytes there are none to
  ///     compare.
  /// - Throws: `mismatch` if the arrays do not have the same number of bytes, or the number is not one of
  ///   whole elements.
  public init(
    ofOpaque first: RawSpan,
    and second: RawSpan,
    elementByteCount: Int
  ) throws(FlywheelError) {
    self.init()
    guard elementByteCount > 0 || first.byteCount == 0, first.byteCount == second.byteCount,
      elementByteCount == 0 || first.byteCount % elementByteCount == 0
    else {
      throw FlywheelError(
        .mismatch,
        """
        \(first.byteCount) and \(second.byteCount) bytes are not as many elements of \(elementByteCount) \
        bytes each.
        """
      )
    }
    guard elementByteCount > 0 else { return }
    count = first.byteCount / elementByteCount
    differingCount = unsafe first.withUnsafeBytes { first in
      unsafe second.withUnsafeBytes { second in
        // Both have `count` elements.
        unsafe Int(
          fw_count_other_bytes(first.baseAddress, second.baseAddress, count, elementByteCount)
        )
      }
    }
    bitDifferingCount = differingCount
    outsideCount = differingCount
  }
}
