import FlywheelCore

/// The memory that tensors are views of, as a pickle names it; or a part of it, as old files have it.
struct TorchStorage: Sendable, Hashable {
  /// The name of its bytes in the file.
  let key: String
  /// What the elements are; nil for bytes that only tensors say a type of.
  let type: TorchType?
  /// The number of its elements, of all parts.
  let count: Int
  /// The number of its bytes, of all parts.
  let byteCount: Int
  /// Which of its elements this is.
  let part: Range<Int>

  /// PyTorch numbers storages; a long name would be compared and told again for each tensor.
  private static let keyLimit = 255

  /// - Parameters:
  ///   - key: The name of its bytes in the file.
  ///   - type: What the elements are; nil for bytes.
  ///   - count: The number of its elements.
  ///   - part: Which of them this is; nil for all.
  /// - Throws: `malformed` if there is no such part, `limitExceeded` if the number of bytes overflows, or the name
  ///   is longer than any.
  init(
    key: String,
    type: TorchType?,
    count: Int,
    part: (start: Int, count: Int)? = nil
  ) throws(FlywheelError) {
    guard key.utf8.count <= Self.keyLimit else {
      throw FlywheelError(
        .limitExceeded,
        "The storage \(quoted(key)) has a name of \(key.utf8.count) bytes; PyTorch gives them numbers."
      )
    }
    let part = part ?? (0, count)
    guard count >= 0, part.start >= 0, part.count >= 0, part.start <= count,
      part.count <= count - part.start
    else {
      throw FlywheelError.malformed(
        found: "\(part.count) elements from \(part.start) on",
        expected: "a part of the \(count) elements of the storage \(quoted(key))"
      )
    }
    let (byteCount, overflow) = count.multipliedReportingOverflow(
      by: type?.element.byteCount ?? 1
    )
    guard !overflow else { throw FlywheelError.overflow("a storage of \(count) elements") }
    self.key = key
    self.type = type
    self.count = count
    self.byteCount = byteCount
    self.part = part.start..<part.start + part.count
  }

  /// Which of its bytes this is.
  var bytes: Range<Int> {
    let size = type?.element.byteCount ?? 1
    return part.lowerBound * size..<part.upperBound * size
  }

  /// Whether both can be in one file: the same storage has one size and one type.
  func agrees(with other: TorchStorage) -> Bool {
    type == other.type && count == other.count
  }
}
