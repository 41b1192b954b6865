internal import FlywheelCore

/// A part of a dataset: along each axis so many elements from an offset on, with a stride.
public struct HDF5Block: Sendable, Hashable {
  /// The first index along each axis.
  public let offset: [Int]
  /// The number of indices along each axis: the shape of what is read.
  public let count: [Int]
  /// The step from one index to the next along each axis.
  public let stride: [Int]

  /// Describes a part of a dataset.
  ///
  /// - Parameters:
  ///   - offset: The first index along each axis.
  ///   - count: The number of indices along each axis.
  ///   - stride: The step along each axis; 1 everywhere if left out.
  public init(offset: [Int], count: [Int], stride: [Int]? = nil) {
    self.offset = offset
    self.count = count
    self.stride = stride ?? [Int](repeating: 1, count: count.count)
  }

  /// The whole of a dataset.
  init(whole shape: Shape) {
    self.init(offset: [Int](repeating: 0, count: shape.rank), count: shape.extents)
  }

  /// Throws unless the block lies within a dataset's extents.
  func check(within shape: Shape) throws(FlywheelError) {
    let rank = shape.rank
    guard offset.count == rank, count.count == rank, stride.count == rank else {
      throw FlywheelError(
        .invalidArgument,
        "The block has \(offset.count) offsets, \(count.count) counts and \(stride.count) strides; "
          + "a dataset of shape \(shape) needs \(rank) of each."
      )
    }
    for (axis, extent) in shape.extents.enumerated() {
      guard offset[axis] >= 0, count[axis] >= 0, stride[axis] >= 1 else {
        throw FlywheelError(
          .invalidArgument,
          "The block's offset \(offset[axis]), count \(count[axis]) and stride \(stride[axis]) along "
            + "axis \(axis) make no sense; offsets and counts start at 0, strides at 1."
        )
      }
      guard count[axis] > 0 else { continue }
      let (span, overflow) = (count[axis] - 1).multipliedReportingOverflow(by: stride[axis])
      guard !overflow, span < extent, offset[axis] < extent - span else {
        throw FlywheelError(
          .invalidArgument,
          "The block takes \(count[axis]) indices along axis \(axis), from \(offset[axis]) with "
            + "stride \(stride[axis]); the dataset has only \(extent) there."
        )
      }
    }
  }

  /// Where in row-major order the block begins, if its elements lie there in one piece; the block lies
  /// within the shape.
  func start(within shape: Shape) -> Int? {
    var start = 0
    var isPartial = false
    for (axis, extent) in shape.extents.enumerated() {
      // After the first axis of more than one index, only whole axes keep the piece together.
      if isPartial && count[axis] != extent { return nil }
      if count[axis] > 1 {
        guard stride[axis] == 1 else { return nil }
        isPartial = true
      }
      start = start * extent + offset[axis]
    }
    return start
  }

  /// Blocks that follow each other in row-major order and make up a whole dataset, each in one piece.
  ///
  /// - Parameters:
  ///   - shape: The dataset's extents.
  ///   - elementByteCount: The number of bytes of one element, at least 1.
  ///   - chunk: The shape of its chunks, so that as few as possible are in two blocks.
  ///   - limit: The most bytes of a block, if one element has not more.
  /// - Returns: The blocks; none if there are no elements.
  static func pieces(
    of shape: Shape,
    elementByteCount: Int,
    chunk: [Int]?,
    limit: Int
  ) -> [HDF5Block] {
    let extents = shape.extents
    guard shape.elementCount > 0 else { return [] }
    guard !extents.isEmpty else { return [HDF5Block(whole: shape)] }
    // The first axis of which one index fits; whole ones of those after it go into a block.
    let most = max(1, limit / elementByteCount)
    var axis = 0
    var rowCount = shape.elementCount / extents[0]
    while rowCount > most {
      axis += 1
      rowCount /= extents[axis]
    }
    var step = most / rowCount
    if let chunk, chunk.count == extents.count, chunk[axis] > 0, step > chunk[axis] {
      step -= step % chunk[axis]
    }
    var blocks: [HDF5Block] = []
    var offset = [Int](repeating: 0, count: extents.count)
    var count = extents
    for outer in 0..<axis { count[outer] = 1 }
    while true {
      for first in Swift.stride(from: 0, to: extents[axis], by: step) {
        offset[axis] = first
        count[axis] = min(step, extents[axis] - first)
        blocks.append(HDF5Block(offset: offset, count: count))
      }
      offset[axis] = 0
      var outer = axis - 1
      while outer >= 0 {
        offset[outer] += 1
        if offset[outer] < extents[outer] { break }
        offset[outer] = 0
        outer -= 1
      }
      if outer < 0 { return blocks }
    }
  }

