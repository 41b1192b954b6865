import CFlywheelDeflate
public import FlywheelCore

/// Compresses blocks that join to one valid deflate stream (RFC 1951).
public enum Deflate {
  /// Appends the compressed form of one block of a raw deflate stream.
  ///
  /// Blocks refer to nothing before them, so they may be compressed in any order, on any thread; joined in
  /// order, the last one with `isLast`, they are one stream. `none` and `fast` give equal bytes for equal
  /// input on every CPU. What is appended is larger than the block by no more than 1/1,024 of it and 80
  /// bytes.
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
    case .level(let level):
      let deflater = try ZlibDeflater(level, wrapping: .raw)
      try deflater.append(bytes, to: &output)
      try deflater.finish(isLast: isLast, to: &output)
    case .none:
      try unsafe append(
        upTo: fw_deflate_bound(bytes.byteCount),
        from: bytes,
        to: &output
      ) { start, count, out in
        unsafe fw_deflate_stored(start, count, last, out)
      }
    case .fast:
      try unsafe append(
        upTo: fw_deflate_bound(bytes.byteCount),
        from: bytes,
        to: &output
      ) { start, count, out in
        unsafe fw_deflate(fw_deflate_best_cpu(), start, count, element, last, out)
      }
    }
  }

  /// Appends one zlib stream (RFC 1950) of bytes after HDF5's shuffle: what its filters 2 and 1 make
  /// of a chunk.
  ///
  /// `none` and `fast` give equal bytes for equal input on every CPU.
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
    guard case .level(let level) = compression else {
      try unsafe append(
        upTo: fw_deflate_shuffled_zlib_bound(bytes.byteCount),
        from: bytes,
        to: &output
      ) { start, count, out in
        unsafe fw_deflate_shuffled_zlib(
          fw_deflate_best_cpu(),
          start,
          count,
          element,
          compression == .none ? 1 : 0,
          out
        )
      }
      return
    }
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
