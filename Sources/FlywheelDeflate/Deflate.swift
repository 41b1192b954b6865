import CFlywheelDeflate
public import FlywheelCore

/// Compresses blocks that join to one valid deflate stream (RFC 1951).
public enum Deflate {
  /// Appends the compressed form of one block of a raw deflate stream.
  ///
  /// Blocks refer to nothing before them, so they may be compressed in any order, on any thread; joined in
  /// order, the last one with `isLast`, they are one stream. Equal input gives equal bytes on every CPU, as
  /// far as zlib is the same. What is appended is larger than the block by no more than 1/1,024 of it and
  /// 80 bytes.
  ///
  /// - Parameters:
  ///   - bytes: The block; may be empty. About 1 MiB is a good size.
  ///   - compression: How hard to compress.
  ///   - elementByteCount: The size of the elements that the bytes are, which tells `fast` where to look
  ///     for what they have in common; 1 for plain bytes.
  ///   - isLast: Whether it is the last block of the stream.
  ///   - output: What it is appended to. One array serves many blocks without new memory if it is emptied
  ///     by `removeAll(keepingCapacity: true)`.
  /// - Throws: `invalidArgument` for a level or an element size that there is not, `limitExceeded` if
  ///   there is no memory.
  public static func append(
    _ bytes: RawSpan,
    _ compression: Compression,
    elementByteCount: Int,
    isLast: Bool,
    to output: inout [UInt8]
  ) throws(FlywheelError) {
    let element = try size(of: elementByteCount)
    let last: CInt = isLast ? 1 : 0
    switch compression {
    case .level(let level): try append(bytes, level: level, isLast: isLast, to: &output)
    case .none:
      try unsafe append(
        upTo: fw_deflate_bound(bytes.byteCount),
        from: bytes,
        to: &output
      ) { start, count, out in
        unsafe fw_deflate_stored(start, count, last, out)
      }
    case .fast:
      try appendSmaller(of: bytes, element, below: bytes.byteCount / 8 * 7, to: &output) {
        (bytes, output) throws(FlywheelError) in
        try unsafe append(upTo: fw_deflate_bound(bytes.byteCount), from: bytes, to: &output) {
          start,
          count,
          out in
          unsafe fw_deflate(start, count, element, last, out)
        }
      } or: { (bytes, output) throws(FlywheelError) in
        try append(bytes, level: numpyLevel, isLast: isLast, to: &output)
      }
    }
  }

  private static func append(
    _ bytes: RawSpan,
    level: Int,
    isLast: Bool,
    to output: inout [UInt8]
  ) throws(FlywheelError) {
    let deflater = try ZlibDeflater(level, wrapping: .raw)
    try deflater.append(bytes, to: &output)
    try deflater.finish(isLast: isLast, to: &output)
  }

  /// Appends one zlib stream (RFC 1950) of bytes after HDF5's shuffle: what its filters 2 and 1 make
  /// of a chunk.
  ///
  /// Equal input gives equal bytes on every CPU, as far as zlib is the same.
  ///
  /// - Parameters:
  ///   - bytes: What the chunk holds, before the shuffle.
  ///   - elementByteCount: The size of one element; with 1 the shuffle changes nothing.
  ///   - compression: How hard to compress.
  ///   - output: What it is appended to. One array serves many chunks without new memory if it is emptied
  ///     by `removeAll(keepingCapacity: true)`.
  /// - Throws: `invalidArgument` for a level or an element size that there is not, `limitExceeded` if
  ///   there is no memory.
  public static func shuffledZlib(
    _ bytes: RawSpan,
    elementByteCount: Int,
    _ compression: Compression,
    to output: inout [UInt8]
  ) throws(FlywheelError) {
    let element = try size(of: elementByteCount)
    switch compression {
    case .level(let level): try appendShuffled(bytes, element, level: level, to: &output)
    case .none: try appendShuffled(bytes, element, isStored: true, to: &output)
    case .fast:
      try appendSmaller(of: bytes, element, below: bytes.byteCount / 2, to: &output) {
        (bytes, output) throws(FlywheelError) in
        try appendShuffled(bytes, element, isStored: false, to: &output)
      } or: { (bytes, output) throws(FlywheelError) in
        try appendShuffled(bytes, element, level: h5pyLevel, to: &output)
      }
    }
  }

