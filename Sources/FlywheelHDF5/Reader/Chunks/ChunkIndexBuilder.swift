internal import FlywheelCore

/// Takes chunks from their index, whatever kind it is of, and puts them in order.
struct ChunkIndexBuilder {
  /// The chunks that there can be.
  let grid: ChunkGrid
  /// Whether chunks go through filters, so that they have sizes of their own.
  let isFiltered: Bool
  /// The file.
  let image: FileImage
  /// What has been taken.
  private var chunks: [ChunkTable.Chunk] = []

  /// Starts without chunks.
  init(_ grid: ChunkGrid, isFiltered: Bool, in image: FileImage) {
    self.grid = grid
    self.isFiltered = isFiltered
    self.image = image
  }

  /// How many bytes a chunk has that went through no filter.
  var plainByteCount: UInt64 { UInt64(grid.chunkByteCount) }

  /// Takes a chunk.
  ///
  /// - Parameters:
  ///   - number: Which; within the grid.
  ///   - place: Where it lies.
  mutating func add(_ number: Int, _ place: ChunkPlace) {
    chunks.append(ChunkTable.Chunk(number: number, place: place))
  }

  /// The chunks by their numbers.
  ///
  /// - Throws: `malformed` if one is there twice, or two share bytes.
  /// - Returns: The chunks.
  consuming func sorted() throws(FlywheelError) -> [ChunkTable.Chunk] {
    var chunks = chunks
    if !Self.isAscending(chunks, by: { $0.number < $1.number }) {
      chunks.sort { $0.number < $1.number }
      let twice = zip(chunks, chunks.dropFirst()).first { $0.number == $1.number }
      if let (_, second) = twice {
        throw malformed("a chunk for a second time", "each chunk once", second.place)
      }
    }
    try requireDisjoint(chunks)
    return chunks
  }

  /// No two chunks share bytes: most often they lie in the order of their numbers, which is quickly seen.
  private func requireDisjoint(_ chunks: [ChunkTable.Chunk]) throws(FlywheelError) {
    if Self.isAscending(chunks, by: { $0.place.ends(before: $1.place) }) { return }
    let places = chunks.map(\.place).sorted { $0.address < $1.address }
    let overlap = zip(places, places.dropFirst()).first { !$0.ends(before: $1) }
    if let (_, second) = overlap {
      throw malformed("a chunk among the bytes of another", "chunks that do not overlap", second)
    }
  }

  private static func isAscending(
    _ chunks: [ChunkTable.Chunk],
    by isBefore: (ChunkTable.Chunk, ChunkTable.Chunk) -> Bool
  ) -> Bool {
    zip(chunks, chunks.dropFirst()).allSatisfy(isBefore)
  }

  private func malformed(
    _ found: String,
    _ expected: String,
    _ place: ChunkPlace
  ) -> FlywheelError {
    FlywheelError.malformed(
      found: found,
      expected: expected,
      at: .init(byteOffset: image.place(of: place.address))
    )
  }
}

extension ChunkPlace {
  /// Whether another chunk begins after the last byte of this one, or there.
  fileprivate func ends(before next: ChunkPlace) -> Bool {
    let (end, overflow) = address.addingReportingOverflow(byteCount)
    return !overflow && end <= next.address
  }
}
