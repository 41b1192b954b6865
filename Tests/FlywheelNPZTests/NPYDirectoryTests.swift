import FlywheelCore
import FlywheelTestSupport
import SystemPackage
import Testing

@testable import FlywheelNPZ

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite("Directories of .npy files")
struct NPYDirectoryTests {
  private static let array = try? TensorDescription(element: .number(.float32), shape: Shape([2]))

  @Test("What is written is read, in the order of the keys")
  func roundTrip() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("arrays")
    let keys = ["b", "a/c.weight", "a", "ä/€", "a-b", "x.npy", "m/\u{301}x", "x\u{600}/y\u{600}"]
    do {
      let writer = try NPYDirectoryWriter(creating: path)
      for (place, key) in keys.enumerated() {
        try writer.write(Tensor(vector: [Float(place)]), under: key)
      }
      #expect(!FileSystem.exists(path))
      try writer.finish()
    }
    #expect(try directory.names() == ["arrays"])
    let reader = try NPYDirectory(path: path)
    #expect(
      try reader.members().map(\.key) == [
        "a", "a-b", "a/c.weight", "b", "m/\u{301}x", "x.npy", "x\u{600}/y\u{600}", "ä/€",
      ]
    )
    for (place, key) in keys.enumerated() {
      #expect(try reader.tensor(key)?.elements() == [Float(place)])
      #expect(try reader.member(key)?.array().shape.extents == [1])
    }
    #expect(try reader.tensor("c") == nil)
    #expect(try reader.member("c") == nil)
    #expect(throws: FlywheelError.self) { try reader.read("c") { _ in } }
      .map { #expect($0.code == .notFound) }
    let metadata = try reader.metadata()
    #expect(metadata.obstacles.isEmpty && metadata.emptyGroups.isEmpty)
  }

  @Test(
    "Names that lead out, meet or do not fit are refused",
    arguments: [
      "", "/a", "a/", "a//b", "..", "../a", "a/../b", ".hidden", "a/.b", "a\0b",
      String(repeating: "n", count: 252),
      Array(repeating: "part", count: 900).joined(separator: "/"),
      "taken.npy/b", "dir/sub",
    ]
  )
  func keys(key: String) throws {
    let directory = try TemporaryDirectory()
    let array = try #require(Self.array)
    let writer = try NPYDirectoryWriter(creating: directory.path.appending("d"))
    let tensor = try Tensor(vector: [1, 2] as [Float])
    try writer.write(tensor, under: "taken")
    try writer.write(tensor, under: "dir/sub.npy/x")
    let error = try #require(throws: FlywheelError.self) {
      try writer.requireRoom(for: array, under: key)
    }
    #expect(error.code == .unsupported)
    #expect(throws: FlywheelError.self) { try writer.write(tensor, under: key) }
    #expect(throws: FlywheelError.self) { try writer.write(tensor, under: "taken") }
      .map { #expect($0.code == .alreadyExists) }
    try writer.requireRoom(for: array, under: String(repeating: "n", count: 251))
  }

  @Test("Nothing is overwritten, and nothing is left behind")
  func replaced() throws {
    let directory = try TemporaryDirectory()
    try directory.write([1], to: "file")
    #expect(throws: FlywheelError.self) {
      _ = try NPYDirectoryWriter(creating: directory.path.appending("file"))
    }.map { #expect($0.code == .alreadyExists) }
    #expect(throws: FlywheelError.self) { _ = try NPYDirectoryWriter(creating: directory.path) }
      .map { #expect($0.code == .alreadyExists) }
    #expect(throws: FlywheelError.self) {
      _ = try NPYDirectoryWriter(creating: directory.path.appending("no").appending("x"))
    }.map { #expect($0.code == .notFound) }
    let target = directory.path.appending("d")
    #expect(try FileSystem.createNewDirectory(target))
    do {
      let writer = try NPYDirectoryWriter(creating: target)
      try writer.write(Tensor(vector: [1] as [Float]), under: "a/b/c")
      // Someone else is faster.
      try directory.write([2], to: "d/other")
      #expect(throws: FlywheelError.self) { try writer.finish() }
        .map { #expect($0.code == .alreadyExists) }
    }
    #expect(try directory.names() == ["d", "file"])
    #expect(try FileSystem.names(in: target) == ["other"])
  }

  @Test("Where a link leads to nothing, the directory is made there")
  func link() throws {
    let directory = try TemporaryDirectory()
    let link = directory.path.appending("link")
    #expect(unsafe link.withPlatformString { unsafe symlink("d", $0) } == 0)
    try NPYDirectoryWriter(creating: link).finish()
    #expect(try directory.names() == ["d", "link"])
    #expect(FileSystem.isDirectory(directory.path.appending("d")))
  }

  @Test("What is no array is named; hidden files and what lies outside are left alone")
  func others() throws {
    let directory = try TemporaryDirectory()
    for name in ["d", "d/empty", "d/sub", "outside"] {
      #expect(try FileSystem.createNewDirectory(directory.path.appending(name)))
    }
    let good = try Fixtures.bytes("float32-2x3")
    try directory.write(good, to: "d/sub/a.npy")
    try directory.write(good, to: "outside/secret.npy")
    try directory.write([1], to: "d/readme.txt")
    try directory.write([1], to: "d/.hidden")
    try directory.write([1, 2, 3], to: "d/bad.npy")
    let root = directory.path.appending("d")
    for (link, target) in [
      ("inner.npy", "sub/a.npy"), ("outer.npy", "../outside/secret.npy"), ("loop", "."),
      ("dangling.npy", "nothing"),
    ] {
      let made = unsafe root.appending(link).withPlatformString { unsafe symlink(target, $0) }
      #expect(made == 0)
    }
    let reader = try NPYDirectory(path: root)
    #expect(try reader.members().map(\.key) == ["bad", "inner", "sub/a"])
    #expect(try reader.tensor("inner")?.shape.extents == [2, 3])
    let error = try #require(throws: FlywheelError.self) { try reader.tensor("bad") }
    #expect(error.code == .malformed)
    #expect(error.location.path == root.appending("bad.npy"))
    let metadata = try reader.metadata()
    #expect(metadata.emptyGroups == ["empty"])
    #expect(
      Set(metadata.obstacles.map(\.name)) == [
        "the file 'readme.txt'", "the file 'outer.npy'", "the file 'loop'",
        "the file 'dangling.npy'",
      ]
    )
  }
}
