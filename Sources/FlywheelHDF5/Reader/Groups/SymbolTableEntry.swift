internal import FlywheelCore

/// A link of an old group.
///
/// Format specification, section III.C.
struct SymbolTableEntry: Sendable {
  /// Where in the group's heap its name is.
  let nameOffset: UInt64
  /// What it leads to.
  let target: Target
  /// Where in the file the entry is.
  let place: Int

  /// What a link leads to.
  enum Target: Sendable {
    /// The object whose header is at an address.
    case object(address: UInt64)
    /// The path that is in the group's heap.
    case soft(pathOffset: UInt64)
  }

  /// The size of an entry.
  ///
  /// - Parameter image: The file, for the size of its addresses and lengths.
  /// - Returns: The number of bytes.
  static func byteCount(in image: FileImage) -> Int {
    image.lengthSize + image.offsetSize + 24
  }

  /// Reads an entry.
  ///
  /// - Parameter fields: Where it is; advanced behind it.
  /// - Throws: `truncated`; `malformed` if it leads nowhere.
  init(_ fields: inout FieldReader) throws(FlywheelError) {
    place = fields.place
    // The specification calls it an offset, but libhdf5 writes a length.
    nameOffset = try fields.length("the place of a link's name")
    let addressPlace = fields.place
    let address = try fields.address("the address of a link's object")
    // What the scratch space says: 0 nothing, 1 where a group's tree and heap are, 2 where a path is.
    let kind = try fields.uint32("the kind of a link")
    try fields.skip(4, "reserved bytes")
    let pathOffset = try fields.uint32("the place of a link's path")
    try fields.skip(12, "the scratch space of a link")
    if kind == 2 {
      target = .soft(pathOffset: UInt64(pathOffset))
    } else if let address {
      target = .object(address: address)
    } else {
      throw fields.malformed("no address", expected: "a link's object", at: addressPlace)
    }
  }
}