  /// How often a chunk is decoded at most while its dataset goes by in blocks.
  private static let decodingLimit = 32

  /// Blocks that follow each other as those of the general function do, for chunks that went through filters.
  ///
  /// Every block decodes all chunks that it has some of. So that each chunk is in one block if possible, a block has
  /// whole rows of chunks if they fit the larger limit. Beyond that there are no larger blocks, even if a chunk is
  /// larger: one that was never written takes no memory otherwise.
  ///
  /// - Parameters:
  ///   - shape: The dataset's extents; the number of its bytes fits an integer.
  ///   - elementByteCount: The number of bytes of one element, at least 1.
  ///   - chunk: The shape of its chunks.
  ///   - limit: The most bytes of a block where that makes no difference.
  ///   - rowLimit: The most bytes of a block where it does.
  /// - Throws: `limitExceeded` if each chunk would still be decoded more than 32 times.
  /// - Returns: The blocks; none if there are no elements.
  static func pieces(
    of shape: Shape,
    elementByteCount: Int,
    decoding chunk: [Int],
    limit: Int,
    rowLimit: Int
  ) throws(FlywheelError) -> [HDF5Block] {
    let extents = shape.extents
    guard shape.elementCount > 0, !extents.isEmpty, chunk.count == extents.count,
      chunk.allSatisfy({ $0 > 0 })
    else {
      return pieces(of: shape, elementByteCount: elementByteCount, chunk: nil, limit: limit)
    }
    // What of a chunk is within the dataset, so that no product is larger than that of its extents.
    let inner = zip(chunk, extents).map { min($0, $1) }
    // Before this axis chunks have one index, as blocks have that are smaller than a row.
    let axis = inner.firstIndex { $0 > 1 } ?? inner.count - 1
    let row = extents[(axis + 1)...].reduce(inner[axis] * elementByteCount, *)
    let blocks = pieces(
      of: shape,
      elementByteCount: elementByteCount,
      chunk: inner,
      limit: max(limit, min(row, rowLimit))
    )
    // All but the last are as large as the first.
    let decodingCount = zip(inner, blocks[0].count).reduce(1) { $0 * (($1.0 - 1) / $1.1 + 1) }
    guard decodingCount <= decodingLimit else {
      throw FlywheelError(
        .limitExceeded,
        "The dataset of shape \(shape) lies in compressed chunks of shape \(chunk). Piece by piece each of them "
          + "would be decompressed \(decodingCount) times, and \(decodingLimit) times are the most. Repack it with "
          + "chunks that have fewer rows ('h5repack -l CHUNK=…'), or read it whole."
      )
    }
    return blocks
  }

  /// How many chunks of a shape the block touches at most along each axis; it lies within the dataset.
  func chunkCounts(_ chunk: [Int]) -> [Int] {
    chunk.indices.map { axis in
      guard count[axis] > 0 else { return 0 }
      let first = offset[axis]
      let last = first + (count[axis] - 1) * stride[axis]
      return min(count[axis], last / chunk[axis] - first / chunk[axis] + 1)
    }
  }
}
