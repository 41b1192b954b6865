public import FlywheelCore

/// Decompresses whole deflate streams (RFC 1951) whose size is known.
public enum Inflate {
  /// What lies around a deflate stream.
  public enum Wrapping: Sendable {
    /// Nothing, as in a zip archive.
    case raw
    /// zlib's header and Adler-32 (RFC 1950), as in HDF5; the checksum is checked.
    case zlib
  }

  /// No deflate stream becomes larger than this times its own size (zlib's technical notes).
  public static let maximumExpansion = 1032

  /// Decompresses a stream that must give exactly as many bytes as the buffer holds.
  ///
  /// - Parameters:
  ///   - compressed: The stream; what follows its end is left alone.
  ///   - wrapping: What lies around the stream.
  ///   - buffer: Where the bytes go.
  /// - Returns: How many compressed bytes the stream took.
  /// - Throws: `corrupted`, `truncated`, `malformed` if the stream holds fewer or more bytes than the buffer,
  ///   each with the offset into the compressed bytes; the buffer then holds anything.
  @discardableResult
  public static func inflate(
    _ compressed: RawSpan,
    _ wrapping: Wrapping,
    into buffer: inout MutableRawSpan
  ) throws(FlywheelError) -> Int {
    #if Accelerated
      // zlib takes over where libdeflate fails, because it can say why and where.
      if let used = Libdeflate.inflate(compressed, wrapping, into: &buffer) { return used }
    #endif
    var inflater = try Inflater(wrapping)
    let produced = try inflater.read(from: compressed, into: &buffer)
    // The end has to come now, without another byte.
    if !inflater.isFinished {
      let rest = compressed.extracting(droppingFirst: inflater.compressedByteCount)
      var extra = [0] as [UInt8]
      let more = try extra.withMutableRawBytes { byte throws(FlywheelError) in
        try inflater.read(from: rest, into: &byte)
      }
      guard more == 0 else {
        throw FlywheelError.malformed(
          found: "compressed data that go on after \(buffer.byteCount) bytes",
          expected: "their end",
          at: .init(byteOffset: UInt64(inflater.compressedByteCount))
        )
      }
    }
    guard produced == buffer.byteCount else {
      throw FlywheelError.malformed(
        found: "compressed data of \(produced) bytes",
        expected: "\(buffer.byteCount) bytes",
        at: .init(byteOffset: UInt64(inflater.compressedByteCount))
      )
    }
    return inflater.compressedByteCount
  }
}
