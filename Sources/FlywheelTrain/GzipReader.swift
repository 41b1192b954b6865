import CZlib
import FlywheelCore
import SystemPackage

/// The bytes of a gzip file, decompressed in order as they are asked for.
///
/// As for gunzip, a file may have several members, whose bytes follow each other, and zeros at its end,
/// which tapes and block devices leave. Anything else at the end is refused.
@safe struct GzipReader: ~Copyable {
  /// No deflate stream becomes larger than this times its own size (zlib's technical notes).
  static let maximumExpansion = 1032

  /// What every member starts with.
  private static let magic: [UInt8] = [0x1F, 0x8B]

  private let file: MappedFile
  // On the heap, because zlib keeps the address.
  private let stream: UnsafeMutablePointer<z_stream>
  private var inputOffset = 0
  private var outputOffset = 0
  private var hasEnded = false

  /// Whether a file starts as a gzip file does.
  static func recognizes(_ file: borrowing MappedFile) -> Bool {
    unsafe file.unsafeBuffer.starts(with: magic)
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
  mutating func read(_ count: Int, _ what: String) throws(FlywheelError) -> TensorStorage {
    let (storage, produced) = try inflate(upTo: count)
    guard produced == count else {
      throw FlywheelError.truncated(
        "\(what), decompressed,",
        needed: UInt64(count),
        available: UInt64(produced),
        at: .init(byteOffset: UInt64(outputOffset))
      )
    }
    outputOffset += count
    return storage
  }

  /// Checks the CRC and the length, and that nothing follows.
  ///
  /// - Throws: `malformed` if there is more, `corrupted`, `truncated`.
  mutating func finish() throws(FlywheelError) {
    guard try inflate(upTo: 1).produced == 0 else {
      throw FlywheelError.malformed(
        found: "more bytes in the gzip stream",
        expected: "the end after \(outputOffset) decompressed bytes",
        at: .init(byteOffset: UInt64(outputOffset))
      )
    }
  }

  private mutating func inflate(
    upTo count: Int
  ) throws(FlywheelError) -> (storage: TensorStorage, produced: Int) {
    var produced = 0
    let storage = try unsafe TensorStorage(
      byteCount: count,
      unsafeFilledBy: { buffer throws(FlywheelError) in
        produced = try unsafe inflate(into: buffer)
        // What the file did not fill is never handed out, but has to have been written.
        unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[produced...])
          .initializeMemory(as: UInt8.self, repeating: 0)
      }
    )
    return (storage, produced)
  }

  /// Fills the bytes from the front until they are full or the file ends.
  private mutating func inflate(
    into bytes: UnsafeMutableRawBufferPointer
  ) throws(FlywheelError) -> Int {
    // zlib counts in 32 bits.
    let limit = 1 << 30
    let target = unsafe bytes.bindMemory(to: UInt8.self)
    let input = unsafe file.unsafeBuffer.bindMemory(to: UInt8.self)
    var produced = 0
    while produced < bytes.count, !hasEnded {
      let available = min(file.byteCount - inputOffset, limit)
      let room = min(bytes.count - produced, limit)
      unsafe stream.pointee.next_in = UnsafeMutablePointer(
        mutating: input.baseAddress.map { unsafe $0 + inputOffset }
      )
      unsafe stream.pointee.avail_in = UInt32(available)
      unsafe stream.pointee.next_out = target.baseAddress.map { unsafe $0 + produced }
      unsafe stream.pointee.avail_out = UInt32(room)
      let status = unsafe CZlib.inflate(stream, Z_NO_FLUSH)
      inputOffset += available - Int(unsafe stream.pointee.avail_in)
      produced += room - Int(unsafe stream.pointee.avail_out)
      switch status {
      case Z_OK: continue
      case Z_STREAM_END: try startNextMember()
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

  /// Goes on after the end of a member: with the next one, or to the end of the file.
  private mutating func startNextMember() throws(FlywheelError) {
    let rest = unsafe file.unsafeBuffer[inputOffset...]
    if unsafe rest.starts(with: Self.magic) {
      let status = unsafe inflateReset(stream)
      guard status == Z_OK else { throw Self.failure(status) }
      return
    }
    guard unsafe rest.allSatisfy({ $0 == 0 }) else {
      throw FlywheelError.malformed(
        found: "\(file.byteCount - inputOffset) bytes after the gzip stream",
        expected: "the end of the file, or another member",
        at: .init(byteOffset: UInt64(inputOffset))
      )
    }
    hasEnded = true
  }

  private static func failure(_ status: CInt) -> FlywheelError {
    FlywheelError(
      .libraryFailure,
      "zlib could not decompress the file.",
      cause: .library("zlib: status \(status)")
    )
  }
}
