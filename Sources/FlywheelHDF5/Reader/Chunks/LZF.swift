internal import FlywheelCore

/// Decompresses LZF (Marc Lehmann's liblzf), which h5py's filter 32000 is.
///
/// A stream is made of literal runs, and of copies of what came out up to 8 KiB before:
///
///     000LLLLL                    L + 1 literal bytes follow
///     LLLooooo oooooooo           L + 2 bytes from o + 1 bytes before, L from 1 to 6
///     111ooooo LLLLLLLL oooooooo  L + 9 bytes from o + 1 bytes before
enum LZF {
  /// No stream becomes larger than this times its own size: three bytes stand for 264 at most.
  static let maximumExpansion = 88

  /// Decompresses a stream that must give exactly as many bytes as the buffer holds.
  ///
  /// - Parameters:
  ///   - compressed: The stream, all of which is used.
  ///   - buffer: Where the bytes go.
  /// - Throws: `corrupted`, with the offset into the compressed bytes; the buffer then holds anything.
  static func decompress(
    _ compressed: RawSpan,
    into buffer: inout MutableRawSpan
  ) throws(FlywheelError) {
    try unsafe compressed.withUnsafeBytes { (source) throws(FlywheelError) in
      try unsafe buffer.withUnsafeMutableBytes { (target) throws(FlywheelError) in
        try unsafe decompress(source, into: target)
      }
    }
  }

  /// Every index below has been compared with the end of what it goes into; `unsafe` spares checking it twice.
  private static func decompress(
    _ source: UnsafeRawBufferPointer,
    into target: UnsafeMutableRawBufferPointer
  ) throws(FlywheelError) {
    var (input, output) = (0, 0)
    while input < source.count {
      let start = input
      let control = Int(unsafe source[input])
      input += 1
      if control < 32 {
        let count = control + 1
        guard count <= source.count - input, count <= target.count - output else {
          throw damage(at: start, output)
        }
        for index in 0..<count { unsafe target[output + index] = unsafe source[input + index] }
        input += count
        output += count
        continue
      }
      var count = control >> 5
      guard input + (count == 7 ? 2 : 1) <= source.count else { throw damage(at: start, output) }
      if count == 7 {
        count += Int(unsafe source[input])
        input += 1
      }
      count += 2
      let distance = (control & 0x1F) << 8 + Int(unsafe source[input]) + 1
      input += 1
      guard distance <= output, count <= target.count - output else {
        throw damage(at: start, output)
      }
      // One by one: a copy may go on into what it has just written.
      for index in output..<output + count {
        unsafe target[index] = unsafe target[index - distance]
      }
      output += count
    }
    guard output == target.count else { throw damage(at: input, output) }
  }

  private static func damage(at offset: Int, _ byteCount: Int) -> FlywheelError {
    FlywheelError(
      .corrupted,
      "The data that LZF compressed are damaged after \(byteCount) decompressed bytes; "
        + "copy them again or use an older file.",
      at: .init(byteOffset: UInt64(offset))
    )
  }
}
