import FlywheelCore
import OrderedCollections
import SystemPackage
import Testing

@testable import FlywheelHDF5

/// Small files whose objects lie over each other, so that each is small and all together are not.
@Suite("HDF5 files whose objects share their bytes")
struct HDF5OverlapTests {
  private typealias Build = StructureBuilder

  /// An attribute of bytes; without extents if there are none.
  private static func attribute(_ name: String, _ bytes: [UInt8]?) -> [UInt8] {
    let space: [UInt8] = bytes.map { [2, 1, 0, 1] + Build.le(UInt64($0.count)) } ?? [2, 0, 0, 2]
    var content: [UInt8] = [3, 0] + Build.le(UInt16(name.utf8.count + 1)) + [12, 0]
    content += Build.le(UInt16(space.count)) + [0] + Array(name.utf8) + [0]
    content += [0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0] + space
    return content + (bytes ?? [])
  }

  /// A tree with one leaf.
  private static func tree(
    _ type: UInt8,
    _ records: [[UInt8]],
    in builder: inout Build
  ) -> UInt64 {
    let leaf = builder.add(HandMade.leaf(type: type, records))
    return builder.add(
      HandMade.tree2(
        type: type,
        nodeByteCount: 2_048,
        recordByteCount: UInt16(records[0].count),
        root: leaf,
        ownCount: UInt16(records.count)
      )
    )
  }

  private static func attributeInfo(heap: UInt64, tree: UInt64) -> [UInt8] {
    Build.message(.attributeInfo, [0, 0] + Build.le(heap) + Build.le(tree))
  }

  private static func open(_ builder: Build, root: UInt64) throws -> HDF5File {
    try HDF5File(try Build.storage(builder.build(root: root)), path: "overlap.h5")
  }

  private static func expectTooMuch(
    _ words: String = "again and again",
    _ body: () throws -> Void
  ) {
    let error = #expect(throws: FlywheelError.self) { try body() }
    #expect(error?.code == .limitExceeded, "\(error?.description ?? "")")
    #expect(error?.message.contains(words) == true)
    #expect((error?.description.utf8.count ?? 0) < 1 << 20)
  }

  @Test("An object's attributes are read from one heap, however often its header names it")
  func manyHeaps() throws {
    var builder = Build()
    let attribute = Self.attribute("a", [7])
    let id = HandMade.id(21, UInt64(attribute.count)) + [0]
    let record = id + [0, 0, 0, 0, 0] + HandMade.checksum(Array("a".utf8))
    let tree = Self.tree(8, [record], in: &builder)
    let heap = builder.end
    builder.add(HandMade.heap(idByteCount: 8, root: heap + UInt64(HandMade.heap(root: 0).count)))
    builder.add(HandMade.block(heap: heap, attribute))
    let info = Self.attributeInfo(heap: heap, tree: tree)
    let root = builder.add(Build.header(Build.emptyLinkInfo + info + info + info))
    let file = try Self.open(builder, root: root)
    #expect(try file.attribute("a") == .tensor(try Tensor(vector: [7] as [UInt8])))
    #expect(try file.contents().metadata.attributes[""]?.count == 1)
  }

