import CFlywheelDeflate
import FlywheelCore

/// HDF5's byte shuffle (filter 2): the first bytes of all elements, then all second bytes, and so on.
///
/// Bytes at the end that make no whole element stay where they are.
public enum Shuffle {
  /// Shuffles.
  ///
  /// - Parameters:
  ///   - bytes: The elements.
  ///   - elementByteCount: The size of one; 1 or less copies.
  ///   - buffer: Where the shuffled bytes go; as many as `bytes`.
  public static func shuffle(
    _ bytes: RawSpan,
    elementByteCount: Int,
    into buffer: inout MutableRawSpan
  ) {
    precondition(buffer.byteCount == bytes.byteCount, "shuffled bytes are as many as before")
    unsafe move(bytes, elementByteCount, into: &buffer, fw_shuffle)
  }

  /// Undoes `shuffle`.
  ///
  /// - Parameters:
  ///   - bytes: The shuffled bytes.
  ///   - elementByteCount: The size of one element; 1 or less copies.
  ///   - buffer: Where the elements go; as many bytes as `bytes`.
  public static func unshuffle(
    _ bytes: RawSpan,
    elementByteCount: Int,
    into buffer: inout MutableRawSpan
  ) {
    precondition(buffer.byteCount == bytes.byteCount, "shuffled bytes are as many as before")
    unsafe move(bytes, elementByteCount, into: &buffer, fw_unshuffle)
  }

  /// Appends what `shuffle` puts at a range.
  static func appendShuffled(
    _ bytes: RawSpan,
    elementByteCount: Int,
    range: Range<Int>,
    to output: inout [UInt8]
  ) {
    precondition(0 <= range.lowerBound && range.upperBound <= bytes.byteCount, "within the bytes")
    output.append(addingCapacity: range.count) { room in
      unsafe room.withUnsafeMutableBufferPointer { buffer, count in
        unsafe bytes.withUnsafeBytes { source in
          unsafe fw_shuffle_part(
            source.bindMemory(to: UInt8.self).baseAddress,
            source.count,
            max(1, elementByteCount),
            range.lowerBound,
            range.count,
            buffer.baseAddress
          )
        }
        count = range.count
      }
    }
  }

  private typealias Kernel =
    @convention(c) (UnsafePointer<UInt8>?, Int, Int, UnsafeMutablePointer<UInt8>?) -> Void

  private static func move(
    _ bytes: RawSpan,
    _ elementByteCount: Int,
    into buffer: inout MutableRawSpan,
    _ kernel: Kernel
  ) {
    unsafe bytes.withUnsafeBytes { source in
      unsafe buffer.withUnsafeMutableBytes { target in
        // Both have the same count, as the callers have checked, and a kernel touches no more.
        unsafe kernel(
          source.bindMemory(to: UInt8.self).baseAddress,
          source.count,
          max(1, elementByteCount),
          target.bindMemory(to: UInt8.self).baseAddress
        )
      }
    }
  }
}
