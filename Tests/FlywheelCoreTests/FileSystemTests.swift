import FlywheelCore
import FlywheelTestSupport
import SystemPackage
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite struct FileSystemTests {
  // MARK: - Names

  @Test func `names are sorted, and all there are but the two that every directory has`() throws {
    let directory = try TemporaryDirectory()
    let longest = String(repeating: "n", count: 200)
    let names = ["b", "a", ".hidden", "...", "ä", "with space", longest, "B", "a.b"]
    for name in names { try directory.write([], to: name) }
    try FileSystem.createDirectory(directory.path.appending("c"))
    #expect(try FileSystem.names(in: directory.path) == (names + ["c"]).sorted())
  }

  @Test func `a directory of many names is read to its end`() throws {
    let directory = try TemporaryDirectory()
    let names = (1_000..<1_600).map(String.init)
    for name in names {
      try FileDescriptor.open(
        directory.path.appending(name),
        .writeOnly,
        options: .create,
        permissions: .ownerReadWrite
      )
      .close()
    }
    #expect(try FileSystem.names(in: directory.path) == names)
  }

  @Test func `only directories have names in them`() throws {
    let directory = try TemporaryDirectory()
    #expect(try FileSystem.names(in: directory.path).isEmpty)
    for (path, code, errno) in [
      (directory.path.appending("missing"), .notFound, .noSuchFileOrDirectory),
      (try directory.write([1], to: "file"), .inputOutput, .notDirectory),
    ] as [(FilePath, FlywheelError.Code, Errno)] {
      let error = #expect(throws: FlywheelError.self) { try FileSystem.names(in: path) }
      #expect(error?.code == code)
      #expect(error?.cause == .errno(errno))
      #expect(error?.location.path == path)
    }
  }

  // MARK: - What is there

  @Test func `files, directories, links and nothing are told apart`() throws {
    let directory = try TemporaryDirectory()
    try directory.write([1], to: "file")
    try FileSystem.createDirectory(directory.path.appending("folder"))
    for (link, target) in [("to file", "file"), ("to folder", "folder"), ("to nothing", "none")] {
      let path = directory.path.appending(link)
      #expect(unsafe path.withPlatformString { unsafe symlink(target, $0) } == 0)
    }
    for (name, exists, isDirectory) in [
      ("file", true, false), ("folder", true, true), ("to file", true, false),
      ("to folder", true, true), ("to nothing", false, false), ("none", false, false),
    ] {
      let path = directory.path.appending(name)
      #expect(FileSystem.exists(path) == exists, "\(name)")
      #expect(FileSystem.isDirectory(path) == isDirectory, "\(name)")
    }
    #expect(!FileSystem.exists(""))
    #expect(!FileSystem.isDirectory(""))
  }

  // MARK: - Making and deleting

  @Test(arguments: ["a", "a/b/c", "a/b/c/", "./a/../b"])
  func `a directory is made, with those above it, and may be there already`(name: String) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.pushing(FilePath(name))
    for _ in 0..<2 {
      try FileSystem.createDirectory(path)
      #expect(FileSystem.isDirectory(path))
    }
  }

  @Test func `many may make the same directory at once`() async throws {
    let directory = try TemporaryDirectory()
    for round in 0..<20 {
      let path = directory.path.appending("\(round)").appending("b").appending("c")
      try await withThrowingTaskGroup { group in
        for _ in 0..<4 { group.addTask { try FileSystem.createDirectory(path) } }
        try await group.waitForAll()
      }
      #expect(FileSystem.isDirectory(path))
    }
  }

  @Test func `no directory is made below a file`() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write([1], to: "file")
    for path in [file, file.appending("a"), file.appending("a").appending("b")] {
      let error = #expect(throws: FlywheelError.self) { try FileSystem.createDirectory(path) }
      #expect(error?.code == .inputOutput)
      #expect(error?.cause == .errno(.fileExists))
      #expect(error?.location.path == file)
    }
    #expect(try directory.read("file") == [1])
  }

  @Test func `a file is deleted, and may be gone already`() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write([1], to: "file")
    try directory.write([2], to: "other")
    for _ in 0..<2 {
      try FileSystem.removeFile(path)
      #expect(try directory.names() == ["other"])
    }
  }

  @Test func `a directory is not deleted as a file`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("folder")
    try FileSystem.createDirectory(path)
    let error = #expect(throws: FlywheelError.self) { try FileSystem.removeFile(path) }
    #expect(error?.code == .inputOutput)
    #expect(error?.location.path == path)
    #expect(FileSystem.isDirectory(path))
  }

  @Test func `a link is deleted, not what it leads to`() throws {
    let directory = try TemporaryDirectory()
    try directory.write([1], to: "file")
    let link = directory.path.appending("link")
    #expect(unsafe link.withPlatformString { unsafe symlink("file", $0) } == 0)
    try FileSystem.removeFile(link)
    #expect(try directory.names() == ["file"])
  }
}
