/// Which chunks a block touches along one axis, in order; known without going through the block's indices, of which
/// there may be hundreds of millions.
struct TouchedChunks {
  /// How many chunks are touched.
  let count: Int
  private let offset: Int
  private let stride: Int
  private let extent: Int

  /// Finds the chunks.
  ///
  /// - Parameters:
  ///   - block: The block, not empty and within the dataset.
  ///   - axis: The axis.
  ///   - extent: The extent of a chunk along it, at least 1.
  init(by block: HDF5Block, along axis: Int, _ extent: Int) {
    let (offset, count, stride) = (block.offset[axis], block.count[axis], block.stride[axis])
    let last = offset + (count - 1) * stride
    self.extent = extent
    if stride > extent {
      // Each index is in a chunk of its own.
      (self.offset, self.stride, self.count) = (offset, stride, count)
    } else {
      // No chunk is stepped over, so that the first indices of chunks are as good.
      (self.offset, self.stride) = (offset / extent * extent, extent)
      self.count = last / extent - offset / extent + 1
    }
  }

  /// The first and the last chunk.
  var bounds: ClosedRange<Int> { self[0]...self[count - 1] }

  /// One of the chunks.
  ///
  /// - Parameter index: Which of those that are touched, less than their count.
  subscript(index: Int) -> Int { (offset + index * stride) / extent }

  /// Whether a chunk is touched.
  ///
  /// - Parameter chunk: Which chunk of the grid along the axis.
  /// - Returns: Whether it is among them.
  func contains(_ chunk: Int) -> Bool {
    guard bounds.contains(chunk) else { return false }
    // The first index that is not before the chunk.
    let start = chunk * extent
    let index = start <= offset ? 0 : (start - offset - 1) / stride + 1
    return index < count && self[index] == chunk
  }
}
