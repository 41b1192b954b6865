package import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file descriptor that is closed exactly once, and the few system calls that Flywheel makes on it.
package struct OpenFile: ~Copyable, Sendable {
  package let descriptor: CInt
  package let path: FilePath

  /// Opens a file for reading, without waiting: opening a named pipe would hang otherwise.
  package init(readingAt path: FilePath) throws(FlywheelError) {
    try self.init(path, flags: O_RDONLY | O_NONBLOCK, purpose: "open the file")
  }

  /// Creates a file that must not exist yet.
  package init(creating path: FilePath) throws(FlywheelError) {
    try self.init(path, flags: O_RDWR | O_CREAT | O_EXCL, purpose: "create the file")
  }

  /// Opens with the given flags; a created file gets the permissions that the user's mask leaves.
  package init(_ path: FilePath, flags: CInt, purpose: String) throws(FlywheelError) {
    let result = retryingOnInterrupt {
      unsafe path.withPlatformString { unsafe open($0, flags | O_CLOEXEC, 0o666) }
    }
    guard result >= 0 else {
      throw FlywheelError.system("open", to: purpose, path: path, errno: .current)
    }
    descriptor = result
    self.path = path
  }

  deinit {
    _ = close(descriptor)
  }

  /// Writes all bytes, however many calls that takes.
  package func write(_ bytes: RawSpan) throws(FlywheelError) {
    var rest = bytes
    while rest.byteCount > 0 {
      let written = unsafe rest.withUnsafeBytes { buffer in
        retryingOnInterrupt { unsafe writeOnce(buffer) }
      }
      guard written > 0 else {
        let error = written == 0 ? Errno.ioError : .current
        throw FlywheelError.system("write", to: "write the file", path: path, errno: error)
      }
      rest = rest.extracting(droppingFirst: written)
    }
  }

  /// One call, of at most 1 GiB: systems refuse or cut short what is larger than 2 GiB.
  private func writeOnce(_ buffer: UnsafeRawBufferPointer) -> Int {
    #if canImport(Glibc)
      unsafe Glibc.write(descriptor, buffer.baseAddress, min(buffer.count, 1 << 30))
    #elseif canImport(Musl)
      unsafe Musl.write(descriptor, buffer.baseAddress, min(buffer.count, 1 << 30))
    #elseif canImport(Darwin)
      unsafe Darwin.write(descriptor, buffer.baseAddress, min(buffer.count, 1 << 30))
    #endif
  }

  /// Writes all bytes at a place; the next bytes that are appended go where they would have gone before.
  package func write(_ bytes: RawSpan, at offset: Int) throws(FlywheelError) {
    var rest = bytes
    var place = offset
    while rest.byteCount > 0 {
      let written = unsafe rest.withUnsafeBytes { buffer in
        retryingOnInterrupt {
          unsafe pwrite(descriptor, buffer.baseAddress, min(buffer.count, 1 << 30), off_t(place))
        }
      }
      guard written > 0 else {
        let error = written == 0 ? Errno.ioError : .current
        throw FlywheelError.system("pwrite", to: "write the file", path: path, errno: error)
      }
      rest = rest.extracting(droppingFirst: written)
      place += written
    }
  }

  /// Waits until the bytes are on the disk.
  package func synchronize() throws(FlywheelError) {
    #if canImport(Darwin)
      // fsync on Darwin does not reach the platter.
      let result = retryingOnInterrupt { unsafe fcntl(descriptor, F_FULLFSYNC) }
    #else
      let result = retryingOnInterrupt { fsync(descriptor) }
    #endif
    guard result == 0 else {
      throw FlywheelError.system("fsync", to: "make the file durable", path: path, errno: .current)
    }
  }

  /// The size of an open regular file.
  package static func size(of descriptor: CInt, path: FilePath) throws(FlywheelError) -> Int {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else {
      throw FlywheelError.system("fstat", to: "look at the file", path: path, errno: .current)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      let kind = status.st_mode & S_IFMT == S_IFDIR ? "a directory" : "no regular file"
      throw FlywheelError(
        .invalidArgument,
        "This is \(kind) where a file was expected.",
        at: .init(path: path)
      )
    }
    return Int(status.st_size)
  }

  /// All bytes of a small file such as a configuration or a log.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - limit: More bytes than this are refused.
  /// - Throws: `notFound`, `inputOutput`, or `limitExceeded`.
  /// - Returns: The bytes.
  package static func contents(
    of path: FilePath,
    limit: Int = 64 << 20
  ) throws(FlywheelError) -> [UInt8] {
    let file = try MappedFile(path: path)
    guard file.byteCount <= limit else {
      throw FlywheelError(
        .limitExceeded,
        "The file has \(file.byteCount) bytes; at most \(limit) are read here.",
        at: .init(path: path)
      )
    }
    return unsafe file.bytes.withUnsafeBytes { unsafe [UInt8]($0) }
  }
}

extension Errno {
  /// The error number of the call that failed last on this thread.
  package static var current: Errno { Errno(rawValue: errno) }
}

/// Repeats a system call for as long as a signal interrupts it.
package func retryingOnInterrupt<Result: SignedInteger>(_ call: () -> Result) -> Result {
  while true {
    let result = call()
    if result >= 0 || errno != EINTR { return result }
  }
}
