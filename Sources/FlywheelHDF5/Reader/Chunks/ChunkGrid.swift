internal import FlywheelCore

/// How a dataset is cut into chunks, which are numbered in row-major order.
struct ChunkGrid: Sendable {
  /// The extents of the dataset.
  let extents: [Int]
  /// The extents of a chunk; each is at least 1.
  let chunk: [Int]
  /// How many bytes a chunk has before any filter.
  let chunkByteCount: Int
  /// How many chunks there are along each axis.
  let counts: [Int]
  /// How many chunks there are.
  let count: Int

  /// Cuts a dataset.
  ///
  /// - Parameters:
  ///   - shape: The extents of the dataset.
  ///   - chunk: The extents of a chunk, as the file has them.
  ///   - elementByteCount: The number of bytes of one element.
  /// - Throws: `malformed` if there are no such chunks, `limitExceeded` if their size overflows.
  init(_ shape: Shape, chunk: [Int], elementByteCount: Int) throws(FlywheelError) {
    guard shape.rank > 0, chunk.count == shape.rank, chunk.allSatisfy({ $0 > 0 }),
      elementByteCount > 0
    else {
      throw FlywheelError.malformed(
        found: "chunks of shape \(chunk) in a dataset of shape \(shape)",
        expected: "chunks that divide it"
      )
    }
    let (byteCount, overflow) = try Shape(chunk).elementCount
      .multipliedReportingOverflow(by: elementByteCount)
    guard !overflow else { throw FlywheelError.overflow("a chunk") }
    extents = shape.extents
    self.chunk = chunk
    chunkByteCount = byteCount
    counts = zip(extents, chunk).map { extent, size in extent == 0 ? 0 : (extent - 1) / size + 1 }
    // Not more than there are elements, or none.
    count = counts.contains(0) ? 0 : counts.reduce(1, *)
  }

  /// The number of a chunk.
  ///
  /// - Parameter coordinates: Which chunk it is along each axis, within the counts.
  /// - Returns: The number.
  func number(of coordinates: [Int]) -> Int {
    var number = 0
    for axis in counts.indices { number = number * counts[axis] + coordinates[axis] }
    return number
  }

  /// Which chunk along each axis has a number.
  ///
  /// - Parameter number: The number, less than the count.
  /// - Returns: The chunk along each axis.
  func coordinates(of number: Int) -> [Int] {
    var coordinates = counts
    var rest = number
    for axis in counts.indices.reversed() {
      coordinates[axis] = rest % counts[axis]
      rest /= counts[axis]
    }
    return coordinates
  }

  /// Whether a chunk is among those that are touched along each axis.
  ///
  /// - Parameters:
  ///   - number: The number of the chunk, less than the count.
  ///   - touched: The chunks that are touched along each axis.
  /// - Returns: Whether it is touched along all of them.
  func isChunk(_ number: Int, in touched: [TouchedChunks]) -> Bool {
    var rest = number
    for axis in counts.indices.reversed() {
      guard touched[axis].contains(rest % counts[axis]) else { return false }
      rest /= counts[axis]
    }
    return true
  }

  /// Whether a chunk goes on beyond the dataset.
  ///
  /// - Parameter number: The number of the chunk, less than the count.
  /// - Returns: Whether some of its elements are none of the dataset.
  func isPartial(_ number: Int) -> Bool {
    var rest = number
    for axis in counts.indices.reversed() {
      let isLast = rest % counts[axis] == counts[axis] - 1
      if isLast, !extents[axis].isMultiple(of: chunk[axis]) { return true }
      rest /= counts[axis]
    }
    return false
  }
}
