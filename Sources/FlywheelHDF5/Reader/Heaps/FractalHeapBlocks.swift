internal import FlywheelCore

/// The direct blocks of a fractal heap, which its managed objects lie in.
///
/// Format specification, section III.G, "Fractal Heap Direct Block" and "Fractal Heap Indirect Block".
struct FractalHeapBlocks {
  private let header: FractalHeapHeader
  private let image: FileImage
  /// All blocks, in the order of their places in the heap.
  private var blocks: [Block] = []
  /// Whether they were looked for, as they are when one is first asked for.
  private var isSearched = false
  /// What was wrong with them.
  private var failure: FlywheelError?
  private var budget: ReadingBudget

  /// A direct block.
  private struct Block {
    /// Where in the space of the heap it begins.
    let offset: UInt64
    /// Its size there.
    let byteCount: UInt64
    let stored: FractalHeapHeader.StoredBlock
    /// Its bytes, once they were checked.
    var content: StoredBytes?
  }

  /// Looks into the blocks of a heap; nothing is read yet.
  ///
  /// - Parameters:
  ///   - header: What the heap says about itself.
  ///   - image: The file.
  init(of header: FractalHeapHeader, in image: FileImage) {
    self.header = header
    self.image = image
    budget = ReadingBudget(of: image)
  }

  /// Finds an object.
  ///
  /// - Parameters:
  ///   - offset: Where in the heap it is.
  ///   - length: Its size.
  ///   - place: Where in the file that is said, for the error.
  /// - Throws: `malformed` if it is in no block; `truncated`, `corrupted` or `malformed` if the block or a
  ///   table is damaged.
  /// - Returns: Its bytes.
  mutating func object(
    at offset: UInt64,
    _ length: UInt64,
    saidAt place: Int
  ) throws(FlywheelError) -> StoredBytes {
    try findBlocks()
    let index = firstBlock(behind: offset) - 1
    guard index >= 0, offset - blocks[index].offset >= UInt64(prefixByteCount),
      offset - blocks[index].offset <= blocks[index].byteCount,
      length <= blocks[index].byteCount - (offset - blocks[index].offset)
    else {
      throw FlywheelError.malformed(
        found: "\(length) bytes at \(offset) of a heap",
        expected: "an object in a block of it",
        at: .init(byteOffset: UInt64(place))
      )
    }
    let content = try content(ofBlock: index)
    let start = Int(offset - blocks[index].offset)
    return content.part(start..<start + Int(length))
  }

  /// The index of the first block that begins behind a place.
  private func firstBlock(behind offset: UInt64) -> Int {
    var (low, high) = (0, blocks.count)
    while low < high {
      let middle = (low + high) / 2
      if blocks[middle].offset <= offset { low = middle + 1 } else { high = middle }
    }
    return low
  }

  // MARK: Direct blocks

  /// The bytes in front of the first object in a block.
  private var prefixByteCount: Int {
    5 + image.offsetSize + header.offsetByteCount + (header.hasBlockChecksums ? 4 : 0)
  }

  /// The bytes of a block, held against what the heap says of it when they are first asked for.
  private mutating func content(ofBlock index: Int) throws(FlywheelError) -> StoredBytes {
    if let content = blocks[index].content { return content }
    let content = try read(blocks[index])
    blocks[index].content = content
    return content
  }

  private mutating func read(_ block: Block) throws(FlywheelError) -> StoredBytes {
    let stored = block.stored
    let bytes = try image.bytes(at: stored.address, stored.byteCount, "a block of a heap")
    var content = bytes
    if let filters = header.filters {
      content = try FilteredBlock.undone(
        bytes,
        filters,
        skipped: stored.skippedFilters,
        byteCount: block.byteCount,
        in: image
      )
    }
    var fields = FieldReader(content, in: image)
    try fields.signature("FHDB", of: "a block of a heap")
    if header.hasBlockChecksums { try requireChecksum(content) }
    try requirePrefix(&fields, offset: block.offset)
    try budget.spend(bytes.count, "blocks", of: "a heap", at: bytes.fileOffset)
    return content
  }

  /// Passes over what blocks and tables begin with, and holds it against the heap.
  private func requirePrefix(
    _ fields: inout FieldReader,
    offset: UInt64
  ) throws(FlywheelError) {
    try fields.version(0, of: "a block of a heap")
    let place = fields.place
    let owner = try fields.address("the heap of a block")
    let found = try fields.uint(header.offsetByteCount, "the place of a block in its heap")
    guard owner == header.address, found == offset else {
      throw fields.malformed(
        "a block of another heap, or for another place",
        expected: "the heap's at \(offset)",
        at: place
      )
    }
  }

