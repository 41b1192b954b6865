import CFlywheelHDF5
import FlywheelCore
import FlywheelTestSupport
import OrderedCollections
import SystemPackage
import Testing

@testable import FlywheelHDF5

/// How far Flywheel's own reader goes, and where it stops.
@Suite("Paths in HDF5 files")
struct HDF5StructureFileTests {
  @Test(
    "A slash stands between names, whatever follows it",
    arguments: [
      ("/\u{301}x", "\u{301}x", "", "\u{301}x"),
      ("a//\u{301}x/y", "a/\u{301}x/y", "a/\u{301}x", "y"),
      ("a/\u{301}", "a/\u{301}", "a", "\u{301}"), ("/a/b/", "a/b", "a", "b"), ("//", "", "", ""),
    ]
  )
  func slashes(path: String, key: String, parent: String, name: String) throws {
    let place = try HDF5Path(path)
    #expect(Array(place.key.utf8) == Array(key.utf8))
    #expect(Array(place.parent.utf8) == Array(parent.utf8))
    #expect(Array(place.name.utf8) == Array(name.utf8))
  }

  let directory: TemporaryDirectory
  let path: FilePath

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.path.appending("paths.h5")
  }

  /// A chain of groups in one another, whose names are as long as told; the caller closes the last one.
  private static func nest(
    _ depth: Int,
    named name: String,
    in file: borrowing ForeignFile
  ) -> hid_t {
    var group = unsafe H5Gopen2(file.id, "/", 0)
    for _ in 0..<depth {
      let next = unsafe H5Gcreate2(group, name, 0, 0, 0)
      H5Gclose(group)
      group = next
    }
    return group
  }

  @Test("Long names in deep groups end a walk before their paths fill memory")
  func pathBomb() throws {
    do {
      let file = ForeignFile(path)
      file.add("data", HDF5Library.type(of: .uint8), [1], [7])
      let name = String(repeating: "n", count: 60_000)
      let group = Self.nest(60, named: name, in: file)
      for index in 0..<5_000 { unsafe H5Lcreate_hard(file.id, "/data", group, "\(index)", 0, 0) }
      H5Gclose(group)
    }
    let file = try HDF5File(opening: path)
    for attempt in 0..<3 {
      let error = #expect(throws: FlywheelError.self) {
        switch attempt {
        case 0: _ = try file.allDatasets()
        case 1: _ = try file.allLinks()
        default: _ = try HDF5ArchiveReader(opening: path).metadata()
        }
      }
      #expect(error?.code == .limitExceeded)
      #expect(error?.message.contains("The paths in the file have more than") == true)
    }
    #expect(try file.tensor("data").elements() == [7] as [UInt8])
  }

  @Test(
    "Groups may lie sixty-four deep in one another, and be found however deep",
    arguments: [64, 65]
  )
  func depth(count: Int) throws {
    do {
      let file = ForeignFile(path)
      let group = Self.nest(count, named: "g", in: file)
      unsafe H5Lcreate_soft("data", group, "soft", 0, 0)
      file.add(
        String(repeating: "g/", count: count) + "data",
        HDF5Library.type(of: .uint8),
        [1],
        [7]
      )
      H5Gclose(group)
    }
    let file = try HDF5File(opening: path)
    #expect(
      try file.tensor(String(repeating: "g/", count: count) + "soft").elements() == [7] as [UInt8]
    )
    guard count > 64 else {
      #expect(try file.allDatasets().count == 1)
      return
    }
    let error = #expect(throws: FlywheelError.self) { _ = try file.allDatasets() }
    #expect(error?.code == .limitExceeded)
  }

  @Test("A damaged object keeps no other from being read, and none from being found")
  func laziness() throws {
    var writer = try HDF5Writer(creating: path)
    for name in ["a", "b"] { try writer.write(try Tensor(vector: [Float(1)]), at: name) }
    try writer.close()
    var bytes = try directory.read("paths.h5")
    let storage = try Tensor(vector: bytes).storage
    let file = try StructureFile(storage, ReadLimit(fileByteCount: bytes.count, fillLimit: 0))
    let damaged = Int(try file.object(at: try HDF5Path("a"), .dataset).address)
    bytes[damaged + 8] ^= 1
    let other = try HDF5File(opening: try directory.write(bytes, to: "damaged.h5"))
    #expect(try other.tensor("b").elements() == [Float(1)])
    let error = #expect(throws: FlywheelError.self) { try other.tensor("a") }
    #expect(error?.code == .corrupted)
    #expect(error?.location.byteOffset != nil)
    #expect(error?.location.tensor == "/a")
    let listing = #expect(throws: FlywheelError.self) { _ = try other.allDatasets() }
    #expect(listing?.location.tensor == "/a")
  }

  @Test("Names are told apart by their bytes")
  func unicode() throws {
    do {
      let file = ForeignFile(path)
      let byte = HDF5Library.type(of: .uint8)
      file.add("e\u{301}", byte, [1], [1])
      file.add("\u{E9}", byte, [1], [2])
      file.add("\u{301}", byte, [1], [3])
    }
    let file = try HDF5File(opening: path)
    #expect(try file.tensor("e\u{301}").elements() == [1] as [UInt8])
    #expect(try file.tensor("\u{E9}").elements() == [2] as [UInt8])
    #expect(try file.tensor("/\u{301}").elements() == [3] as [UInt8])
    #expect(try file.allDatasets().count == 3)
  }

  @Test("Soft links of many names end, whatever they lead to")
  func softBomb() throws {
    do {
      let file = ForeignFile(path)
      file.add("data", HDF5Library.type(of: .uint8), [1], [7])
      // Each goes through the one before, many times.
      let again = String(repeating: "0/./", count: 10_000)
      unsafe H5Lcreate_soft("/", file.id, "0", 0, 0)
      for index in 1..<30 {
        let target = String(repeating: "\(index - 1)/", count: 5_000) + again + "data"
        unsafe H5Lcreate_soft(target, file.id, "\(index)", 0, 0)
      }
    }
    let file = try HDF5File(opening: path)
    #expect(try file.tensor("0/data").elements() == [7] as [UInt8])
    for name in ["1", "15", "29", "0/29/0"] {
      let error = #expect(throws: FlywheelError.self) { try file.tensor(name) }
      #expect(error?.code == .notFound)
    }
    #expect(try file.allLinks().count == 30)
  }

  @Test("Attributes that share one long text end a walk before it fills memory")
  func textBomb() throws {
    let (size, count) = (1 << 20, 200)
    do {
      let file = ForeignFile(path)
      file.addVariableString("long", String(repeating: "x", count: size))
      for index in 0..<count { file.addVariableString("\(index)", "short") }
    }
    var bytes = try directory.read("paths.h5")
    let places = bytes.indices.filter {
      bytes[$0] == 0x47 && bytes[$0...].starts(with: "GCOL".utf8)
    }
    func reference(_ length: UInt32, _ place: Int) -> [UInt8] {
      (0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
        + (0..<8).map { UInt8(truncatingIfNeeded: place >> (8 * $0)) }
    }
    let long = try #require(
      places.first { bytes[$0 + 24] == 0 && bytes[$0 + 26] == UInt8(size >> 16) }
    )
    let whole = reference(UInt32(size), long) + [1, 0, 0, 0]
    var patched = 0
    for place in places where place != long {
      let short = reference(5, place)
      for index in bytes.indices where bytes[index] == 5 && bytes[index...].starts(with: short) {
        bytes.replaceSubrange(index..<index + 16, with: whole)
        patched += 1
      }
    }
    #expect(patched == count)
    let bomb = try directory.write(bytes, to: "bomb.h5")
    let file = try HDF5File(opening: bomb)
    #expect(try file.attribute("7") == file.attribute("long"))
    let error = #expect(throws: FlywheelError.self) {
      _ = try HDF5ArchiveReader(opening: bomb).metadata()
    }
    #expect(error?.code == .limitExceeded)
    #expect(error?.message.contains("again and again") == true)
  }

  /// A file whose groups, "0" and on, all have the tree and the heap of one large group, but for the last, which
  /// has none; the links lead to the root.
  private func sharedTree(groupCount: Int, linkCount: Int) throws -> HDF5File {
    do {
      let file = ForeignFile(path)
      let large = unsafe H5Gcreate2(file.id, "large", 0, 0, 0)
      for index in 0..<linkCount { unsafe H5Lcreate_hard(file.id, "/", large, "\(index)", 0, 0) }
      H5Gclose(large)
      for index in 0..<groupCount {
        H5Gclose(unsafe H5Gcreate2(file.id, "\(index)", 0, 0, 0))
      }
    }
    var bytes = try directory.read("paths.h5")
    let storage = try Tensor(vector: bytes).storage
    let limit = ReadLimit(fileByteCount: bytes.count, fillLimit: 0)
    let file = try StructureFile(storage, limit)
    // Each group's header says where its tree and its heap are.
    func table(_ name: String) throws -> Range<Int> {
      let object = try file.object(at: try HDF5Path(name), .group)
      return try #require(object.header.first(.symbolTable)).range
    }
    let shared = try table("large")
    for index in 0..<groupCount {
      bytes.replaceSubrange(try table("\(index)"), with: bytes[shared])
    }
    let last = try table("\(groupCount - 1)")
    bytes.replaceSubrange(last, with: repeatElement(0xFF, count: last.count))
    return try HDF5File(opening: try directory.write(bytes, to: "bomb.h5"))
  }

  @Test("Groups that share a tree of links end a walk before it takes hours")
  func sharedTree() throws {
    let bomb = try sharedTree(groupCount: 3_000, linkCount: 1_500)
    let error = #expect(throws: FlywheelError.self) { _ = try bomb.allDatasets() }
    #expect(error?.code == .limitExceeded)
  }

  @Test("Paths through groups that share a tree of links are followed until there are too many")
  func pathsThroughSharedTree() throws {
    let count = 1_200
    let bomb = try sharedTree(groupCount: count, linkCount: 1_500)
    // The end of each path is the root, which has no such attribute.
    func look(_ index: Int) throws { _ = try bomb.attribute("none", of: "\(index)/7") }
    var followed = 0
    let error = #expect(throws: FlywheelError.self) {
      for index in 0..<count {
        try look(index)
        followed += 1
      }
    }
    #expect(error?.code == .limitExceeded, "\(error?.description ?? "")")
    #expect(error?.message.contains("again and again") == true)
    #expect((100..<600).contains(followed))
    // No other group is read, not even a damaged one, and those that were are still known.
    for index in [followed, count - 2, count - 1] {
      let error = #expect(throws: FlywheelError.self) { try look(index) }
      #expect(error?.code == .limitExceeded)
    }
    for index in 0..<followed { try look(index) }
    #expect(try bomb.members(of: "0").count == 1_500)
  }

  /// Attributes that objects share: small ones lie in blocks of a heap, large ones each in a place of its own.
  @Test(
    "Objects may share attributes, but not more than a file justifies",
    arguments: [60, 2_500],
    [4_000, 60_000]
  )
  func sharedMessages(count: Int, byteCount: Int) throws {
    let value = [UInt8](repeating: 7, count: byteCount)
    let names = (0..<(byteCount < 10_000 ? 8 : 1)).map { "a\($0)" }
    let bytes = try MadeFile.bytes(
      .newest,
      settings: ObjectAttributesTests.Form(format: .newest, isShared: true).applyToFile
    ) { root in
      for index in 0..<count {
        let group = MadeFile.addGroup("\(index)", to: root)
        for name in names { MadeFile.addAttribute(name, value, to: group) }
        H5Gclose(group)
      }
    }
    // libhdf5 wrote each attribute once.
    #expect(bytes.count < count * names.count * byteCount / 4)
    let file = try HDF5File(try StructureBuilder.storage(bytes), path: "shared.h5")
    #expect(try file.attribute("a0", of: "\(count - 1)") == .tensor(try Tensor(vector: value)))
    guard count > 60 else {
      #expect(try file.contents().metadata.attributes.count == count)
      return
    }
    let error = #expect(throws: FlywheelError.self) { _ = try file.contents().metadata }
    #expect(error?.code == .limitExceeded, "\(error?.description ?? "")")
    #expect(error?.message.contains("again and again") == true)
    #expect(error?.location.byteOffset == nil)
  }

  @Test("A group whose heap is deflated is read as any other")
  func filteredHeap() throws {
    let names = GroupLinksTests.names(3_000, byteCount: 100)
    let bytes = try MadeFile.bytes(.newest) { root in
      GroupLinksTests.fill(root, names, .init(format: .newest, isFiltered: true))
    }
    let storage = try StructureBuilder.storage(bytes)
    let file = try HDF5File(storage, path: "filtered.h5")
    #expect(bytes.indices.contains { bytes[$0...].starts(with: "FRHP".utf8) })
    #expect(!bytes.indices.contains { bytes[$0...].starts(with: names[0].utf8) })
    for _ in 0..<2 { #expect(try file.members(of: "group").count == names.count) }
    #expect(try file.contents().metadata.obstacles.count == names.count)
  }
}
