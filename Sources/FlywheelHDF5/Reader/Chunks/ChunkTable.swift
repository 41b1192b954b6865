internal import FlywheelCore

/// Where the chunks of a dataset lie in the file.
///
/// It holds what its index in the file holds, so that it is not larger than that a few times over.
struct ChunkTable: Sendable {
  /// How the dataset is cut into chunks.
  let grid: ChunkGrid
  private let places: Places
  private let filtersPartialChunks: Bool

  /// A chunk that was written.
  struct Chunk: Sendable, Hashable {
    /// Which it is.
    let number: Int
    /// Where it lies.
    let place: ChunkPlace
  }

  private enum Places {
    /// By their numbers.
    case listed([Chunk])
    /// One after the other in the order of an array, none of them filtered.
    case implicit(UInt64, ChunkOrder)
  }

  /// Finds all chunks.
  ///
  /// - Parameters:
  ///   - layout: What the file says about them.
  ///   - shape: The extents of the dataset.
  ///   - limits: The largest extents that it may get; nil along an axis without limit.
  ///   - filters: What chunks go through.
  ///   - image: The file; if it counts what is looked at, the chunks are counted with their index.
  /// - Throws: `truncated`, `corrupted` or `malformed` if the index is damaged, or does not fit the dataset;
  ///   `unsupported` if it is of a version that is not read; `limitExceeded` if the file's meter refuses.
  /// - Complexity: Proportional to the size of the index, with sorting if chunks are out of order.
  init(
    _ layout: ChunkedLayout,
    _ shape: Shape,
    limits: [Int?],
    filters: FilterPipeline,
    in image: FileImage
  ) throws(FlywheelError) {
    grid = try ChunkGrid(
      shape,
      chunk: layout.chunk,
      elementByteCount: layout.elementByteCount
    )
    filtersPartialChunks = layout.filtersPartialEdges
    var chunks = ChunkIndexBuilder(grid, isFiltered: !filters.filters.isEmpty, in: image)
    switch layout.index {
    case .implicit(let address?):
      places = try .implicit(address, Self.implicitOrder(chunks, at: address, limits))
      return
    case .single(let address?, let byteCount, let skippedFilters):
      try Self.addSingle(address, byteCount, skippedFilters, to: &chunks)
    case .btree1(let address?):
      var tree = ChunkBTree1(of: grid, in: image)
      try tree.collect(at: address, into: &chunks)
    case .btree2(let address?):
      try ChunkBTree2.collect(at: address, into: &chunks)
    case .fixedArray(let address?, _):
      let order = try ChunkOrder(grid, limits: limits)
      var array = try ChunkFixedArray(at: address, order, isFiltered: chunks.isFiltered, in: image)
      try array.collect(into: &chunks)
    case .extensibleArray(let address?):
      let order = try ChunkOrder(grid, limits: limits)
      var array = try ChunkExtensibleArray(
        at: address,
        order,
        isFiltered: chunks.isFiltered,
        in: image
      )
      try array.collect(into: &chunks)
    case .implicit(nil), .single(nil, _, _), .btree1(nil), .btree2(nil), .fixedArray(nil, _),
      .extensibleArray(nil):
      break
    }
    let sorted = try chunks.sorted()
    try image.meter?.spend(Self.storedByteCount(of: sorted, in: image))
    places = .listed(sorted)
  }

  /// How many bytes the file has for chunks; those that it ends before are never read.
  private static func storedByteCount(of chunks: [Chunk], in image: FileImage) -> Int {
    var byteCount = 0
    for chunk in chunks where image.holds(chunk.place.byteCount, at: chunk.place.address) {
      // They are within the file and do not overlap, so that all of them are not larger.
      byteCount &+= Int(clamping: chunk.place.byteCount)
    }
    return byteCount
  }