  private static func appendShuffled(
    _ bytes: RawSpan,
    _ elementByteCount: Int,
    isStored: Bool,
    to output: inout [UInt8]
  ) throws(FlywheelError) {
    try unsafe append(
      upTo: fw_deflate_shuffled_zlib_bound(bytes.byteCount),
      from: bytes,
      to: &output
    ) { start, count, out in
      unsafe fw_deflate_shuffled_zlib(
        fw_deflate_best_cpu(),
        start,
        count,
        elementByteCount,
        isStored ? 1 : 0,
        out
      )
    }
  }

  private static func appendShuffled(
    _ bytes: RawSpan,
    _ elementByteCount: Int,
    level: Int,
    to output: inout [UInt8]
  ) throws(FlywheelError) {
    let deflater = try ZlibDeflater(level, wrapping: .zlib)
    // A piece at a time, so that no second copy of the chunk is needed.
    var piece: [UInt8] = []
    for start in stride(from: 0, to: bytes.byteCount, by: pieceByteCount) {
      piece.removeAll(keepingCapacity: true)
      Shuffle.appendShuffled(
        bytes,
        elementByteCount: elementByteCount,
        range: start..<min(start + pieceByteCount, bytes.byteCount),
        to: &piece
      )
      try deflater.append(piece.rawBytes, to: &output)
    }
    try deflater.finish(isLast: true, to: &output)
  }

  private static let pieceByteCount = 1 << 16

  // MARK: The smaller of two

  /// The levels that numpy and h5py take if nobody asks for another: what `fast` must not be larger than.
  private static let numpyLevel = 6
  private static let h5pyLevel = 4

  /// How much of a block is tried out.
  private static let trialByteCount = 1 << 15

  /// A way to compress.
  private typealias Way = (RawSpan, inout [UInt8]) throws(FlywheelError) -> Void

  /// Appends what the first way makes of a block, or the second one where that is smaller.
  ///
  /// Numbers that look random are the first one's, which is many times as fast. What shrinks to less than
  /// `limit` repeats itself in ways that zlib may find more of: a part is tried then, which costs a thirtieth
  /// of what it would to try all. Where next to nothing is left there is nothing to gain.
  private static func appendSmaller(
    of bytes: RawSpan,
    _ elementByteCount: Int,
    below limit: Int,
    to output: inout [UInt8],
    _ first: Way,
    or second: Way
  ) throws(FlywheelError) {
    let start = output.count
    try first(bytes, &output)
    let count = bytes.byteCount
    let compressed = output.count - start
    guard compressed < limit, compressed > count / 512 else { return }
    if count > 2 * trialByteCount, elementByteCount <= trialByteCount {
      // Whole elements from the middle.
      let from = count / 2 / elementByteCount * elementByteCount
      let part = bytes.extracting(from..<from + trialByteCount)
      var trials: ([UInt8], [UInt8]) = ([], [])
      try first(part, &trials.0)
      try second(part, &trials.1)
      // Half a percent is not worth the time; of what still looks random three are not.
      let least = compressed < count / 2 ? trials.0.count / 201 * 200 : trials.0.count / 33 * 32
      guard trials.1.count < least else { return }
    }
    var other: [UInt8] = []
    try second(bytes, &other)
    guard other.count < compressed else { return }
    output.replaceSubrange(start..., with: other)
  }

  private static func size(of elementByteCount: Int) throws(FlywheelError) -> Int {
    guard elementByteCount >= 1 else {
      throw FlywheelError(
        .invalidArgument,
        "Elements of \(elementByteCount) bytes cannot be compressed; their size is 1 or more."
      )
    }
    return elementByteCount
  }

  /// Makes room and lets a kernel write; it returns how much it has written, 0 without memory.
  private static func append(
    upTo bound: Int,
    from bytes: RawSpan,
    to output: inout [UInt8],
    _ kernel: (UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<UInt8>?) -> Int
  ) throws(FlywheelError) {
    var written = 0
    output.append(addingCapacity: bound) { room in
      unsafe room.withUnsafeMutableBufferPointer { buffer, count in
        unsafe bytes.withUnsafeBytes { source in
          // The kernel writes no more than its bound, and all that it says it has written.
          written = unsafe kernel(
            source.bindMemory(to: UInt8.self).baseAddress,
            source.count,
            buffer.baseAddress
          )
        }
        count = written
      }
    }
    guard written > 0 else {
      throw FlywheelError(
        .limitExceeded,
        "There is no memory to compress with; close other programs or use a larger machine."
      )
    }
  }
}
