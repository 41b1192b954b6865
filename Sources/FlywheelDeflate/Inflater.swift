import CZlib
public import FlywheelCore

/// Decompresses a deflate stream piece by piece, for what is larger than memory.
@safe public struct Inflater: ~Copyable {
  // On the heap, because zlib keeps the address.
  private let stream: UnsafeMutablePointer<z_stream>

  /// How many compressed bytes have been used.
  public private(set) var compressedByteCount = 0

  /// How many bytes have come out.
  public private(set) var byteCount = 0

  /// Whether the stream has come to its end; compressed bytes after it are never used.
  public private(set) var isFinished = false

  /// Starts at the front of a stream.
  ///
  /// - Parameter wrapping: What lies around the stream.
  /// - Throws: `libraryFailure`, `limitExceeded` if there is no memory.
  public init(_ wrapping: Inflate.Wrapping) throws(FlywheelError) {
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    // The largest window, because the stream does not say; a negative one means no wrapping.
    let status = unsafe inflateInit2_(
      stream,
      wrapping == .raw ? -15 : 15,
      ZLIB_VERSION,
      CInt(MemoryLayout<z_stream>.size)
    )
    guard status == Z_OK else {
      unsafe stream.deallocate()
      throw Self.failure(status)
    }
    unsafe self.stream = stream
  }

  deinit {
    unsafe inflateEnd(stream)
    unsafe stream.deallocate()
  }

  /// Decompresses the next bytes, until the buffer is full, the stream ends, or the input is used up.
  ///
  /// - Parameters:
  ///   - compressed: The stream from `compressedByteCount` on, as much of it as is at hand.
  ///   - isComplete: Whether there is no more of it.
  ///   - buffer: Where the bytes go, from the front.
  /// - Returns: How many bytes came out; less than the buffer holds only at the end of the stream, or
  ///   when more input is needed.
  /// - Throws: `corrupted`; `truncated` if the stream goes on after all that there is. The offset counts
  ///   compressed bytes from the start of the stream.
  public mutating func read(
    from compressed: RawSpan,
    isComplete: Bool = true,
    into buffer: inout MutableRawSpan
  ) throws(FlywheelError) -> Int {
    var produced = 0
    var consumed = 0
    var status = Z_OK
    unsafe compressed.withUnsafeBytes { source in
      unsafe buffer.withUnsafeMutableBytes { target in
        let input = unsafe source.bindMemory(to: UInt8.self).baseAddress
        let output = unsafe target.bindMemory(to: UInt8.self).baseAddress
        // zlib counts in 32 bits.
        let limit = 1 << 30
        while status == Z_OK, !isFinished, produced < target.count {
          let available = min(source.count - consumed, limit)
          let room = min(target.count - produced, limit)
          unsafe stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.map { unsafe $0 + consumed }
          )
          unsafe stream.pointee.avail_in = UInt32(available)
          unsafe stream.pointee.next_out = output.map { unsafe $0 + produced }
          unsafe stream.pointee.avail_out = UInt32(room)
          status = unsafe CZlib.inflate(stream, Z_NO_FLUSH)
          consumed += available - Int(unsafe stream.pointee.avail_in)
          produced += room - Int(unsafe stream.pointee.avail_out)
          isFinished = status == Z_STREAM_END
        }
        // zlib keeps neither, and takes both anew with the next call.
        unsafe stream.pointee.next_in = nil
        unsafe stream.pointee.next_out = nil
      }
    }
    compressedByteCount += consumed
    byteCount += produced
    switch status {
    case Z_OK, Z_STREAM_END: return produced
    // No progress: the input is used up.
    case Z_BUF_ERROR where !isComplete: return produced
    case Z_BUF_ERROR:
      throw FlywheelError(
        .truncated,
        "The compressed data end early, after \(byteCount) decompressed bytes. "
          + "They were cut off or are still being written; copy them again or use an older file.",
        at: .init(byteOffset: UInt64(compressedByteCount))
      )
    case Z_DATA_ERROR, Z_NEED_DICT:
      let reason = unsafe stream.pointee.msg.map { unsafe String(cString: $0) }
      throw FlywheelError(
        .corrupted,
        "The compressed data are damaged after \(byteCount) decompressed bytes; "
          + "copy them again or use an older file.",
        at: .init(byteOffset: UInt64(compressedByteCount)),
        cause: .library("zlib: \(reason ?? "it needs a dictionary")")
      )
    default: throw Self.failure(status)
    }
  }

  private static func failure(_ status: CInt) -> FlywheelError {
    FlywheelError(
      status == Z_MEM_ERROR ? .limitExceeded : .libraryFailure,
      "zlib could not decompress.",
      cause: .library("zlib: status \(status)")
    )
  }
}