  /// The chunks that were written among some, if there are fewer of them than a number; nil if there are more, or
  /// all chunks were written without an index.
  ///
  /// - Parameters:
  ///   - numbers: The numbers of those that are asked for.
  ///   - count: How many are too many.
  /// - Returns: The chunks, by their numbers.
  /// - Complexity: The logarithm of how many were written, and what is returned.
  func written(_ numbers: ClosedRange<Int>, ifFewerThan count: Int) -> [Chunk]? {
    guard case .listed(let chunks) = places else { return nil }
    let first = Self.index(of: numbers.lowerBound, in: chunks)
    var end = Self.index(of: numbers.upperBound, in: chunks)
    if end < chunks.count, chunks[end].number == numbers.upperBound { end += 1 }
    guard end - first < count else { return nil }
    guard !filtersPartialChunks else { return Array(chunks[first..<end]) }
    return chunks[first..<end].map {
      Chunk(number: $0.number, place: actual($0.place, of: $0.number))
    }
  }

  /// A place with what the chunk there really went through: at the edge maybe nothing, whatever the index says.
  private func actual(_ place: ChunkPlace, of number: Int) -> ChunkPlace {
    guard !filtersPartialChunks, grid.isPartial(number) else { return place }
    return ChunkPlace(address: place.address, byteCount: place.byteCount, skippedFilters: .max)
  }

  /// Where a chunk lies.
  ///
  /// - Parameter number: Which chunk, less than the count of the grid.
  /// - Returns: Its place; nil if it was never written.
  func place(of number: Int) -> ChunkPlace? {
    let place: ChunkPlace
    switch places {
    case .listed(let chunks):
      guard let found = Self.find(number, in: chunks) else { return nil }
      place = found
    case .implicit(let address, let order):
      let byteCount = UInt64(grid.chunkByteCount)
      // The last of them is within the file.
      guard let index = order.place(of: number) else { return nil }
      place = ChunkPlace(
        address: address &+ index &* byteCount,
        byteCount: byteCount,
        skippedFilters: 0
      )
    }
    return actual(place, of: number)
  }

  /// Most often all chunks are there, and each is at its number.
  private static func find(_ number: Int, in chunks: [Chunk]) -> ChunkPlace? {
    if number < chunks.count, chunks[number].number == number { return chunks[number].place }
    let index = index(of: number, in: chunks)
    guard index < chunks.count, chunks[index].number == number else { return nil }
    return chunks[index].place
  }

  /// Where the first chunk is whose number is not less than one.
  private static func index(of number: Int, in chunks: [Chunk]) -> Int {
    var (low, high) = (0, chunks.count)
    while low < high {
      let middle = low + (high - low) / 2
      if chunks[middle].number < number { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The only chunk of a dataset.
  private static func addSingle(
    _ address: UInt64,
    _ byteCount: UInt64?,
    _ skippedFilters: UInt32,
    to chunks: inout ChunkIndexBuilder
  ) throws(FlywheelError) {
    guard chunks.grid.count == 1 else {
      throw FlywheelError.malformed(
        found: "one chunk of shape \(chunks.grid.chunk) in a dataset of \(chunks.grid.extents)",
        expected: "an index of \(chunks.grid.count) chunks",
        at: .init(byteOffset: chunks.image.place(of: address))
      )
    }
    let place = ChunkPlace(
      address: address,
      byteCount: byteCount ?? chunks.plainByteCount,
      skippedFilters: skippedFilters
    )
    chunks.add(0, place)
  }

  /// The order of chunks that lie one after the other; all of them are in the file.
  private static func implicitOrder(
    _ chunks: ChunkIndexBuilder,
    at address: UInt64,
    _ limits: [Int?]
  ) throws(FlywheelError) -> ChunkOrder {
    let order = try ChunkOrder(chunks.grid, limits: limits)
    guard !chunks.isFiltered else {
      throw FlywheelError.malformed(
        found: "chunks of one size that went through filters",
        expected: "an index of their sizes",
        at: .init(byteOffset: chunks.image.place(of: address))
      )
    }
    guard chunks.grid.count > 0 else { return order }
    // Places grow with the coordinates along each axis, so that the last chunk is the last of all.
    let last = order.place(of: chunks.grid.count - 1) ?? .max
    let (end, isFar) = last.addingReportingOverflow(1)
    let (byteCount, overflow) = end.multipliedReportingOverflow(by: chunks.plainByteCount)
    _ = try chunks.image.bytes(
      at: address,
      isFar || overflow ? .max : byteCount,
      "the dataset's chunks"
    )
    return order
  }
}
