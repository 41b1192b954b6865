import FlywheelCore

/// How the bytes of a chunk lie in those of its tensor: in runs of equal length.
struct DistributedPlacement {
  /// The number of bytes that lie side by side in both.
  private let runByteCount: Int
  /// The extents of the chunk along the axes outside of a run, and the distances of their places in the tensor's
  /// bytes.
  private let axes: [(extent: Int, distance: Int)]
  /// Where the first run lies in the tensor's bytes.
  private let start: Int

  /// - Parameters:
  ///   - chunk: The chunk, which lies within the tensor and has elements.
  ///   - tensor: The tensor.
  init(of chunk: DistributedChunk, in tensor: TensorDescription) {
    // The tensor's bytes have been counted, so that none of this overflows.
    let whole = tensor.shape.extents
    var distances = [Int](repeating: 0, count: whole.count)
    var distance = tensor.element.byteCount
    for axis in whole.indices.reversed() {
      distances[axis] = distance
      distance *= whole[axis]
    }
    var first = whole.count
    var run = tensor.element.byteCount
    while first > 0 {
      first -= 1
      run *= chunk.shape.extents[first]
      if chunk.shape.extents[first] < whole[first] { break }
    }
    runByteCount = run
    axes = (0..<first).map { (chunk.shape.extents[$0], distances[$0]) }
    start = zip(chunk.offsets, distances).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// Copies bytes of the chunk to where they belong.
  ///
  /// - Parameters:
  ///   - piece: The bytes.
  ///   - position: How many of the chunk's bytes lie before them.
  ///   - target: All bytes of the tensor.
  @unsafe func copy(
    _ piece: RawSpan,
    from position: Int,
    into target: UnsafeMutableRawBufferPointer
  ) {
    var done = 0
    while done < piece.byteCount {
      let (run, within) = (position + done).quotientAndRemainder(dividingBy: runByteCount)
      let count = min(runByteCount - within, piece.byteCount - done)
      let place = start + offset(ofRun: run) + within
      precondition(place >= 0 && count <= target.count - place, "a chunk lies within its tensor")
      let part = piece.extracting(done..<done + count)
      // The range was checked right above.
      unsafe part.withUnsafeBytes { bytes in
        unsafe UnsafeMutableRawBufferPointer(rebasing: target[place..<place + count])
          .copyMemory(from: bytes)
      }
      done += count
    }
  }

  private func offset(ofRun run: Int) -> Int {
    var rest = run
    var offset = 0
    for axis in axes.reversed() {
      offset += rest % axis.extent * axis.distance
      rest /= axis.extent
    }
    return offset
  }
}
