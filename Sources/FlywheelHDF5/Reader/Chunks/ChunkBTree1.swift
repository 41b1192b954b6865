internal import FlywheelCore

/// The B-tree of version 1 that indexes chunks.
///
/// Nothing in it has a checksum. So all that one number says about another is held against it: keys ascend, those
/// of a node lie between the two around it in its parent, and chunks begin where chunks do.
///
/// Format specification, section III.A.1, node type 1.
struct ChunkBTree1 {
  private let grid: ChunkGrid
  private let image: FileImage
  private var budget: ReadingBudget

  /// What is in front of a chunk, or between two nodes.
  private struct Key {
    let byteCount: UInt32
    let skippedFilters: UInt32
    /// The first element of a chunk along each axis, and which of its bytes.
    let origin: [UInt64]
    /// Where in the file the key is.
    let fileOffset: Int

    func isBefore(_ other: Key) -> Bool { origin.lexicographicallyPrecedes(other.origin) }
  }

  /// Prepares to read the tree of a dataset.
  init(of grid: ChunkGrid, in image: FileImage) {
    self.grid = grid
    self.image = image
    budget = ReadingBudget(of: image)
  }

  /// Collects all chunks.
  ///
  /// - Parameters:
  ///   - address: Where the root is.
  ///   - chunks: Takes the chunks.
  /// - Throws: `truncated`, `malformed`.
  mutating func collect(
    at address: UInt64,
    into chunks: inout ChunkIndexBuilder
  ) throws(FlywheelError) {
    try visit(address, level: nil, within: nil, &chunks)
  }

  /// Visits a node and those below it, whose levels count down to those that have chunks.
  private mutating func visit(
    _ address: UInt64,
    level: UInt8?,
    within bounds: (lower: Key, upper: Key)?,
    _ chunks: inout ChunkIndexBuilder
  ) throws(FlywheelError) {
    let (node, ownLevel, count) = try node(at: address, level: level)
    var fields = FieldReader(node, in: image)
    try fields.skip(prefixByteCount, "a node of a chunk index")
    var key = try key(&fields)
    if let lower = bounds?.lower, key.isBefore(lower) { throw disorder(key) }
    for _ in 0..<count {
      let place = fields.place
      guard let child = try fields.address("what a chunk index leads to") else {
        throw fields.malformed("no address", expected: "a chunk or a node", at: place)
      }
      let next = try self.key(&fields)
      guard key.isBefore(next) else { throw disorder(next) }
      if let upper = bounds?.upper, !key.isBefore(upper) { throw disorder(key) }
      if ownLevel == 0 {
        try add(key, at: child, to: &chunks)
      } else {
        try visit(child, level: ownLevel - 1, within: (key, next), &chunks)
      }
      key = next
    }
  }

  private var prefixByteCount: Int { 8 + 2 * image.offsetSize }
  private var keyByteCount: Int { 8 + 8 * (grid.chunk.count + 1) }

  /// The used part of a node, its level and the number of its children.
  private mutating func node(
    at address: UInt64,
    level: UInt8?
  ) throws(FlywheelError) -> (StoredBytes, level: UInt8, count: Int) {
    let prefix = try image.bytes(at: address, UInt64(prefixByteCount), "a node of a chunk index")
    var fields = FieldReader(prefix, in: image)
    try fields.signature("TREE", of: "a node of a chunk index")
    let start = fields.place
    let type = try fields.uint8("the type of a node")
    guard type == 1 else {
      throw fields.malformed("a node of type \(type)", expected: "type 1, of chunks", at: start)
    }
    let found = try fields.uint8("the level of a node")
    guard found == level ?? found else {
      throw fields.malformed(
        "a node of level \(found)",
        expected: "level \(level ?? 0)",
        at: start + 1
      )
    }
    let count = Int(try fields.uint16("the number of a node's children"))
    let byteCount = prefixByteCount + count * (keyByteCount + image.offsetSize) + keyByteCount
    let node = try budget.bytes(
      at: address,
      UInt64(byteCount),
      "a node of a chunk index",
      in: image
    )
    return (node, found, count)
  }

  private func key(_ fields: inout FieldReader) throws(FlywheelError) -> Key {
    let place = fields.place
    let byteCount = try fields.uint32("the size of a chunk")
    let skippedFilters = try fields.uint32("the filters that a chunk skipped")
    var origin: [UInt64] = []
    let axisCount = grid.chunk.count + 1
    origin.reserveCapacity(axisCount)
    for _ in 0..<axisCount { origin.append(try fields.uint64("the first element of a chunk")) }
    return Key(
      byteCount: byteCount,
      skippedFilters: skippedFilters,
      origin: origin,
      fileOffset: place
    )
  }

  private func add(
    _ key: Key,
    at address: UInt64,
    to chunks: inout ChunkIndexBuilder
  ) throws(FlywheelError) {
    var coordinates: [Int] = []
    coordinates.reserveCapacity(grid.chunk.count)
    for (axis, extent) in grid.chunk.enumerated() {
      let (coordinate, rest) = key.origin[axis].quotientAndRemainder(dividingBy: UInt64(extent))
      guard rest == 0, coordinate < UInt64(grid.counts[axis]) else { throw stray(key) }
      coordinates.append(Int(coordinate))
    }
    guard key.origin.last == 0 else { throw stray(key) }
    let place = ChunkPlace(
      address: address,
      byteCount: UInt64(key.byteCount),
      skippedFilters: key.skippedFilters
    )
    chunks.add(grid.number(of: coordinates), place)
  }

  private func stray(_ key: Key) -> FlywheelError {
    FlywheelError.malformed(
      found: "a chunk at \(key.origin) in a dataset of \(grid.extents)",
      expected: "chunks of \(grid.chunk) side by side",
      at: .init(byteOffset: UInt64(key.fileOffset))
    )
  }

  private func disorder(_ key: Key) -> FlywheelError {
    FlywheelError.malformed(
      found: "\(key.origin) in a chunk index",
      expected: "chunks in ascending order",
      at: .init(byteOffset: UInt64(key.fileOffset))
    )
  }
}
