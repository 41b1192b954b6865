internal import FlywheelCore

/// How the elements of a dataset lie in the file.
///
/// Format specification, section IV.A.2.i.
enum DataLayout: Sendable {
  /// In the message itself.
  case compact(StoredBytes)
  /// In one piece; nowhere if nothing was ever written. Old messages do not say of how many bytes.
  case contiguous(address: UInt64?, byteCount: UInt64?)
  /// In blocks of one shape.
  case chunked(ChunkedLayout)
  /// In other datasets.
  case virtual

  /// Reads a message.
  ///
  /// - Parameters:
  ///   - content: What it says.
  ///   - image: The file.
  /// - Throws: `malformed` or `truncated` if it is no layout, `unsupported` for a newer version,
  ///   `limitExceeded` if the size of a chunk overflows.
  init(_ content: borrowing StoredBytes, in image: borrowing FileImage) throws(FlywheelError) {
    var fields = FieldReader(content, in: image)
    let version = try fields.version(1...5, of: "a data layout")
    if version < 3 {
      self = try Self.old(&fields, content)
      return
    }
    let place = fields.place
    switch (try fields.uint8("a data layout's class"), version) {
    case (0, _):
      let byteCount = Int(try fields.uint16("the size of compact data"))
      self = .compact(try Self.part(byteCount, of: content, &fields))
    case (1, _):
      let address = try fields.address("the address of data")
      self = .contiguous(address: address, byteCount: try fields.length("the size of data"))
    case (2, 3):
      self = .chunked(try ChunkedLayout(version3: &fields))
    case (2, _):
      self = .chunked(try ChunkedLayout(version4: &fields))
    case (3, 4...):
      self = .virtual
    case (let layoutClass, _):
      throw Self.unknown(layoutClass, fields, at: place)
    }
  }

  /// Versions 1 and 2, in which all classes share their fields.
  private static func old(
    _ fields: inout FieldReader,
    _ content: StoredBytes
  ) throws(FlywheelError) -> DataLayout {
    let rankPlace = fields.place
    let rank = Int(try fields.uint8("a data layout's rank"))
    guard (1...ChunkedLayout.rankLimit).contains(rank) else {
      throw fields.malformed("a data layout with \(rank) axes", expected: "1 to 33", at: rankPlace)
    }
    let place = fields.place
    let layoutClass = try fields.uint8("a data layout's class")
    try fields.skip(5, "a data layout's padding")
    switch layoutClass {
    case 0:
      try fields.skip(4 * rank, "the extents of compact data")
      let byteCount = Int(try fields.uint32("the size of compact data"))
      return .compact(try part(byteCount, of: content, &fields))
    case 1:
      // The extents that follow have 32 bits, and lie where there are more elements.
      return .contiguous(address: try fields.address("the address of data"), byteCount: nil)
    case 2:
      return .chunked(try ChunkedLayout(&fields, rank: rank, at: rankPlace))
    default:
      throw unknown(layoutClass, fields, at: place)
    }
  }

  private static func part(
    _ byteCount: Int,
    of content: StoredBytes,
    _ fields: inout FieldReader
  ) throws(FlywheelError) -> StoredBytes {
    let start = fields.position
    try fields.skip(byteCount, "compact data")
    return content.part(start..<fields.position)
  }

  private static func unknown(
    _ layoutClass: UInt8,
    _ fields: borrowing FieldReader,
    at place: Int
  ) -> FlywheelError {
    fields.malformed(
      "a data layout of class \(layoutClass)",
      expected: "a known one",
      at: place
    )
  }
}
