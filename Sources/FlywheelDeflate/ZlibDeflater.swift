import CZlib
import FlywheelCore

/// zlib's compressor, for the levels.
@safe struct ZlibDeflater: ~Copyable {
  /// What lies around the deflate stream.
  enum Wrapping {
    /// Nothing.
    case raw
    /// zlib's header and Adler-32 (RFC 1950).
    case zlib
  }

  // On the heap, because zlib keeps the address.
  private let stream: UnsafeMutablePointer<z_stream>

  init(_ level: Int, wrapping: Wrapping) throws(FlywheelError) {
    guard Compression.levels.contains(level) else {
      throw FlywheelError(
        .invalidArgument,
        "There is no compression level \(level); use \(Compression.levels.lowerBound) to "
          + "\(Compression.levels.upperBound)."
      )
    }
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    // The largest window; a negative one means no wrapping. 8 is zlib's usual amount of memory.
    let status = unsafe deflateInit2_(
      stream,
      CInt(level),
      Z_DEFLATED,
      wrapping == .raw ? -15 : 15,
      8,
      Z_DEFAULT_STRATEGY,
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
    unsafe deflateEnd(stream)
    unsafe stream.deallocate()
  }

  /// Compresses more bytes; some of the result may come only with the next call.
  func append(_ bytes: RawSpan, to output: inout [UInt8]) throws(FlywheelError) {
    // zlib counts in 32 bits.
    let limit = 1 << 30
    for start in stride(from: 0, to: bytes.byteCount, by: limit) {
      let part = bytes.extracting(start..<min(start + limit, bytes.byteCount))
      try deflate(part, Z_NO_FLUSH, to: &output)
    }
  }

  /// Brings out what is left, and ends the stream or goes to the next whole byte.
  func finish(isLast: Bool, to output: inout [UInt8]) throws(FlywheelError) {
    try deflate(RawSpan(), isLast ? Z_FINISH : Z_SYNC_FLUSH, to: &output)
  }

  private func deflate(
    _ bytes: RawSpan,
    _ flush: CInt,
    to output: inout [UInt8]
  ) throws(FlywheelError) {
    var status = Z_OK
    unsafe bytes.withUnsafeBytes { source in
      let start = unsafe source.bindMemory(to: UInt8.self).baseAddress
      unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: start)
      unsafe stream.pointee.avail_in = UInt32(source.count)
      // A little more than what zlib holds back at most; it has come to an end when room is left.
      let step = max(source.count / 2, 1 << 16)
      repeat {
        output.append(addingCapacity: step) { room in
          unsafe room.withUnsafeMutableBufferPointer { buffer, count in
            unsafe stream.pointee.next_out = buffer.baseAddress
            unsafe stream.pointee.avail_out = UInt32(step)
            status = unsafe CZlib.deflate(stream, flush)
            count = step - Int(unsafe stream.pointee.avail_out)
          }
        }
      } while unsafe status == Z_OK && stream.pointee.avail_out == 0
      // Nothing of the source is kept: zlib has read all of it.
      unsafe stream.pointee.next_in = nil
    }
    // Without input, and with nothing to bring out, zlib says that it made no progress.
    guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
      throw Self.failure(status)
    }
  }

  private static func failure(_ status: CInt) -> FlywheelError {
    FlywheelError(
      status == Z_MEM_ERROR ? .limitExceeded : .libraryFailure,
      "zlib could not compress.",
      cause: .library("zlib: status \(status)")
    )
  }
}
