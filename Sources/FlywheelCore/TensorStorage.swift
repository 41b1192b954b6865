#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The one owner of a tensor's bytes: a mapped file, a block of memory aligned to 64 bytes, or part of either.
///
/// The bytes never change after initialisation, so storage is shared freely between tensors and
/// threads, and lives as long as any tensor that views it.
@safe public final class TensorStorage: Sendable {
  // Safe to share: immutable after `init`, and released only when the last reference is gone.
  private nonisolated(unsafe) let base: UnsafeMutableRawPointer?
  private let mapping: MappedFile?
  /// The storage whose bytes these are; nil if they are its own.
  private let whole: TensorStorage?

  /// The number of bytes.
  public let byteCount: Int

  /// Whether the bytes are a mapped file rather than memory of their own.
  public var isMapped: Bool { mapping != nil || whole?.isMapped == true }

  /// The alignment of every block that is not mapped: one cache line, one AVX-512 vector.
  public static let alignment = 64

  /// Takes over a mapped file.
  ///
  /// - Parameter file: The mapping; it is unmapped with the last tensor that views it.
  public init(mapping file: consuming MappedFile) {
    byteCount = file.byteCount
    unsafe base = nil
    mapping = consume file
    whole = nil
  }

  /// Takes part of another storage, which stays as long as it is used: a file within a file.
  ///
  /// - Parameters:
  ///   - range: The part.
  ///   - whole: The storage.
  /// - Precondition: The range is within the storage.
  package init(_ range: Range<Int>, of whole: TensorStorage) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= whole.byteCount,
      "a part is within its whole"
    )
    // Only read, and the storage that it points into is kept.
    unsafe base = unsafe whole.bytes.withUnsafeBytes { bytes in
      unsafe bytes.baseAddress.map {
        unsafe UnsafeMutableRawPointer(mutating: $0) + range.lowerBound
      }
    }
    byteCount = range.count
    mapping = nil
    self.whole = whole
  }

  /// Allocates a block and lets `initialize` fill it from the front; what is left is zero.
  ///
  /// - Parameters:
  ///   - byteCount: The size of the block. The caller has checked that its input justifies it.
  ///   - initialize: Writes the bytes, in order.
  /// - Throws: What `initialize` throws, `limitExceeded` if there is not so much memory.
  public init(
    byteCount: Int,
    initializingWith initialize: (inout OutputRawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    precondition(byteCount >= 0, "storage has no negative size")
    let block = try unsafe Self.allocate(byteCount)
    do throws(FlywheelError) {
      let buffer = unsafe UnsafeMutableRawBufferPointer(start: block, count: byteCount)
      var output = unsafe OutputRawSpan(buffer: buffer, initializedCount: 0)
      try initialize(&output)
      let filled = output.byteCount
      _ = unsafe output.finalize(for: buffer)
      unsafe memset(block + filled, 0, byteCount - filled)
    } catch {
      unsafe free(block)
      throw error
    }
    self.byteCount = byteCount
    unsafe base = block
    mapping = nil
    whole = nil
  }

  /// Allocates a block and hands its address to `fill`, for C libraries that write by pointer.
  ///
  /// - Parameters:
  ///   - byteCount: The size of the block.
  ///   - fill: Must initialise all of the bytes.
  /// - Throws: What `fill` throws, `limitExceeded` if there is not so much memory.
  @unsafe package init(
    byteCount: Int,
    unsafeFilledBy fill: (UnsafeMutableRawBufferPointer) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    let block = try unsafe Self.allocate(byteCount)
    do throws(FlywheelError) {
      try unsafe fill(UnsafeMutableRawBufferPointer(start: block, count: byteCount))
    } catch {
      unsafe free(block)
      throw error
    }
    self.byteCount = byteCount
    unsafe base = block
    mapping = nil
    whole = nil
  }

  deinit {
    if whole == nil { unsafe free(base) }
  }

  /// Whether the byte at an offset lies at a multiple of an alignment in memory.
  package func isAligned(_ offset: Int, to alignment: Int) -> Bool {
    unsafe bytes.withUnsafeBytes { bytes in
      let address = UInt(bitPattern: bytes.baseAddress)
      return (address &+ UInt(bitPattern: offset)).isMultiple(of: UInt(alignment))
    }
  }

  /// The bytes.
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      if let base = unsafe base {
        let span = unsafe RawSpan(_unsafeStart: base, byteCount: byteCount)
        return unsafe _overrideLifetime(span, borrowing: self)
      }
      let span = unsafe RawSpan(_unsafeBytes: mappedBuffer)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  private var mappedBuffer: UnsafeRawBufferPointer {
    switch mapping {
    case .some(let file): unsafe file.unsafeBuffer
    case .none: unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    }
  }

  private static func allocate(_ byteCount: Int) throws(FlywheelError) -> UnsafeMutableRawPointer {
    // Page faults on fresh memory cost more than the copy that causes them; large pages spare most.
    let largePage = 2 << 20
    let isLarge = byteCount >= 2 * largePage
    var block: UnsafeMutableRawPointer?
    // At least one line, so that an empty tensor has an address too.
    let status = unsafe posix_memalign(
      &block,
      isLarge ? largePage : alignment,
      max(byteCount, alignment)
    )
    guard status == 0, let block = unsafe block else {
      throw FlywheelError(
        .limitExceeded,
        "There is no memory for \(byteCount) bytes; close other programs or use a larger machine."
      )
    }
    #if os(Linux)
      if isLarge { unsafe _ = madvise(block, byteCount, MADV_HUGEPAGE) }
    #endif
    return unsafe block
  }
}