  /// The checksum lies within the block, and counts as zero itself.
  private func requireChecksum(_ content: StoredBytes) throws(FlywheelError) {
    let end = prefixByteCount
    guard content.count >= end else {
      throw FlywheelError.truncated(
        "a block of a heap",
        needed: UInt64(end),
        available: UInt64(content.count),
        at: .init(byteOffset: UInt64(content.fileOffset))
      )
    }
    var fields = FieldReader(content, in: image)
    try fields.skip(end - 4, "a block of a heap")
    let stored = try fields.uint32("the checksum of a block")
    // Only read, and copied.
    var bytes = unsafe content.span.withUnsafeBytes { unsafe [UInt8]($0) }
    for index in end - 4..<end { bytes[index] = 0 }
    guard MetadataChecksum.checksum(unsafe bytes.span.bytes) == stored else {
      throw FlywheelError(
        .corrupted,
        "The checksum of a block of a heap does not match: its bytes have changed since they were written. "
          + "Use another copy of the file.",
        at: .init(byteOffset: UInt64(content.fileOffset))
      )
    }
  }

  // MARK: Indirect blocks

  /// Reads the tables, once.
  private mutating func findBlocks() throws(FlywheelError) {
    if let failure { throw failure }
    guard !isSearched else { return }
    isSearched = true
    do throws(FlywheelError) {
      try readTables()
    } catch {
      failure = error
      throw error
    }
  }

  private mutating func readTables() throws(FlywheelError) {
    switch header.root {
    case .direct(let block):
      let byteCount = header.table.blockByteCount(inRow: 0)
      blocks.append(Block(offset: 0, byteCount: byteCount, stored: block))
    case .indirect(let address, let rowCount):
      try addBlocks(ofTableAt: address, rowCount: rowCount, offset: 0)
    case nil: break
    }
  }

  /// Adds the blocks that a table tells of, and those of the tables in it.
  ///
  /// Tables in a table have fewer rows than it, which bounds their depth.
  private mutating func addBlocks(
    ofTableAt address: UInt64,
    rowCount: Int,
    offset: UInt64
  ) throws(FlywheelError) {
    let content = try table(at: address, rowCount: rowCount)
    var fields = FieldReader(content, in: image)
    try fields.signature("FHIB", of: "a table of a heap")
    try requirePrefix(&fields, offset: offset)
    let table = header.table
    for row in 0..<rowCount {
      let byteCount = table.blockByteCount(inRow: row)
      var start = offset + table.offset(ofRow: row)
      for _ in 0..<table.width {
        if row < table.directRowCount {
          if let stored = try entry(&fields, byteCount: byteCount) {
            blocks.append(Block(offset: start, byteCount: byteCount, stored: stored))
          }
        } else {
          try addTable(&fields, row: row, offset: start)
        }
        start += byteCount
      }
    }
  }

  /// Reads an entry for a direct block; nil if there is none.
  private func entry(
    _ fields: inout FieldReader,
    byteCount: UInt64
  ) throws(FlywheelError) -> FractalHeapHeader.StoredBlock? {
    let address = try fields.address("a block of a heap")
    var (storedByteCount, skipped) = (byteCount, UInt32(0))
    if header.filters != nil {
      storedByteCount = try fields.length("the size of a block")
      skipped = try fields.uint32("the filters of a block")
    }
    return address.map {
      .init(address: $0, byteCount: storedByteCount, skippedFilters: skipped)
    }
  }

  /// Reads an entry for a table, and adds its blocks.
  private mutating func addTable(
    _ fields: inout FieldReader,
    row: Int,
    offset: UInt64
  ) throws(FlywheelError) {
    let place = fields.place
    guard let address = try fields.address("a table of a heap") else { return }
    let rowCount = header.table.rowCount(ofBlockInRow: row)
    guard rowCount > 0 else {
      throw fields.malformed("a table without rows", expected: "one with blocks", at: place)
    }
    try addBlocks(ofTableAt: address, rowCount: rowCount, offset: offset)
  }

  /// The bytes of a table, held against its checksum.
  private mutating func table(
    at address: UInt64,
    rowCount: Int
  ) throws(FlywheelError) -> StoredBytes {
    let directRowCount = min(rowCount, header.table.directRowCount)
    let extra = header.filters == nil ? 0 : directRowCount * (image.lengthSize + 4)
    let rows = (rowCount * image.offsetSize + extra) * header.table.width
    let size = 5 + image.offsetSize + header.offsetByteCount + rows + 4
    let content = try image.bytes(at: address, UInt64(size), "a table of a heap")
    try budget.spend(content.count, "tables", of: "a heap", at: content.fileOffset)
    var fields = FieldReader(content, in: image)
    try fields.signature("FHIB", of: "a table of a heap")
    try content.requireChecksum("a table of a heap")
    return content
  }
}
