import FlywheelCore
import FlywheelTestSupport
import SystemPackage
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite struct AtomicFileTests {
  static let old = [UInt8](repeating: 1, count: 3_000)
  static let new = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }

  // MARK: - Whole

  @Test(arguments: [.durable, .cached] as [AtomicFile.Durability])
  func `a committed file has all bytes, in the order they were written`(
    durability: AtomicFile.Durability
  ) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("file")
    let file = try AtomicFile(replacing: path, durability: durability)
    for start in stride(from: 0, to: Self.new.count, by: 997) {
      try file.write(Array(Self.new[start..<min(start + 997, Self.new.count)]).rawBytes)
    }
    #expect(file.path == path)
    try file.commit()
    #expect(try directory.read("file") == Self.new)
    #expect(try directory.names() == ["file"])
  }

  @Test func `bytes can be written over, and the next ones still go to the end`() throws {
    let directory = try TemporaryDirectory()
    let file = try AtomicFile(replacing: directory.path.appending("file"))
    try file.write(Self.old.rawBytes)
    try file.overwrite(Self.new.rawBytes.extracting(first: 500), at: 1_000)
    try file.overwrite(RawSpan(), at: 0)
    try file.write(Self.new.rawBytes)
    try file.commit()
    let expected = Self.old[..<1_000] + Self.new[..<500] + Self.old[1_500...] + Self.new
    #expect(try directory.read("file") == Array(expected))
  }

  @Test(arguments: [[], [0], new] as [[UInt8]])
  func `a small file is written in one call`(bytes: [UInt8]) throws {
    let directory = try TemporaryDirectory()
    try AtomicFile.write(Self.old, to: directory.path.appending("file"))
    try AtomicFile.write(bytes, to: directory.path.appending("file"))
    #expect(try directory.read("file") == bytes)
    #expect(try directory.names() == ["file"])
  }

  @Test(arguments: ["link to file", "link to link", "link to nothing", "link elsewhere"])
  func `where a link leads is what is written, and the link stays`(link: String) throws {
    let directory = try TemporaryDirectory()
    try directory.write(Self.old, to: "file")
    try FileSystem.createDirectory(directory.path.appending("folder"))
    for (name, target) in [
      ("link to file", "file"), ("link to link", "link to file"), ("link to nothing", "new"),
      ("link elsewhere", directory.path.appending("folder/file").string),
    ] {
      let path = directory.path.appending(name)
      #expect(unsafe path.withPlatformString { unsafe symlink(target, $0) } == 0)
    }
    let path = directory.path.appending(link)
    let target = try FileSystem.target(of: path)
    try AtomicFile.write(Self.new, to: path)
    #expect(try FileSystem.target(of: path) == target && target != path)
    #expect(FileSystem.identity(of: path) == FileSystem.identity(of: target))
    #expect(try directory.read(link) == Self.new)
    #expect(try !directory.names().contains { $0.hasSuffix(AtomicFile.temporarySuffix) })
  }

  @Test func `links that lead in a circle are refused`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("loop")
    #expect(unsafe path.withPlatformString { unsafe symlink("loop", $0) } == 0)
    let error = #expect(throws: FlywheelError.self) { try AtomicFile.write(Self.new, to: path) }
    #expect(error?.cause == .errno(.tooManySymbolicLinkLevels) && error?.location.path == path)
    #expect(try directory.names() == ["loop"])
  }

  @Test func `the name belongs to the old file until the new one is committed`() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(Self.old, to: "file")
    let file = try AtomicFile(replacing: path)
    try file.write(Self.new.rawBytes)
    #expect(try directory.read("file") == Self.old)
    let temporary = file.temporaryPath
    #expect(try OpenFile.contents(of: temporary) == Self.new)
    try file.commit()
    #expect(try directory.read("file") == Self.new)
    #expect(try directory.names() == ["file"])
  }

  @Test func `a name may be as long as names can be, and errors say it`() throws {
    let directory = try TemporaryDirectory()
    let name = String(repeating: "n", count: 255)
    try directory.write(Self.new, to: name)
    #expect(try directory.read(name) == Self.new)
    let missing = directory.path.appending("missing").appending("file")
    let error = #expect(throws: FlywheelError.self) { try AtomicFile.write([1], to: missing) }
    #expect(error?.code == .notFound)
    #expect(error?.location.path == missing)
  }

  @Test func `the temporary file lies beside the final one, hidden and marked`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("file")
    let file = try AtomicFile(replacing: path)
    let temporary = file.temporaryPath
    let name = try #require(temporary.lastComponent).string
    #expect(temporary.removingLastComponent() == directory.path)
    #expect(name.hasPrefix("."))
    #expect(name.hasSuffix(AtomicFile.temporarySuffix))
    #expect(try directory.names() == [name])
    drop(file)
  }

  @Test func `two who write the same file do not meet`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("file")
    let first = try AtomicFile(replacing: path)
    let second = try AtomicFile(replacing: path)
    try first.write(Self.old.rawBytes)
    try second.write(Self.new.rawBytes)
    try second.commit()
    #expect(try directory.read("file") == Self.new)
    try first.commit()
    #expect(try directory.read("file") == Self.old)
    #expect(try directory.names() == ["file"])
  }

  @Test func `a file gets the permissions that the user's mask leaves`() throws {
    let directory = try TemporaryDirectory()
    let plain = directory.path.appending("plain")
    try FileDescriptor.open(
      plain,
      .writeOnly,
      options: .create,
      permissions: FilePermissions(rawValue: 0o666)
    )
    .close()
    let atomic = try directory.write([1], to: "atomic")
    #expect(try mode(of: atomic) == mode(of: plain))
  }

  #if os(Linux)
    @Test func `no descriptor stays open`() throws {
      let directory = try TemporaryDirectory()
      try directory.write(Self.old, to: "committed")
      drop(try AtomicFile(replacing: directory.path.appending("dropped")))
      #expect(try descriptorCount(of: directory.path) == 0)
    }
  #endif

  // MARK: - Or not at all

  @Test(arguments: [false, true])
  func `a file that is not committed leaves nothing`(exists: Bool) throws {
    let directory = try TemporaryDirectory()
    if exists { try directory.write(Self.old, to: "file") }
    let file = try AtomicFile(replacing: directory.path.appending("file"))
    try file.write(Self.new.rawBytes)
    drop(file)
    #expect(try directory.names() == (exists ? ["file"] : []))
    if exists { #expect(try directory.read("file") == Self.old) }
  }

  @Test(arguments: ["", "/"] as [FilePath])
  func `a path without a name is refused`(path: FilePath) {
    let error = #expect(throws: FlywheelError.self) { _ = try AtomicFile(replacing: path) }
    #expect(error?.code == .invalidArgument)
  }

  @Test func `a directory that is not there is not made`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("missing").appending("file")
    let error = #expect(throws: FlywheelError.self) { _ = try AtomicFile(replacing: path) }
    #expect(error?.code == .notFound)
    #expect(error?.cause == .errno(.noSuchFileOrDirectory))
    #expect(try directory.names().isEmpty)
  }

  @Test func `a directory that takes no files is an error`() throws {
    // Not even root makes a file here.
    let path: FilePath = "/proc/self/flywheel"
    let error = #expect(throws: FlywheelError.self) { try AtomicFile.write([1], to: path) }
    #expect(error?.code == .notFound || error?.code == .inputOutput)
    #expect(error?.cause != nil)
  }

  @Test func `a file is no directory to write into`() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(Self.old, to: "file").appending("below")
    let error = #expect(throws: FlywheelError.self) { _ = try AtomicFile(replacing: path) }
    #expect(error?.code == .inputOutput)
    #expect(error?.cause == .errno(.notDirectory))
    #expect(try directory.read("file") == Self.old)
  }

  @Test(arguments: [.durable, .cached] as [AtomicFile.Durability])
  func `a directory is not replaced, and a failing commit leaves nothing`(
    durability: AtomicFile.Durability
  ) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("taken")
    try FileSystem.createDirectory(path.appending("inner"))
    let file = try AtomicFile(replacing: path, durability: durability)
    try file.write(Self.new.rawBytes)
    let error = failureOfCommitting(file)
    #expect(error?.code == .inputOutput)
    #expect(error?.location.path == path)
    #expect(try directory.names() == ["taken"])
    #expect(try FileSystem.names(in: path) == ["inner"])
  }

  // Nothing, a part, and all but one byte of the new file fit.
  @Test(arguments: [0, 4_096, 9_999])
  func `a full disk is an error, and the old file stays`(limit: Int) async throws {
    let directory = try TemporaryDirectory()
    try directory.write(Self.old, to: "file")
    await #expect(processExitsWith: .success) { [path = directory.path as FilePath, limit] in
      signal(SIGXFSZ, SIG_IGN)
      let path = path.appending("file")
      limitFileSize(to: limit)
      let error = #expect(throws: FlywheelError.self) { try AtomicFile.write(Self.new, to: path) }
      limitFileSize(to: nil)
      #expect(error?.code == .inputOutput)
      #expect(error?.cause == .errno(.fileTooLarge))
    }
    #expect(try directory.names() == ["file"])
    #expect(try directory.read("file") == Self.old)
  }

  @Test func `a process that is killed before it commits leaves the old file`() async throws {
    let directory = try TemporaryDirectory()
    try directory.write(Self.old, to: "file")
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = directory.path as FilePath] in
      let file = try AtomicFile(replacing: path.appending("file"))
      try file.write(Self.new.rawBytes)
      kill(getpid(), SIGKILL)
      try file.commit()
    }
    #expect(try directory.read("file") == Self.old)
    let left = try directory.names().filter { $0 != "file" }
    #expect(left.count == 1)
    #expect(left.allSatisfy { $0.hasSuffix(AtomicFile.temporarySuffix) })
  }

  @Test func `a name alone means the working directory`() async throws {
    let directory = try TemporaryDirectory()
    // In a process of its own: there is one working directory for all threads.
    await #expect(processExitsWith: .success) { [path = directory.path as FilePath] in
      #expect(unsafe path.withPlatformString { unsafe chdir($0) } == 0)
      try AtomicFile.write(Self.new, to: "file")
    }
    #expect(try directory.names() == ["file"])
    #expect(try directory.read("file") == Self.new)
  }
}

private func drop(_ file: consuming AtomicFile) {}

private func failureOfCommitting(_ file: consuming AtomicFile) -> FlywheelError? {
  do throws(FlywheelError) {
    try file.commit()
    return nil
  } catch {
    return error
  }
}

private func mode(of path: FilePath) throws -> mode_t {
  var status = stat()
  guard unsafe path.withPlatformString({ unsafe stat($0, &status) }) == 0 else {
    throw Errno.current
  }
  return status.st_mode
}

/// Sets the size beyond which this process can write no file, or takes the limit away.
private func limitFileSize(to limit: Int?) {
  #if canImport(Glibc)
    let resource = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
  #else
    let resource = RLIMIT_FSIZE
  #endif
  var limits = rlimit()
  unsafe getrlimit(resource, &limits)
  limits.rlim_cur = limit.map { rlim_t($0) } ?? limits.rlim_max
  unsafe setrlimit(resource, &limits)
}
