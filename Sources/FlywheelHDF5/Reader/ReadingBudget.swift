internal import FlywheelCore

/// How many bytes may still be read as parts of one structure.
///
/// The parts of a structure do not overlap, so that together they are not larger than the file. Whatever leads
/// from a part to others, even in a circle, comes to an end with this.
struct ReadingBudget {
  private var remaining: Int

  /// Starts with a number of bytes.
  init(byteCount: Int) { remaining = byteCount }

  /// Starts with the whole of a file.
  init(of image: FileImage) { self.init(byteCount: image.storage.byteCount) }

  /// Counts a part of the structure.
  ///
  /// - Parameters:
  ///   - count: How many bytes it has.
  ///   - parts: What such parts are, for the error.
  ///   - structure: What they are parts of, for the error.
  ///   - place: Where in the file the part is, or what leads to it.
  /// - Throws: `malformed` if all parts are larger than what there was in the beginning.
  mutating func spend(
    _ count: Int,
    _ parts: StaticString,
    of structure: StaticString,
    at place: Int
  ) throws(FlywheelError) {
    guard count <= remaining else {
      throw FlywheelError.malformed(
        found: "\(parts) of \(structure) that overlap",
        expected: "\(parts) each in a place of its own",
        at: .init(byteOffset: UInt64(place))
      )
    }
    remaining -= count
  }

  /// Takes the bytes of a part of the structure.
  ///
  /// - Parameters:
  ///   - address: Where they begin, as the file counts.
  ///   - count: How many they are.
  ///   - what: What they are, for the error.
  ///   - image: The file.
  /// - Throws: `truncated` if the file ends before they do, `malformed` if all parts are larger than the file.
  /// - Returns: The bytes.
  mutating func bytes(
    at address: UInt64,
    _ count: UInt64,
    _ what: StaticString,
    in image: FileImage
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
