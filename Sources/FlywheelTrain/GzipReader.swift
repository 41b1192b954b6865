import CZlib
import FlywheelCore
import SystemPackage

/// The bytes of a gzip file, decompressed in order as they are asked for.
@safe struct GzipReader: ~Copyable {
  /// No deflate stream becomes larger than this times its own size (zlib's technical notes).
  static let maximumExpansion = 1032

  private let file: MappedFile
  // On the heap, because zlib keeps the address.
  private let stream: UnsafeMutablePointer<z_stream>
  private var inputOffset = 0
  private var outputOffset = 0
  private var hasEnded = false

  /// Whether a file starts as a gzip file does.
  static func recognizes(_ file: borrowing MappedFile) -> Bool {
    var reader = ByteReader(file.bytes)
    return (try? reader.readBigEndian(UInt16.self, "the magic number")) == 0x1F8B
  }

  init(_ file: consuming MappedFile) throws(FlywheelError) {
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    // 15 is the largest window, 16 asks for gzip's header, CRC and length instead of zlib's.
    let status = unsafe inflateInit2_(
      stream,
      15 + 16,
      ZLIB_VERSION,
      CInt(MemoryLayout<z_stream>.size)
    )
    guard status == Z_OK else {
      unsafe stream.deallocate()
      throw Self.failure(status)
    }
    self.file = file
    unsafe self.stream = stream
  }

  deinit {
    unsafe inflateEnd(stream)
    unsafe stream.deallocate()
  }

  /// The size of the compressed file.
  var compressedByteCount: Int { file.byteCount }

  /// Decompresses the next bytes.
  ///
  /// - Parameters:
  ///   - count: How many; the caller has checked that the file justifies them.
  ///   - what: What they are, for the error.
  /// - Returns: The bytes.
  /// - Throws: `truncated`, `corrupted`; offsets are into the compressed file, but into the
  ///   decompressed one where the stream is whole and only too short.
  mutating func read(_ count: Int, _ what: String) throws(FlywheelError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let produced = try inflate(into: &bytes)
    guard produced == count else {
      throw FlywheelError.truncated(
        "\(what), decompressed,",
        needed: UInt64(count),
        available: UInt64(produced),
        at: .init(byteOffset: UInt64(outputOffset))
      )
    }
    outputOffset += count
    return bytes
  }

  /// Checks the CRC and the length, and that nothing follows.
  ///
  /// - Throws: `malformed` if there is more, `corrupted`, `truncated`.
  mutating func finish() throws(FlywheelError) {
    var excess: [UInt8] = [0]
    guard try inflate(into: &excess) == 0 else {
      throw FlywheelError.malformed(
        found: "more bytes in the gzip stream",
        expected: "the end after \(outputOffset) decompressed bytes",
        at: .init(byteOffset: UInt64(outputOffset))
      )
    }
    guard inputOffset == file.byteCount else {
      throw FlywheelError.malformed(
        found: "\(file.byteCount - inputOffset) bytes after the gzip stream",
        expected: "the end of the file",
        at: .init(byteOffset: UInt64(inputOffset))
      )
    }
  }

  /// Fills the bytes from the front until they are full or the stream ends.
  private mutating func inflate(into bytes: inout [UInt8]) throws(FlywheelError) -> Int {
    // zlib counts in 32 bits.
    let limit = 1 << 30
    var produced = 0
    while produced < bytes.count, !hasEnded {
      let available = min(file.byteCount - inputOffset, limit)
      let room = min(bytes.count - produced, limit)
      let status = unsafe bytes.withUnsafeMutableBufferPointer { buffer in
        let input = unsafe file.unsafeBuffer.bindMemory(to: UInt8.self)
        unsafe stream.pointee.next_in = UnsafeMutablePointer(
          mutating: input.baseAddress.map { unsafe $0 + inputOffset }
        )
        unsafe stream.pointee.avail_in = UInt32(available)
        unsafe stream.pointee.next_out = buffer.baseAddress.map { unsafe $0 + produced }
        unsafe stream.pointee.avail_out = UInt32(room)
        return unsafe CZlib.inflate(stream, Z_NO_FLUSH)
      }
      inputOffset += available - Int(unsafe stream.pointee.avail_in)
      produced += room - Int(unsafe stream.pointee.avail_out)
      switch status {
      case Z_OK: continue
      case Z_STREAM_END: hasEnded = true
      case Z_BUF_ERROR where inputOffset == file.byteCount:
        throw FlywheelError(
          .truncated,
          "The gzip stream ends early, after \(outputOffset + produced) decompressed bytes. "
            + "It was cut off or is still being written; copy or download it again.",
          at: .init(byteOffset: UInt64(inputOffset))
        )
      case Z_DATA_ERROR:
        let reason = unsafe stream.pointee.msg.map { unsafe String(cString: $0) }
        throw FlywheelError(
          .corrupted,
          "The gzip stream is damaged; copy or download the file again.",
          at: .init(byteOffset: UInt64(inputOffset)),
          cause: reason.map { .library("zlib: \($0)") }
        )
      default: throw Self.failure(status)
      }
    }
    return produced
  }

  private static func failure(_ status: CInt) -> FlywheelError {
    FlywheelError(
      .libraryFailure,
      "zlib could not decompress the file.",
      cause: .library("zlib: status \(status)")
    )
  }
}
