/// The runs of bytes that a region of a dataset and a block share.
///
/// The region is a chunk, or all of the dataset; its elements lie in row-major order, and so do those of the block
/// where they are copied to.
struct BlockCopy {
  /// Whether the block has all of the region in one piece.
  let isWhole: Bool
  /// Whether they share nothing.
  private let isEmpty: Bool
  /// The first run in the block.
  let target: Int
  /// The first run in the region.
  private let source: Int
  private let runByteCount: Int
  /// How many runs there are along each axis before those that a run goes over, and the steps between them.
  private let counts: [Int]
  private let sourceSteps: [Int]
  private let targetSteps: [Int]

  /// What is shared along an axis.
  private struct Axis {
    /// The first shared index, counted in the region.
    let source: Int
    /// The same, counted in the block.
    let target: Int
    /// How many are shared.
    let count: Int
    /// The step between them in the region; 1 if there is only one.
    let stride: Int

    init(_ axis: Int, _ region: Int, from origin: Int, _ block: HDF5Block) {
      let (offset, stride, count) = (block.offset[axis], block.stride[axis], block.count[axis])
      let first = origin <= offset ? 0 : (origin - offset - 1) / stride + 1
      // From the block's first index to the end of the region, which can be beyond all integers.
      let (room, isFar) = region.subtractingReportingOverflow(offset - origin)
      let end = isFar ? count : room <= 0 ? 0 : min(count, (room - 1) / stride + 1)
      self.count = max(0, end - first)
      target = first
      source = first < end ? offset + first * stride - origin : 0
      self.stride = self.count > 1 ? stride : 1
    }
  }

  /// Finds the runs.
  ///
  /// - Parameters:
  ///   - region: The extents of the region.
  ///   - origin: Its first element in the dataset.
  ///   - block: The block, not empty and within the dataset.
  ///   - elementByteCount: The number of bytes of one element; those of the region and of the block fit an integer.
  init(from region: [Int], at origin: [Int], to block: HDF5Block, _ elementByteCount: Int) {
    let axes = region.indices.map { Axis($0, region[$0], from: origin[$0], block) }
    var sourceSteps = [Int](repeating: elementByteCount, count: region.count)
    var targetSteps = sourceSteps
    for axis in region.indices.dropLast().reversed() {
      sourceSteps[axis] = sourceSteps[axis + 1] * region[axis + 1]
      targetSteps[axis] = targetSteps[axis + 1] * block.count[axis + 1]
    }
    isEmpty = axes.contains { $0.count == 0 }
    source = isEmpty ? 0 : zip(axes, sourceSteps).reduce(0) { $0 + $1.0.source * $1.1 }
    target = isEmpty ? 0 : zip(axes, targetSteps).reduce(0) { $0 + $1.0.target * $1.1 }
    // A run goes on over an axis when its elements follow each other and all after it are whole in both.
    var outer = axes.count
    var runByteCount = elementByteCount
    while let axis = axes[..<outer].last, axis.stride == 1 {
      outer -= 1
      runByteCount *= axis.count
      if axis.count != region[outer] || axis.count != block.count[outer] { break }
    }
    self.runByteCount = runByteCount
    counts = axes[..<outer].map(\.count)
    // Two elements that are a stride apart are both in the region, so that their distance fits too.
    self.sourceSteps = zip(axes, sourceSteps).map { $0.count > 1 ? $0.stride * $1 : $1 }
    self.targetSteps = targetSteps
    isWhole = axes.map(\.count) == region && counts.allSatisfy { $0 == 1 }
  }

  /// Copies what is shared.
  ///
  /// - Parameters:
  ///   - region: The bytes of the region.
  ///   - block: The bytes of the block.
  @unsafe func copy(_ region: RawSpan, into block: UnsafeMutableRawBufferPointer) {
    guard !isEmpty else { return }
    unsafe region.withUnsafeBytes { region in
      forEachRun { source, target, count in
        // Within the region and the block, as both were cut to what they share.
        let run = unsafe UnsafeRawBufferPointer(rebasing: region[source..<source + count])
        unsafe UnsafeMutableRawBufferPointer(rebasing: block[target..<target + count])
          .copyMemory(from: run)
      }
    }
  }

  /// Hands out where each run begins in the region and in the block, and its length.
  private func forEachRun(_ body: (Int, Int, Int) -> Void) {
    var index = [Int](repeating: 0, count: counts.count)
    var (source, target) = (source, target)
    while true {
      body(source, target, runByteCount)
      var axis = counts.count - 1
      while axis >= 0 {
        index[axis] += 1
        if index[axis] < counts[axis] {
          source += sourceSteps[axis]
          target += targetSteps[axis]
          break
        }
        source -= (counts[axis] - 1) * sourceSteps[axis]
        target -= (counts[axis] - 1) * targetSteps[axis]
        index[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}
