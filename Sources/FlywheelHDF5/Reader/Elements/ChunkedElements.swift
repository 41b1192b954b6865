internal import FlywheelCore
internal import Synchronization

/// The elements of a dataset that lie in chunks, as they are in the file.
struct ChunkedElements: Sendable {
  private let table: ChunkTable
  private let decoder: ChunkDecoder
  private let elementByteCount: Int
  private let image: FileImage

  private var grid: ChunkGrid { table.grid }

  /// The number of bytes of a chunk.
  var chunkByteCount: Int { grid.chunkByteCount }

  /// Finds the chunks.
  ///
  /// - Parameters:
  ///   - layout: What the file says about them.
  ///   - shape: The extents of the dataset.
  ///   - limits: The largest extents that it may get; nil along an axis without limit.
  ///   - filters: What chunks went through.
  ///   - image: The file.
  /// - Throws: As `ChunkTable` and `ChunkDecoder`.
  init(
    _ layout: ChunkedLayout,
    _ shape: Shape,
    limits: [Int?],
    _ filters: FilterPipeline,
    in image: FileImage
  ) throws(FlywheelError) {
    table = try ChunkTable(layout, shape, limits: limits, filters: filters, in: image)
    decoder = try ChunkDecoder(filters, byteCount: table.grid.chunkByteCount)
    elementByteCount = layout.elementByteCount
    // The chunks have been counted, and may be read any number of times.
    self.image = image.unmetered
  }

  /// Reads a block, several chunks at a time.
  ///
  /// - Parameters:
  ///   - block: The block, not empty and within the dataset.
  ///   - buffer: Takes its elements.
  ///   - fill: Fills the buffer; called before anything else if a chunk was never written.
  /// - Throws: `truncated`, `corrupted` or `malformed`, with the place of the damage in the file; `unsupported` for
  ///   filters that are not read; `limitExceeded` if there is no memory for a chunk.
  @unsafe func read(
    _ block: HDF5Block,
    into buffer: UnsafeMutableRawBufferPointer,
    fill: (UnsafeMutableRawBufferPointer) -> Void
  ) throws(FlywheelError) {
    let (chunks, isComplete) = written(in: block)
    if !isComplete { unsafe fill(buffer) }
    let memory = Mutex<[Memory]>([])
    // Chunks do not overlap, so that no two threads write to the same place.
    nonisolated(unsafe) let buffer = unsafe buffer
    try Parallel.forEach(chunks.count) { (index) throws(FlywheelError) in
      var own = memory.withLock { $0.popLast() } ?? Memory()
      try unsafe read(chunks[index], of: block, into: buffer, &own)
      memory.withLock { $0.append(own) }
    }
  }

  /// The written chunks that hold some of a block, and whether there are no others.
  private func written(in block: HDF5Block) -> ([ChunkTable.Chunk], isComplete: Bool) {
    let touched = grid.chunk.indices.map { TouchedChunks(by: block, along: $0, grid.chunk[$0]) }
    // Not more than there are chunks.
    let count = touched.reduce(1) { $0 * $1.count }
    let first = grid.number(of: touched.map(\.bounds.lowerBound))
    let last = grid.number(of: touched.map(\.bounds.upperBound))
    if let listed = table.written(first...last, ifFewerThan: count) {
      return (listed.filter { grid.isChunk($0.number, in: touched) }, false)
    }
    var chunks: [ChunkTable.Chunk] = []
    var coordinates = grid.counts
    for index in 0..<count {
      var rest = index
      for axis in touched.indices.reversed() {
        coordinates[axis] = touched[axis][rest % touched[axis].count]
        rest /= touched[axis].count
      }
      let number = grid.number(of: coordinates)
      if let place = table.place(of: number) {
        chunks.append(ChunkTable.Chunk(number: number, place: place))
      }
    }
    return (chunks, chunks.count == count)
  }

  private func copy(of number: Int, to block: HDF5Block) -> BlockCopy {
    let origin = zip(grid.coordinates(of: number), grid.chunk).map { $0 * $1 }
    return BlockCopy(from: grid.chunk, at: origin, to: block, elementByteCount)
  }

  /// What one thread needs, for one chunk after the other.
  private struct Memory: Sendable {
    var between = ChunkDecoder.Memory()
    var elements: ScratchMemory?
  }

  @unsafe private func read(
    _ chunk: ChunkTable.Chunk,
    of block: HDF5Block,
    into buffer: UnsafeMutableRawBufferPointer,
    _ memory: inout Memory
  ) throws(FlywheelError) {
    let place = chunk.place
    let stored = try image.bytes(at: place.address, place.byteCount, "a chunk")
    let copy = copy(of: chunk.number, to: block)
    if let plain = try decoder.plain(stored, skipping: place.skippedFilters) {
      return unsafe copy.copy(plain.span, into: buffer)
    }
    guard !copy.isWhole else {
      let target = unsafe UnsafeMutableRawBufferPointer(
        rebasing: buffer[copy.target..<copy.target + chunkByteCount]
      )
      var span = unsafe MutableRawSpan(_unsafeBytes: target)
      return try decoder.decode(
        stored,
        skipping: place.skippedFilters,
        into: &span,
        &memory.between
      )
    }
    try decoder.requireRoom(in: stored, skipping: place.skippedFilters)
    let elements =
      if let elements = memory.elements { elements } else {
        try ScratchMemory(byteCount: chunkByteCount)
      }
    memory.elements = elements
    try elements.write(chunkByteCount) { (elements) throws(FlywheelError) in
      try decoder.decode(
        stored,
        skipping: place.skippedFilters,
        into: &elements,
        &memory.between
      )
    }
    unsafe copy.copy(elements.first(chunkByteCount), into: buffer)
  }
}