  @Test("Attributes that lie over each other in a heap end a walk", arguments: [20, 100])
  func attributes(groupCount: Int) throws {
    // Each is a head of forty bytes, and has all that follows, the other heads with it.
    let (count, byteCount, step) = (30, 60_000, 40)
    var builder = Build()
    var objects = [UInt8](repeating: 0, count: step * count + byteCount)
    var records: [[UInt8]] = []
    for index in 0..<count {
      let name = "a\(index + 10)"
      let head = Self.attribute(name, [])
      var attribute = head.dropLast(8) + Build.le(UInt64(byteCount - head.count))
      attribute += [UInt8](repeating: 0, count: step - attribute.count)
      objects.replaceSubrange(step * index..<step * (index + 1), with: attribute)
      let id = HandMade.id(UInt64(21 + step * index), UInt64(byteCount)) + [0]
      records.append(id + [0, 0, 0, 0, 0] + HandMade.checksum(Array(name.utf8)))
    }
    let tree = Self.tree(8, records, in: &builder)
    func heap(root: UInt64) -> [UInt8] {
      HandMade.heap(
        idByteCount: 8,
        largestManaged: 65_535,
        first: 65_536,
        root: root
      )
    }
    let address = builder.end
    builder.add(heap(root: address + UInt64(heap(root: 0).count)))
    builder.add(HandMade.block(heap: address, byteCount: 65_536, objects))
    var messages = Build.emptyLinkInfo
    for number in 0..<groupCount {
      let info = Self.attributeInfo(heap: address, tree: tree)
      let group = builder.add(Build.header(Build.emptyLinkInfo + info))
      messages += Build.link(Array("n\(number)".utf8), group)
    }
    let root = builder.add(Build.header(messages))
    let file = try Self.open(builder, root: root)
    guard groupCount > 20 else {
      #expect(try file.contents().metadata.attributes.count == groupCount)
      return
    }
    Self.expectTooMuch { _ = try file.contents() }
    // Asked for by itself, each is there.
    for number in 0..<groupCount { #expect(try file.attribute("a12", of: "n\(number)") != nil) }
  }

  /// Groups in one another, whose names have half a megabyte together.
  private static func nest(_ group: UInt64, in builder: inout Build) -> UInt64 {
    var group = group
    for _ in 0..<8 {
      let name = [UInt8](repeating: UInt8(ascii: "a"), count: 60_000)
      group = builder.add(Build.header(Build.emptyLinkInfo + Build.link(name, group)))
    }
    return group
  }

  @Test("A long path is not said again for each other name of its object", arguments: [5, 2_000])
  func otherNames(count: Int) throws {
    var builder = Build()
    let last = builder.add(Build.header(Build.emptyLinkInfo))
    var messages = Build.emptyLinkInfo
    messages += Build.link(Array("a".utf8), Self.nest(last, in: &builder))
    for number in 0..<count { messages += Build.link(Array("n\(number)".utf8), last) }
    let root = builder.add(Build.header(messages))
    let file = try Self.open(builder, root: root)
    guard count > 5 else {
      #expect(try file.contents().metadata.obstacles.count == count)
      return
    }
    let words = "The paths in the file have more than"
    Self.expectTooMuch(words) { _ = try file.contents() }
    Self.expectTooMuch(words) { _ = try file.allDatasets() }
    Self.expectTooMuch(words) { _ = try file.allLinks() }
  }

  @Test(
    "A long path is not said again for each attribute that is left out",
    arguments: [5, 2_000]
  )
  func leftOut(count: Int) throws {
    var builder = Build()
    var messages = Build.emptyLinkInfo
    for number in 0..<count {
      messages += Build.message(.attribute, Self.attribute("n\(number)", nil))
    }
    let last = builder.add(Build.header(messages))
    let root = Self.nest(last, in: &builder)
    let file = try Self.open(builder, root: root)
    guard count > 5 else {
      #expect(try file.contents().metadata.obstacles.count == count)
      return
    }
    Self.expectTooMuch("The paths in the file have more than") { _ = try file.contents() }
  }

  @Test(
    "A path through groups that share a large heap is followed until it takes too long",
    arguments: [40, 100]
  )
  func groups(count: Int) throws {
    let byteCount = 1 << 20
    var builder = Build()
    let linkByteCount = 12
    let hash = HandMade.checksum(Array("a".utf8))
    let trees = (0..<count).map { index in
      let id = HandMade.id(UInt64(21 + linkByteCount * index), UInt64(linkByteCount))
      return Self.tree(5, [hash + id], in: &builder)
    }
    func group(heap: UInt64, tree: UInt64) -> [UInt8] {
      Build.header(Build.message(.linkInfo, [0, 0] + Build.le(heap) + Build.le(tree)))
    }
    // Where the groups are, and the heap behind them.
    let (first, size) = (builder.end, UInt64(group(heap: 0, tree: 0).count))
    let heap = first + UInt64(count) * size
    for tree in trees { builder.add(group(heap: heap, tree: tree)) }
    try #require(builder.end == heap)
    // Each leads to the next one, and the last to the first.
    let links = (1...count).flatMap { index -> [UInt8] in
      [1, 0, 1, UInt8(ascii: "a")] + Build.le(first + UInt64(index % count) * size)
    }
    builder.add(try HandMade.deflatedHeap(at: heap, blockByteCount: byteCount, links))
    let file = try Self.open(builder, root: first)
    let path = [String](repeating: "a", count: count).joined(separator: "/")
    guard count > 40 else {
      #expect(try file.attribute("none", of: path) == nil)
      return
    }
    for _ in 0..<2 { Self.expectTooMuch { _ = try file.attribute("none", of: path) } }
    // Those that were read are still known.
    #expect(try file.attribute("none", of: "a/a/a") == nil)
  }

  @Test("Headers that lie in one another and are too new end a list of members")
  func headers() throws {
    let count = 4_000
    var builder = Build()
    let start = builder.end
    // Each message is passed over, and holds the beginning of a header that goes on with the next message.
    var run: [UInt8] = []
    for index in 0..<count {
      let rest = UInt32(24 * (count - 1 - index) + 16)
      let prefix: [UInt8] = [1, 0, 1, 0, 1, 0, 0, 0] + Build.le(rest) + [0, 0, 0, 0]
      run += Build.oldMessage(.null, prefix)
    }
    run += Build.oldMessage(
      MessageKind(rawValue: 0x30),
      [UInt8](repeating: 0, count: 8),
      flags: 0x80
    )
    builder.add(run)
    var messages = Build.emptyLinkInfo
    for index in 0..<count {
      messages += Build.link(Array("n\(index)".utf8), start + UInt64(24 * index + 8))
    }
    let root = builder.add(Build.header(messages))
    let file = try Self.open(builder, root: root)
    Self.expectTooMuch { _ = try file.members() }
    Self.expectTooMuch { _ = try file.contents() }
  }
}
