internal import FlywheelCore

/// The array that indexes the chunks of datasets that cannot grow beyond their largest extents.
///
/// Format specification, section VII.C.
struct ChunkFixedArray {
  private let dataAddress: UInt64?
  private let elementCount: UInt64
  private var blocks: ChunkArrayBlocks

  /// Reads the header of an array.
  ///
  /// - Parameters:
  ///   - address: Where it is.
  ///   - order: Which chunk is at which place of it.
  ///   - isFiltered: Whether chunks go through filters.
  ///   - image: The file.
  /// - Throws: `truncated`, `corrupted`, `malformed`; `unsupported` if it is of another version.
  init(
    at address: UInt64,
    _ order: ChunkOrder,
    isFiltered: Bool,
    in image: FileImage
  ) throws(FlywheelError) {
    let size = 8 + image.lengthSize + image.offsetSize + 4
    let header = try image.bytes(at: address, UInt64(size), "a fixed array's header")
    var fields = FieldReader(header, in: image)
    try fields.signature("FAHD", of: "a fixed array's header")
    try header.requireChecksum("a fixed array's header")
    try fields.version(0, of: "a fixed array")
    let element = try ChunkArrayElement(
      &fields,
      of: "a fixed array",
      isFiltered: isFiltered,
      in: image
    )
    let pageBits = try fields.uint8("the size of a fixed array's pages")
    let countPlace = fields.place
    elementCount = try fields.length("the number of a fixed array's elements")
    guard elementCount == order.count else {
      throw fields.malformed(
        "an array of \(elementCount) chunks",
        expected: "\(order.count.map { "\($0)" } ?? "an extensible array") for the dataset",
        at: countPlace
      )
    }
    dataAddress = try fields.address("the address of a fixed array's elements")
    blocks = ChunkArrayBlocks(
      ofArrayAt: address,
      element,
      pageBits: pageBits,
      order,
      isFiltered: isFiltered,
      in: image
    )
  }

  /// Collects all chunks.
  ///
  /// - Parameter chunks: Takes the chunks.
  /// - Throws: `truncated`, `corrupted`, `malformed`; `unsupported` if the array is of another version.
  mutating func collect(into chunks: inout ChunkIndexBuilder) throws(FlywheelError) {
    guard let dataAddress else { return }
    guard let pageCount = blocks.pageCount(ofBlockWith: elementCount) else {
      let elements = try content(at: dataAddress, blocks.byteCount(ofElements: elementCount))
      return try blocks.add(elements, from: 0, to: &chunks)
    }
    let bits = try content(at: dataAddress, ChunkArrayBitmap.byteCount(ofPages: pageCount))
    let bitmap = ChunkArrayBitmap(bits)
    try blocks.addPages(
      behind: bits,
      elementCount,
      from: 0,
      isWritten: bitmap.isSet,
      to: &chunks
    )
  }

  private mutating func content(
    at address: UInt64,
    _ byteCount: UInt64
  ) throws(FlywheelError) -> StoredBytes {
    try blocks.content(
      ofBlockAt: address,
      "FADB",
      "a fixed array's data block",
      byteCount: byteCount
    )
  }
}
