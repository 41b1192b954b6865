import FlywheelCore
import FlywheelTestSupport
import SystemPackage
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite struct MappedFileTests {
  private func content(of path: FilePath) throws -> [UInt8] {
    let file = try MappedFile(path: path)
    return unsafe file.bytes.withUnsafeBytes { unsafe [UInt8]($0) }
  }

  @Test(arguments: [1, 4_095, 4_096, 4_097, 1 << 20])
  func `a file's bytes are mapped`(byteCount: Int) throws {
    let directory = try TemporaryDirectory()
    let bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31 + $0 / 251) }
    let path = try directory.write(bytes, to: "file")
    let file = try MappedFile(path: path)
    let size = file.byteCount
    #expect(size == byteCount)
    #expect(try content(of: path) == bytes)
  }

  @Test func `an empty file is mapped to no bytes`() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write([], to: "empty")
    #expect(try content(of: path).isEmpty)
    let storage = TensorStorage(mapping: try MappedFile(path: path))
    #expect(storage.byteCount == 0)
    #expect(storage.bytes.byteCount == 0)
    #expect(storage.isMapped)
    #expect(try Tensor(dtype: .float32, shape: Shape([0]), storage: storage).isFinite)
  }

  @Test func `what is no regular file is refused`() throws {
    let directory = try TemporaryDirectory()
    for (path, word) in [(directory.path, "directory"), ("/dev/null", "regular")] as [(FilePath, _)]
    {
      let error = #expect(throws: FlywheelError.self) { _ = try MappedFile(path: path) }
      #expect(error?.code == .invalidArgument)
      #expect(error?.message.contains(word) == true)
      #expect(error?.location.path == path)
    }
  }

  @Test func `a named pipe is refused without waiting for a writer`() async throws {
    await #expect(processExitsWith: .success) {
      // Whoever waits for a writer is ended.
      alarm(20)
      let directory = try TemporaryDirectory()
      let path = directory.path.appending("pipe")
      #expect(unsafe path.withPlatformString { unsafe mkfifo($0, 0o600) } == 0)
      let error = #expect(throws: FlywheelError.self) { _ = try MappedFile(path: path) }
      #expect(error?.code == .invalidArgument)
      #expect(error?.location.path == path)
    }
  }

  @Test func `what cannot be opened is refused with the system's own reason`() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write([1], to: "file")
    let loop = directory.path.appending("loop")
    #expect(unsafe loop.withPlatformString { unsafe symlink($0, $0) } == 0)
    let long = directory.path.appending(String(repeating: "x", count: 300))
    for (path, code, errno) in [
      (directory.path.appending("missing"), .notFound, .noSuchFileOrDirectory),
      (directory.path.appending("no").appending("where"), .notFound, .noSuchFileOrDirectory),
      ("", .notFound, .noSuchFileOrDirectory),
      (file.appending("below"), .inputOutput, .notDirectory),
      (loop, .inputOutput, .tooManySymbolicLinkLevels),
      (long, .inputOutput, .fileNameTooLong),
    ] as [(FilePath, FlywheelError.Code, Errno)] {
      let error = #expect(throws: FlywheelError.self) { _ = try MappedFile(path: path) }
      #expect(error?.code == code)
      #expect(error?.cause == .errno(errno))
      #expect(error?.location.path == path)
    }
  }

  @Test func `a mapping keeps its bytes when the file is replaced or deleted`() throws {
    let directory = try TemporaryDirectory()
    let old = [UInt8](repeating: 1, count: 10_000)
    let new = [UInt8](repeating: 2, count: 100)
    let path = try directory.write(old, to: "file")
    let file = try MappedFile(path: path)
    try AtomicFile.write(new, to: path)
    #expect(try content(of: path) == new)
    try FileSystem.removeFile(path)
    let kept = unsafe file.bytes.withUnsafeBytes { unsafe [UInt8]($0) }
    #expect(kept == old)
  }

  #if os(Linux)
    @Test func `a mapping holds no descriptor, and ends with its owner`() throws {
      let directory = try TemporaryDirectory()
      let path = try directory.write([1, 2, 3], to: "file")
      do {
        let file = try MappedFile(path: path)
        #expect(try descriptorCount(of: path) == 0)
        #expect(try mappingCount(of: path) == 1)
        drop(file)
      }
      #expect(try mappingCount(of: path) == 0)
      #expect(throws: FlywheelError.self) { _ = try MappedFile(path: directory.path) }
      #expect(try descriptorCount(of: directory.path) == 0)
    }
  #endif

  // MARK: - Small files as arrays

  @Test(arguments: [0, 1, 99, 100])
  func `a small file is read whole`(byteCount: Int) throws {
    let directory = try TemporaryDirectory()
    let bytes = (0..<byteCount).map(UInt8.init)
    let path = try directory.write(bytes, to: "file")
    #expect(try OpenFile.contents(of: path, limit: 100) == bytes)
  }

  @Test func `a file beyond the limit is not read`() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write([UInt8](repeating: 1, count: 101), to: "file")
    let error = #expect(throws: FlywheelError.self) {
      try OpenFile.contents(of: path, limit: 100)
    }
    #expect(error?.code == .limitExceeded)
    #expect(error?.location.path == path)
  }
}

private func drop(_ file: consuming MappedFile) {}

#if os(Linux)
  /// How often this process has mapped a file.
  func mappingCount(of path: FilePath) throws -> Int {
    let maps: FilePath = "/proc/self/maps"
    let descriptor = try FileDescriptor.open(maps, .readOnly)
    return try descriptor.closeAfter {
      // The file says nothing of its size.
      var text: [UInt8] = []
      var part = [UInt8](repeating: 0, count: 65_536)
      while true {
        let count = try unsafe part.withUnsafeMutableBytes { try unsafe descriptor.read(into: $0) }
        if count == 0 { break }
        text += part[..<count]
      }
      return String(decoding: text, as: UTF8.self).split(separator: "\n")
        .count { $0.contains(path.string) }
    }
  }

  /// How often this process has opened a file and not closed it.
  func descriptorCount(of path: FilePath) throws -> Int {
    let all: FilePath = "/proc/self/fd"
    return try FileSystem.names(in: all)
      .count { name in
        let target = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4_096) {
          buffer in
          guard let start = buffer.baseAddress else { return "" }
          let length = unsafe all.appending(name)
            .withPlatformString { unsafe readlink($0, start, 4_095) }
          // Another test may have closed it in between.
          guard length > 0 else { return "" }
          unsafe buffer[length] = 0
          return unsafe String(cString: start)
        }
        return target.hasPrefix(path.string)
      }
  }
#endif
