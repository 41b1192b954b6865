internal import FlywheelCore

/// The B-tree of version 2 that indexes chunks of datasets that grow without end along several axes.
///
/// Format specification, section III.A.2, record types 10 (chunks without filters) and 11 (with filters).
enum ChunkBTree2 {
  /// Collects all chunks.
  ///
  /// - Parameters:
  ///   - address: Where the tree is.
  ///   - chunks: Takes the chunks.
  /// - Throws: As `BTree2`; `malformed` if its records are no chunks of the dataset.
  static func collect(
    at address: UInt64,
    into chunks: inout ChunkIndexBuilder
  ) throws(FlywheelError) {
    let image = chunks.image
    let tree = try BTree2(at: address, in: image)
    let expected: BTree2.RecordType = chunks.isFiltered ? .filteredChunk : .chunk
    let form = ChunkArrayElement(
      byteCount: tree.recordByteCount - 8 * chunks.grid.chunk.count,
      isFiltered: chunks.isFiltered,
      in: image
    )
    guard tree.recordType == expected.rawValue, let form else {
      throw FlywheelError.malformed(
        found: "records of type \(tree.recordType) and \(tree.recordByteCount) bytes",
        expected: "chunks, type \(expected.rawValue)",
        at: .init(byteOffset: image.place(of: address))
      )
    }
    try tree.forEachRecord { (fields) throws(FlywheelError) in
      let start = fields.place
      let place = try form.read(&fields, plainByteCount: chunks.plainByteCount)
      guard let number = try number(&fields, in: chunks.grid), let place else {
        throw fields.malformed(
          "a record of no chunk of the dataset",
          expected: "chunks within \(chunks.grid.counts)",
          at: start
        )
      }
      chunks.add(number, place)
    }
  }

  /// The number of the chunk that a record is of; nil if it is beyond the dataset.
  private static func number(
    _ fields: inout FieldReader,
    in grid: ChunkGrid
  ) throws(FlywheelError) -> Int? {
    var coordinates: [Int] = []
    coordinates.reserveCapacity(grid.counts.count)
    for count in grid.counts {
      let coordinate = try fields.uint64("the place of a chunk")
      guard coordinate < UInt64(count) else { return nil }
      coordinates.append(Int(coordinate))
    }
    return grid.number(of: coordinates)
  }
}
