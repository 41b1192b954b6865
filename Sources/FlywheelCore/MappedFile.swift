public import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A whole file mapped into memory for reading.
///
/// If another program cuts the file short while it is mapped, touching the lost pages stops this
/// process (SIGBUS). Flywheel itself replaces files only by renaming, which leaves mappings whole.
@safe public struct MappedFile: ~Copyable, Sendable {
  // Safe to share: the mapping is read-only and lives until `deinit`.
  private nonisolated(unsafe) let base: UnsafeRawPointer?

  /// The size of the file when it was mapped.
  public let byteCount: Int

  /// Maps the file at a path.
  ///
  /// - Parameter path: The file.
  /// - Throws: `notFound`, or `inputOutput` if it cannot be opened or is no regular file.
  public init(path: FilePath) throws(FlywheelError) {
    let file = try OpenFile(readingAt: path)
    try self.init(descriptor: file.descriptor, path: path)
  }

  /// Maps an open file; the descriptor stays the caller's.
  ///
  /// - Parameters:
  ///   - descriptor: The open file.
  ///   - path: Its name, for errors.
  /// - Throws: `inputOutput` if it is no regular file or cannot be mapped.
  package init(descriptor: CInt, path: FilePath) throws(FlywheelError) {
    let size = try OpenFile.size(of: descriptor, path: path)
    guard size > 0 else {
      unsafe base = nil
      byteCount = 0
      return
    }
    let address = unsafe mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw FlywheelError.system("mmap", to: "map the file", path: path, errno: .current)
    }
    unsafe base = UnsafeRawPointer(address)
    byteCount = size
  }

  deinit {
    if let base = unsafe base { unsafe munmap(UnsafeMutableRawPointer(mutating: base), byteCount) }
  }

  /// The bytes of the file.
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = unsafe RawSpan(_unsafeBytes: unsafeBuffer)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  @unsafe package var unsafeBuffer: UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(start: base, count: byteCount)
  }
}
