internal import FlywheelCore

/// How many bytes of a file may still be read as parts of one structure.
///
/// The parts of a structure do not overlap, so that together they are not larger than the file. Whatever leads
/// from a part to others, even in a circle, comes to an end with this.
struct ReadingBudget {
  private let image: FileImage
  private var remaining: Int

  /// Starts with the whole of a file.
  init(of image: FileImage) {
    self.image = image
    remaining = image.storage.byteCount
  }

  /// Takes the bytes of a part of the structure.
  ///
  /// - Parameters:
  ///   - address: Where they begin, as the file counts.
  ///   - count: How many they are.
  ///   - what: What they are, for the error.
  /// - Throws: `truncated` if the file ends before they do, `malformed` if all parts are larger than the file.
  /// - Returns: The bytes.
  mutating func bytes(
    at address: UInt64,
    _ count: UInt64,
    _ what: StaticString
  ) throws(FlywheelError) -> StoredBytes {
    let bytes = try image.bytes(at: address, count, what)
    guard bytes.count <= remaining else {
      throw FlywheelError.malformed(
        found: "\(what) after parts of the same structure that fill the file",
        expected: "parts that do not overlap",
        at: .init(byteOffset: UInt64(bytes.fileOffset))
      )
    }
    remaining -= bytes.count
    return bytes
  }
}
