internal import FlywheelCore

/// The names of an old group's links, each ended by a zero.
///
/// It has no checksum. Format specification, section III.D.
struct LocalHeap: Sendable {
  /// The bytes that names lie in.
  private let segment: StoredBytes
  /// Names do not overlap in a sound file, so that all of them together fit the heap.
  private var unread: Int

  /// Reads the header of a heap.
  ///
  /// - Parameters:
  ///   - address: Where it is.
  ///   - image: The file.
  /// - Throws: `truncated` or `malformed`; `unsupported` if it is of another version.
  init(at address: UInt64, in image: FileImage) throws(FlywheelError) {
    let size = 4 + 1 + 3 + 2 * image.lengthSize + image.offsetSize
    let header = try image.bytes(at: address, UInt64(size), "a group's heap")
    var fields = FieldReader(header, in: image)
    try fields.signature("HEAP", of: "a group's heap")
    try fields.version(0, of: "a group's heap")
    try fields.skip(3, "reserved bytes")
    let byteCount = try fields.length("the size of a group's heap")
    _ = try fields.length("the free space of a group's heap")
    let place = fields.place
    guard let data = try fields.address("the data of a group's heap") else {
      throw fields.malformed("no address", expected: "the names of a group", at: place)
    }
    segment = try image.bytes(at: data, byteCount, "the names of a group")
    unread = segment.count
  }

  /// Takes a text out of the heap, once.
  ///
  /// - Parameters:
  ///   - offset: Where in the heap it begins.
  ///   - place: Where in the file that is said, for the error.
  /// - Throws: `malformed` if it begins beyond the heap, has no end, or lies in others.
  /// - Returns: The text, without its zero.
  mutating func takeText(
    at offset: UInt64,
    saidAt place: Int
  ) throws(FlywheelError) -> StoredBytes {
    guard offset < UInt64(segment.count) else {
      throw Self.malformed("a name at \(offset)", "one within a heap of \(segment.count)", place)
    }
    let start = Int(offset)
    guard let end = segment.firstZero(from: start) else {
      throw Self.malformed("a name without an end", "one that a zero ends", place)
    }
    unread -= end - start + 1
    guard unread >= 0 else {
      throw Self.malformed("names that overlap", "each in a place of its own", place)
    }
    return segment.part(start..<end)
  }

  private static func malformed(
    _ found: String,
    _ expected: String,
    _ place: Int
  ) -> FlywheelError {
    .malformed(found: found, expected: expected, at: .init(byteOffset: UInt64(place)))
  }
}
