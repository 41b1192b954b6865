internal import FlywheelCore

/// How an array is cut into chunks, each of which holds one run of its bytes in row-major order.
struct ChunkPlan {
  /// Disks and processors like pieces of about this size.
  private static let targetByteCount = 1 << 20

  /// The shape of a chunk.
  let chunk: [Int]
  /// The number of chunks.
  let count: Int
  /// The number of bytes of a chunk, the same for all.
  let chunkByteCount: Int

  private let extents: [Int]
  /// Chunks have one index of the axes before this one, some of it, and all of those after it.
  private let axis: Int
  /// How many chunks lie along that axis.
  private let countAlongAxis: Int
  /// The bytes of one index along that axis.
  private let rowByteCount: Int

  /// Plans for an array; nil if it has no axis or no elements, which HDF5 cannot cut.
  init?(_ description: TensorDescription) {
    let extents = description.shape.extents
    guard !extents.isEmpty, description.byteCount > 0 else { return nil }
    var axis = 0
    var rowByteCount = description.byteCount / extents[0]
    while rowByteCount > Self.targetByteCount, axis + 1 < extents.count {
      axis += 1
      rowByteCount /= extents[axis]
    }
    let mostRows = max(1, Self.targetByteCount / rowByteCount)
    let countAlongAxis = (extents[axis] + mostRows - 1) / mostRows
    // All about as large, so that little of the last one reaches beyond the array.
    let rows = (extents[axis] + countAlongAxis - 1) / countAlongAxis
    chunk = [Int](repeating: 1, count: axis) + [rows] + extents[(axis + 1)...]
    count = extents[..<axis].reduce(countAlongAxis, *)
    chunkByteCount = rows * rowByteCount
    self.extents = extents
    self.axis = axis
    self.countAlongAxis = countAlongAxis
    self.rowByteCount = rowByteCount
  }

  /// The number of bytes of the array that a chunk holds.
  func byteCount(of index: Int) -> Int {
    let first = index % countAlongAxis * chunk[axis]
    return min(chunk[axis], extents[axis] - first) * rowByteCount
  }

  /// Where in the array a chunk begins.
  func offset(of index: Int) -> [Int] {
    var offset = [Int](repeating: 0, count: extents.count)
    offset[axis] = index % countAlongAxis * chunk[axis]
    var rest = index / countAlongAxis
    for outer in stride(from: axis - 1, through: 0, by: -1) {
      offset[outer] = rest % extents[outer]
      rest /= extents[outer]
    }
    return offset
  }
}
