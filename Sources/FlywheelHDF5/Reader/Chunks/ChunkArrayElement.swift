internal import FlywheelCore

/// How an index of chunks writes where one lies: its address, and if it went through filters its size and those
/// that it skipped.
///
/// Format specification, sections VII.C (fixed arrays), VII.D (extensible arrays) and III.A.2 (B-trees).
struct ChunkArrayElement: Sendable {
  /// The number of bytes of an element.
  let byteCount: Int
  /// How many of them are the size of a chunk; nil without filters.
  private let sizeByteCount: Int?

  /// Knows the form from its size; nil if there is none of this size.
  ///
  /// - Parameters:
  ///   - byteCount: The number of bytes of an element.
  ///   - isFiltered: Whether chunks go through filters.
  ///   - image: The file, for the size of addresses.
  init?(byteCount: Int, isFiltered: Bool, in image: FileImage) {
    self.byteCount = byteCount
    let rest = byteCount - image.offsetSize
    if isFiltered {
      sizeByteCount = rest - Self.maskByteCount
      guard (1...8).contains(rest - Self.maskByteCount) else { return nil }
    } else {
      sizeByteCount = nil
      guard rest == 0 else { return nil }
    }
  }

  private static let maskByteCount = 4

  /// Reads the form in the header of an array: what its elements are, and their size.
  ///
  /// - Parameters:
  ///   - fields: Where it is; advanced behind it.
  ///   - array: What array it is, for the error.
  ///   - isFiltered: Whether chunks go through filters.
  ///   - image: The file, for the size of addresses.
  /// - Throws: `truncated`; `malformed` if the elements are no chunks, or others than those of the dataset.
  init(
    _ fields: inout FieldReader,
    of array: StaticString,
    isFiltered: Bool,
    in image: FileImage
  ) throws(FlywheelError) {
    let place = fields.place
    let client = try fields.uint8("what an array holds")
    let byteCount = Int(try fields.uint8("the size of an array's elements"))
    let element = Self(byteCount: byteCount, isFiltered: isFiltered, in: image)
    guard client == Self.client(isFiltered: isFiltered), let element else {
      throw fields.malformed(
        "elements of kind \(client) and \(byteCount) bytes in \(array)",
        expected: isFiltered ? "chunks with filters" : "chunks without filters",
        at: place
      )
    }
    self = element
  }

  /// What an array and each of its blocks say that they hold.
  static func client(isFiltered: Bool) -> UInt8 { isFiltered ? 1 : 0 }

  /// Reads where a chunk lies.
  ///
  /// - Parameters:
  ///   - fields: The fields, at the element.
  ///   - plainByteCount: The size of a chunk that went through no filter.
  /// - Throws: `truncated`.
  /// - Returns: The place; nil if the chunk was never written.
  func read(
    _ fields: inout FieldReader,
    plainByteCount: UInt64
  ) throws(FlywheelError) -> ChunkPlace? {
    let address = try fields.address("the address of a chunk")
    var byteCount = plainByteCount
    var skippedFilters: UInt32 = 0
    if let sizeByteCount {
      byteCount = try fields.uint(sizeByteCount, "the size of a chunk")
      skippedFilters = try fields.uint32("the filters that a chunk skipped")
    }
    guard let address else { return nil }
    return ChunkPlace(address: address, byteCount: byteCount, skippedFilters: skippedFilters)
  }
}
