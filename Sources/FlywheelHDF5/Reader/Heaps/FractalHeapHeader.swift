internal import FlywheelCore

/// What a fractal heap says about itself.
///
/// Format specification, section III.G, "Fractal Heap Header".
struct FractalHeapHeader: Sendable {
  /// Where the heap is; its blocks repeat it.
  let address: UInt64
  /// The size of what names an object of the heap.
  let idByteCount: Int
  /// Whether direct blocks have checksums.
  let hasBlockChecksums: Bool
  /// Where the B-tree is that finds huge objects; nil if there are none.
  let hugeTreeAddress: UInt64?
  /// How managed objects lie in blocks.
  let table: DoublingTable
  /// The block that managed objects begin in; nil if there are none.
  let root: Root?
  /// The size of a place within the heap.
  let offsetByteCount: Int
  /// The size of the length of a managed object.
  let lengthByteCount: Int
  /// The message that tells what direct blocks and huge objects went through; nil if nothing.
  let filters: StoredBytes?

  /// The block that managed objects begin in.
  enum Root: Sendable {
    /// The only block.
    case direct(StoredBlock)
    /// A table of blocks.
    case indirect(address: UInt64, rowCount: Int)
  }

  /// How a direct block, or a huge object, lies in the file.
  struct StoredBlock: Sendable {
    let address: UInt64
    let byteCount: UInt64
    /// The filters that were left out when it was written.
    let skippedFilters: UInt32
  }

  /// Reads the header at an address.
  ///
  /// - Parameters:
  ///   - address: Where it is.
  ///   - image: The file.
  /// - Throws: `truncated`, `corrupted`, `malformed`; `unsupported` if it is of another version.
  init(at address: UInt64, in image: FileImage) throws(FlywheelError) {
    let header = try Self.bytes(at: address, in: image)
    try header.requireChecksum("a fractal heap")
    var fields = FieldReader(header, in: image)
    try fields.signature("FRHP", of: "a fractal heap")
    try fields.version(0, of: "a fractal heap")
    let idPlace = fields.place
    let idByteCount = Int(try fields.uint16("the size of a heap's IDs"))
    let filterByteCount = Int(try fields.uint16("the size of a heap's filters"))
    let flags = try fields.uint8("a heap's flags")
    let largestManaged = UInt64(try fields.uint32("the largest object in a heap's blocks"))
    _ = try fields.length("the next huge object")
    hugeTreeAddress = try fields.address("the huge objects of a heap")
    _ = try fields.length("the free space of a heap")
    _ = try fields.address("the free space of a heap")
    // How much of all is used, eight numbers that nothing depends on.
    try fields.skip(8 * image.lengthSize, "the statistics of a heap")
    let table = try DoublingTable(&fields)
    root = try Self.root(&fields, in: table, isFiltered: filterByteCount > 0)
    filters =
      filterByteCount > 0
      ? header.part(fields.position..<fields.position + filterByteCount) : nil
    offsetByteCount = (table.spaceBits + 7) / 8
    lengthByteCount = min(
      (table.lastDirectBits + 7) / 8,
      UInt64.byteCount(upTo: largestManaged)
    )
    guard idByteCount >= 1 + offsetByteCount + lengthByteCount else {
      throw fields.malformed(
        "IDs of \(idByteCount) bytes in a heap",
        expected: "places and lengths of its objects",
        at: idPlace
      )
    }
    self.address = address
    self.idByteCount = idByteCount
    self.table = table
    hasBlockChecksums = flags & 0x02 != 0
  }

  /// Reads where managed objects begin; nil if there are none.
  private static func root(
    _ fields: inout FieldReader,
    in table: DoublingTable,
    isFiltered: Bool
  ) throws(FlywheelError) -> Root? {
    _ = try fields.uint16("the first rows of a heap")
    let address = try fields.address("the root of a heap")
    let rowPlace = fields.place
    let rowCount = Int(try fields.uint16("the rows of a heap"))
    guard rowCount <= table.rowLimit else {
      throw fields.malformed(
        "\(rowCount) rows in a heap's table",
        expected: "at most \(table.rowLimit)",
        at: rowPlace
      )
    }
    var byteCount = table.blockByteCount(inRow: 0)
    var skippedFilters: UInt32 = 0
    if isFiltered {
      byteCount = try fields.length("the size of a heap's root")
      skippedFilters = try fields.uint32("the filters of a heap's root")
    }
    guard let address else { return nil }
    guard rowCount == 0 else { return .indirect(address: address, rowCount: rowCount) }
    return .direct(
      StoredBlock(address: address, byteCount: byteCount, skippedFilters: skippedFilters)
    )
  }

  /// The bytes of the header, those of the filters included.
  private static func bytes(
    at address: UInt64,
    in image: FileImage
  ) throws(FlywheelError) -> StoredBytes {
    let size = UInt64(26 + 12 * image.lengthSize + 3 * image.offsetSize)
    let header = try image.bytes(at: address, size, "a fractal heap")
    var fields = FieldReader(header, in: image)
    try fields.signature("FRHP", of: "a fractal heap")
    try fields.skip(3, "a fractal heap")
    let filterByteCount = UInt64(try fields.uint16("the size of a heap's filters"))
    guard filterByteCount > 0 else { return header }
    let extra = UInt64(image.lengthSize + 4) + filterByteCount
    return try image.bytes(at: address, size + extra, "a fractal heap")
  }
}
