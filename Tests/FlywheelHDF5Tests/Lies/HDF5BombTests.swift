import FlywheelCore
import OrderedCollections
import SystemPackage
import Testing

@testable import FlywheelHDF5

/// Small files that ask for much memory or time.
@Suite("HDF5 files that ask for too much")
struct HDF5BombTests {
  private typealias Build = StructureBuilder

  private static func file(_ bytes: [UInt8]) throws -> HDF5File {
    try HDF5File(try Build.storage(bytes), path: "bomb.h5")
  }

  // MARK: Messages

  private static func soft(_ name: String, _ target: String) -> [UInt8] {
    var content: [UInt8] = [1, 8, 1, UInt8(name.utf8.count)] + Array(name.utf8)
    content += Build.le(UInt16(target.utf8.count)) + Array(target.utf8)
    return Build.message(.link, content)
  }

  private static func header(_ messages: [UInt8]) -> [UInt8] {
    Build.header(messages, flags: 0x02)
  }

  /// A file with one dataset, `x`.
  private static func dataset(_ messages: [UInt8], _ more: [[UInt8]] = []) -> [UInt8] {
    var builder = Build()
    for block in more { builder.add(block) }
    let dataset = builder.add(header(messages))
    let root = builder.add(header(Build.emptyLinkInfo + Build.link(Array("x".utf8), dataset)))
    return builder.build(root: root)
  }

  // MARK: Memory

  /// A dataset that needs more memory than its file justifies.
  struct Bomb: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let code: FlywheelError.Code
    let bytes: [UInt8]

    init(_ name: String, _ code: FlywheelError.Code, _ bytes: [UInt8]) {
      testDescription = name
      self.code = code
      self.bytes = bytes
    }
  }

  static let bombs: [Bomb] = [
    Bomb(
      "a tebibyte that was never written",
      .limitExceeded,
      dataset(Build.integers() + Build.space([1 << 38]) + Build.contiguous(Build.nowhere, 0))
    ),
    Bomb(
      "a tebibyte of chunks that were never written",
      .limitExceeded,
      dataset(
        Build.integers() + Build.space([1 << 38]) + Build.chunked([1 << 10, 4], Build.nowhere)
      )
    ),
    Bomb(
      "a chunk of 4 GiB",
      .limitExceeded,
      dataset(Build.integers(1) + Build.space([16]) + Build.chunked([.max, 1], Build.nowhere))
    ),
    Bomb(
      "a chunk of 2^62 bytes",
      .limitExceeded,
      dataset(
        Build.integers(1) + Build.space([1, 1])
          + Build.chunked([1 << 31, 1 << 31, 1], Build.nowhere)
      )
    ),
    Bomb(
      "more elements than numbers count",
      .limitExceeded,
      dataset(Build.integers(8) + Build.space([1 << 61]) + Build.chunked([1, 8], Build.nowhere))
    ),
    Bomb(
      "a fill value that stands for a tebibyte",
      .limitExceeded,
      dataset(
        Build.integers() + Build.space([1 << 38])
          + Build.message(.fillValue, [3, 0x20] + Build.le(UInt32(4)) + [1, 2, 3, 4])
          + Build.contiguous(Build.nowhere, 0)
      )
    ),
    Bomb(
      "a fill value of any size",
      .truncated,
      dataset(
        Build.integers() + Build.space([1])
          + Build.message(.fillValue, [3, 0x20] + Build.le(UInt32(0x7FFF_FFFF)) + [1, 2, 3, 4])
          + Build.contiguous(Build.nowhere, 0)
      )
    ),
    Bomb(
      "deflate twice over",
      .unsupported,
      dataset(
        Build.integers(1) + Build.space([1 << 20]) + Build.filters([1, 1])
          + Build.chunked([1 << 20, 1], 48),
        [
          tree(chunk: 1_100, of: 1 << 20),
          [UInt8](repeating: 0x78, count: 1_100),
        ]
      )
    ),
    Bomb(
      "chunks that fit more than deflate can make",
      .malformed,
      dataset(
        Build.integers(1) + Build.space([1 << 17]) + Build.filters([1])
          + Build.chunked([1 << 17, 1], 48),
        [
          tree(chunk: 40, of: 1 << 17),
          [UInt8](repeating: 0x78, count: 40),
        ]
      )
    ),
    Bomb(
      "texts that a reference of 16 bytes makes many of",
      .limitExceeded,
      dataset(
        Build.message(
          .datatype,
          [0x19, 1, 1, 0, 16, 0, 0, 0, 0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0]
        )
          + Build.space([1 << 40]) + Build.contiguous(Build.nowhere, 0)
      )
    ),
  ]

  /// A tree at byte 48 with one chunk, which lies behind it.
  private static func tree(chunk byteCount: UInt32, of extent: UInt64) -> [UInt8] {
    var bytes = Array("TREE".utf8) + [1, 0, 1, 0]
    bytes += Build.le(Build.nowhere) + Build.le(Build.nowhere) + Build.chunkKey(byteCount, 0)
    bytes += Build.le(UInt64(48 + 24 + 24 + 8 + 24)) + Build.chunkKey(0, extent)
    return bytes
  }

  @Test("Up to eight filters of a chunk are undone", arguments: [8, 9])
  func filters(count: Int) throws {
    let ids = [Int](repeating: 3, count: count)
    let chunk = ChunkDecoderTests.encoded(Array("eightful".utf8), ids)
    let place = UInt64(48 + 24 + 24 + 8 + 24)
    let bytes = Self.dataset(
      Build.integers(1) + Build.space([8]) + Build.filters(ids.map { UInt16($0) })
        + Build.chunked([8, 1], 48),
      [Self.tree(chunk: UInt32(chunk.count), of: 8), chunk]
    )
    let file = try Self.file(bytes)
    guard count > 8 else {
      #expect(try file.tensor("x").elements(as: UInt8.self) == Array("eightful".utf8))
      return
    }
    for block in [HDF5Block(offset: [0], count: [8]), HDF5Block(offset: [1], count: [2])] {
      let error = #expect(throws: FlywheelError.self) { _ = try file.tensor("x", block: block) }
      #expect(error?.code == .unsupported, "\(error?.description ?? "")")
      #expect(error?.message.contains("9 filters") == true)
      #expect(error?.location.byteOffset == place)
    }
  }

  @Test("A chunk of a few bytes is refused before a tebibyte is there for it")
  func chunk() throws {
    let extent = UInt64(1 << 20)
    let chunk = UInt64(48 + 24 + 32 + 8 + 32)
    var tree =
      Array("TREE".utf8) + [1, 0, 1, 0] + Build.le(Build.nowhere) + Build.le(Build.nowhere)
    tree += Build.chunkKey(40, 0, 0) + Build.le(chunk) + Build.chunkKey(0, extent, extent)
    let bytes = Self.dataset(
      Build.integers(1) + Build.space([extent, extent]) + Build.filters([1])
        + Build.chunked([1 << 20, 1 << 20, 1], 48),
      [tree, [UInt8](repeating: 0x78, count: 40)]
    )
    // The caller allows what fill values may take; there are none.
    let file = try HDF5File(try Build.storage(bytes), path: "bomb.h5", fillLimit: .max)
    let error = #expect(throws: FlywheelError.self) {
      _ = try file.tensor("x", block: HDF5Block(offset: [7, 7], count: [1, 3]))
    }
    #expect(error?.code == .malformed, "\(error?.description ?? "")")
    #expect(error?.location.byteOffset == chunk)
    #expect(error?.location.tensor == "/x")
  }

  @Test(
    "A chunk larger than the memory that there is ends nothing but its reading",
    arguments: [[1], [2, 1]]
  )
  func largeChunk(ids: [UInt16]) throws {
    // 64 GiB, which deflate could make of what lies in the file; zeros are no stream of it.
    let (extent, stored) = (UInt64(1 << 18), UInt32(67_000_000))
    let header = Self.header(
      Build.integers(1) + Build.space([extent, extent]) + Build.filters(ids)
        + Build.chunked([1 << 18, 1 << 18, 1], 48)
    )
    let dataset = UInt64(48 + 24 + 32 + 8 + 32)
    let root = Self.header(Build.emptyLinkInfo + Build.link(Array("x".utf8), dataset))
    let chunk = dataset + UInt64(header.count + root.count)
    var front = Build.superblock(
      root: dataset + UInt64(header.count),
      end: chunk + UInt64(stored)
    )
    front += Array("TREE".utf8) + [1, 0, 1, 0] + Build.le(Build.nowhere) + Build.le(Build.nowhere)
    front += Build.chunkKey(stored, 0, 0) + Build.le(chunk) + Build.chunkKey(0, extent, extent)
    front += header + root
    let bytes = front
    let storage = try TensorStorage(byteCount: bytes.count + Int(stored)) {
      (output) throws(FlywheelError) in
      for byte in bytes { output.append(byte) }
    }
    let file = try HDF5File(storage, path: "bomb.h5")
    let error = #expect(throws: FlywheelError.self) {
      _ = try file.tensor("x", block: HDF5Block(offset: [7, 7], count: [1, 3]))
    }
    // Some systems promise memory that they do not have.
    #expect(
      error?.code == .limitExceeded || error?.code == .corrupted,
      "\(error?.description ?? "")"
    )
    #expect(error?.location.tensor == "/x")
  }

  @Test("What a file cannot justify is refused before there is memory for it", arguments: bombs)
  func memory(bomb: Bomb) throws {
    let file = try Self.file(bomb.bytes)
    _ = try? file.allDatasets()
    for _ in 0..<2 {
      let error = #expect(throws: FlywheelError.self) {
        if try file.dataset("x").dtype == nil {
          _ = try file.strings(at: "x")
        } else {
          _ = try file.tensor("x")
        }
      }
      #expect(error?.code == bomb.code, "\(error?.description ?? "")")
    }
  }

  @Test(
    "Columns that are compressed go by in one piece, others in several",
    arguments: [true, false]
  )
  func columns(areCompressed: Bool) throws {
    // 40 MiB in 80 columns.
    let bytes = Self.dataset(
      Build.integers(8) + Build.space([1 << 16, 80]) + (areCompressed ? Build.filters([1]) : [])
        + Build.chunked([1 << 16, 1, 8], Build.nowhere)
    )
    var counts: [Int] = []
    try Self.file(bytes).read("x") { (piece) throws(FlywheelError) in
      counts.append(piece.byteCount)
    }
    #expect(counts.reduce(0, +) == 40 << 20)
    #expect(counts.count == (areCompressed ? 1 : 2))
  }

  @Test("Chunks that are decompressed for each of many pieces are refused before the first")
  func tallColumns() throws {
    // 9.4 GiB in pieces of 256 MiB, each of which has some of all chunks.
    let bytes = Self.dataset(
      Build.integers(8) + Build.space([1 << 20, 1_200]) + Build.filters([1])
        + Build.chunked([1 << 20, 1, 8], Build.nowhere)
    )
    let file = try HDF5File(try Build.storage(bytes), path: "bomb.h5", fillLimit: .max)
    let error = #expect(throws: FlywheelError.self) {
      try file.read("x") { (_) throws(FlywheelError) in
        throw FlywheelError(.mismatch, "A piece was read.")
      }
    }
    #expect(error?.code == .limitExceeded, "\(error?.description ?? "")")
    #expect(error?.message.contains("38 times") == true, "\(error?.description ?? "")")
    #expect(error?.location.tensor == "/x")
  }

  @Test("Texts that were never written count with the references to them", arguments: [100, 101])
  func texts(count: UInt64) throws {
    // A reference of 16 bytes, a text that may be missing and one that is there, of as many, for each.
    let type = Build.message(
      .datatype,
      [0x19, 1, 1, 0, 16, 0, 0, 0, 0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0]
    )
    let bytes = Self.dataset(
      type + Build.space([count * 3_200]) + Build.contiguous(Build.nowhere, 0)
    )
    let file = try HDF5File(try Build.storage(bytes), path: "bomb.h5", fillLimit: 48 * 320_000)
    guard count > 100 else {
      #expect(try file.strings(at: "x") == [String](repeating: "", count: 320_000))
      return
    }
    let error = #expect(throws: FlywheelError.self) { _ = try file.strings(at: "x") }
    #expect(error?.code == .limitExceeded, "\(error?.description ?? "")")
    #expect(error?.location.tensor == "/x")
  }

  @Test("A few elements of a dataset without end are read without the others")
  func block() throws {
    let file = try Self.file(
      Self.dataset(
        Build.integers() + Build.space([1 << 58]) + Build.chunked([1 << 10, 4], Build.nowhere)
      )
    )
    let block = HDF5Block(offset: [1 << 57], count: [3], stride: [1 << 55])
    #expect(try file.tensor("x", block: block).elements(as: UInt32.self) == [0, 0, 0])
    let all = HDF5Block(offset: [0], count: [1 << 58])
    #expect(throws: FlywheelError.self) { _ = try file.tensor("x", block: all) }
  }

  // MARK: Names

  @Test("Long names of groups in one another, and many in the last, are refused")
  func names() throws {
    var builder = Build()
    // Links to one object, whose names are short: 20,000 in a header.
    let type = builder.add(Self.header(Build.integers()))
    var messages = Build.emptyLinkInfo
    for number in 0..<2_000 { messages += Build.link(Array("n\(number)".utf8), type) }
    var group = builder.add(Build.header(messages, flags: 0x02))
    for number in 0..<60 {
      let name = [UInt8](repeating: UInt8(ascii: "a"), count: 4_000 + number)
      group = builder.add(Self.header(Build.emptyLinkInfo + Build.link(name, group)))
    }
    let file = try Self.file(builder.build(root: group))
    for _ in 0..<2 {
      let error = #expect(throws: FlywheelError.self) { _ = try file.allDatasets() }
      #expect(error?.code == .limitExceeded)
      #expect((error?.description.utf8.count ?? 0) < 1 << 20)
      #expect(throws: FlywheelError.self) { _ = try file.allLinks() }
      #expect(throws: FlywheelError.self) { _ = try file.contents().metadata }
    }
  }

  @Test(
    "Groups in one another are listed down to a depth, whatever leads there",
    arguments: [64, 65]
  )
  func depth(count: Int) throws {
    var builder = Build()
    var group = builder.add(Self.header(Build.emptyLinkInfo))
    for _ in 0..<count {
      group = builder.add(Self.header(Build.emptyLinkInfo + Build.link(Array("g".utf8), group)))
    }
    let file = try Self.file(builder.build(root: group))
    guard count > 64 else {
      #expect(try file.allDatasets().isEmpty)
      return
    }
    let error = #expect(throws: FlywheelError.self) { _ = try file.allDatasets() }
    #expect(error?.code == .limitExceeded)
  }

  @Test("Groups that lead to each other in every way are listed once each")
  func cycles() throws {
    // Twenty groups, each with links to all: 20^64 paths.
    let count = 20
    let byteCount = 4 + 2 + 4 + Build.emptyLinkInfo.count + count * (4 + 4 + 3 + 8)
    let addresses = (0..<count).map { UInt64(48 + $0 * (byteCount + 4)) }
    var builder = Build()
    var starts: [UInt64] = []
    for _ in 0..<count {
      var messages = Build.emptyLinkInfo
      for (number, address) in addresses.enumerated() {
        messages += Build.link(Array("g\(number + 10)".utf8), address)
      }
      starts.append(builder.add(Build.header(messages, flags: 0x02)))
    }
    try #require(starts == addresses)
    let file = try Self.file(builder.build(root: starts[0]))
    #expect(try file.allDatasets().isEmpty)
    #expect(try file.members().count == count)
    #expect(try file.members(of: "g11/g12/g10/g19").count == count)
    #expect(try file.contents().metadata.obstacles.count == count * count - (count - 1))
  }

  @Test("Soft links that lead in circles, or on without end, lead nowhere")
  func softLinks() throws {
    var builder = Build()
    let scalar = Build.integers() + Build.message(.dataspace, [2, 0, 0, 0])
    let type = builder.add(Self.header(scalar + Build.contiguous(Build.nowhere, 0)))
    var messages = Build.emptyLinkInfo + Build.link(Array("x".utf8), type)
    messages += Self.soft("self", "self") + Self.soft("a", "/b") + Self.soft("b", "a/c")
    // Sixteen links in a row are followed, and not one more.
    messages += Self.soft("l1", "x")
    for number in 2...17 { messages += Self.soft("l\(number)", "./l\(number - 1)") }
    // Each asks for the one before it twice.
    messages += Self.soft("d0", "/")
    for number in 1...40 { messages += Self.soft("d\(number)", "d\(number - 1)/d\(number - 1)") }
    let root = builder.add(Build.header(messages, flags: 0x02))
    let file = try Self.file(builder.build(root: root))
    #expect(try file.dataset("l16").path == "/l16")
    for path in ["self", "a", "b", "l17", "self/self", "a/x"] {
      let error = #expect(throws: FlywheelError.self) { _ = try file.dataset(path) }
      #expect(error?.code == .notFound || error?.code == .mismatch, "\(path)")
    }
    let error = #expect(throws: FlywheelError.self) { _ = try file.members(of: "d40") }
    #expect(error?.code == .notFound)
    #expect(try file.allLinks().count == 3 + 17 + 41)
  }

  @Test("A large header that many names lead to is read once")
  func largeHeader() throws {
    var builder = Build()
    // Some megabytes of memory, which each of the names would ask for.
    var content = Build.integers()
    for _ in 0..<10_000 { content += Build.message(MessageKind(rawValue: 10), [0, 0, 0, 0]) }
    let large = builder.add(Build.header(content))
    var messages = Build.emptyLinkInfo
    for number in 0..<5_000 { messages += Build.link(Array("n\(number)".utf8), large) }
    let root = builder.add(Build.header(messages))
    let file = try Self.file(builder.build(root: root))
    let start = ContinuousClock.now
    #expect(try file.members().count == 5_000)
    #expect(try file.allDatasets().isEmpty)
    // One header takes a tenth of a second here.
    #expect(ContinuousClock.now - start < .seconds(60))
  }

  @Test("A small object may have as many names as the file has room for")
  func namesOfOne() throws {
    let count = 68_000
    var builder = Build()
    // A thousand bytes, which would be too many if each name asked for them.
    var content = Build.integers()
    for _ in 0..<20 {
      content += Build.message(MessageKind(rawValue: 10), Array(repeating: 0, count: 44))
    }
    let small = builder.add(Build.header(content))
    var messages = Build.emptyLinkInfo
    for number in 0..<count { messages += Build.link(Array("n\(number)".utf8), small) }
    let root = builder.add(Build.header(messages))
    let file = try Self.file(builder.build(root: root))
    #expect(try file.contents().metadata.obstacles.count == count)
  }

  @Test("What was too much once stays too much")
  func spent() throws {
    let meter = ReadMeter(fileByteCount: 0)
    try meter.spend(0)
    for count in [.max, 0, 1] {
      let error = #expect(throws: FlywheelError.self) { try meter.spend(count) }
      #expect(error?.code == .limitExceeded)
    }
  }

  // MARK: Attributes

  @Test("Attributes that name one large type again and again are refused")
  func types() throws {
    // A record of 2,000 members, which each attribute has as its own.
    var members: [UInt8] = []
    for number in 0..<2_000 {
      members += Array("m\(number)\0".utf8)
      members += [UInt8(number & 7), 0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0]
    }
    var builder = Build()
    let record: [UInt8] = [0x36, 0xD0, 0x07, 0, 8, 0, 0, 0] + members
    let type = builder.add(Self.header(Build.message(.datatype, record)))
    var messages = Build.emptyLinkInfo
    for number in 0..<2_000 {
      let name = Array("a\(number)\0".utf8)
      let shared: [UInt8] = [3, 2] + Build.le(type)
      var content: [UInt8] = [3, 1] + Build.le(UInt16(name.count)) + [10, 0, 4, 0, 0] + name
      content += shared + [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
      messages += Build.message(.attribute, content)
    }
    let root = builder.add(Build.header(messages, flags: 0x02))
    let file = try Self.file(builder.build(root: root))
    let error = #expect(throws: FlywheelError.self) { _ = try file.contents().metadata }
    #expect(error?.code == .limitExceeded, "\(error?.description ?? "")")
  }

  /// An attribute that is one byte.
  private static func attribute(_ name: [UInt8]) -> [UInt8] {
    let head: [UInt8] = [3, 0] + Build.le(UInt16(name.count + 1)) + [12, 0, 4, 0, 0]
    let type: [UInt8] = [0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0]
    return head + name + [0] + type + [2, 0, 0, 0, 7]
  }

  @Test("Many objects cannot have the same attributes in a heap")
  func sharedAttributes() throws {
    var builder = Build()
    let names = (10..<40).map { Array("a\($0)".utf8) }
    var (objects, records): ([UInt8], [[UInt8]]) = ([], [])
    for name in names {
      let attribute = Self.attribute(name)
      let id = HandMade.id(UInt64(21 + objects.count), UInt64(attribute.count)) + [0]
      records.append(id + [0, 0, 0, 0, 0] + HandMade.checksum(name))
      objects += attribute
    }
    let leaf = builder.add(HandMade.leaf(type: 8, records))
    let tree = builder.add(
      HandMade.tree2(
        type: 8,
        nodeByteCount: 2_048,
        recordByteCount: 17,
        root: leaf,
        ownCount: UInt16(records.count)
      )
    )
    let heapByteCount = HandMade.heap(root: 0).count
    let heap = builder.end
    builder.add(HandMade.heap(idByteCount: 8, first: 2_048, root: heap + UInt64(heapByteCount)))
    builder.add(HandMade.block(heap: heap, byteCount: 2_048, objects))
    let info = Build.message(.attributeInfo, [0, 0] + Build.le(heap) + Build.le(tree))
    var messages = Build.emptyLinkInfo
    for number in 0..<400 {
      let group = builder.add(Self.header(Build.emptyLinkInfo + info))
      messages += Build.link(Array("n\(number)".utf8), group)
    }
    let root = builder.add(Build.header(messages))
    let file = try Self.file(builder.build(root: root))
    #expect(try file.attribute("a12", of: "n7") == .integer(7))
    let error = #expect(throws: FlywheelError.self) { _ = try file.contents().metadata }
    #expect(error?.code == .malformed, "\(error?.description ?? "")")
  }

  @Test(
    "Many objects cannot have attributes in one block that is large when inflated",
    arguments: [40, 100]
  )
  func deflatedAttributes(count: Int) throws {
    let byteCount = 1 << 20
    let name = Array("a".utf8)
    let attribute = Self.attribute(name)
    let id = HandMade.id(21, UInt64(attribute.count)) + [0]
    let record = id + [0, 0, 0, 0, 0] + HandMade.checksum(name)
    var builder = Build()
    let leaf = builder.add(HandMade.leaf(type: 8, [record]))
    let tree = builder.add(
      HandMade.tree2(type: 8, recordByteCount: 17, root: leaf, ownCount: 1)
    )
    let heap = builder.end
    builder.add(
      try HandMade.deflatedHeap(at: heap, idByteCount: 8, blockByteCount: byteCount, attribute)
    )
    let info = Build.message(.attributeInfo, [0, 0] + Build.le(heap) + Build.le(tree))
    var messages = Build.emptyLinkInfo
    for number in 0..<count {
      let group = builder.add(Self.header(Build.emptyLinkInfo + info))
      messages += Build.link(Array("n\(number)".utf8), group)
    }
    let root = builder.add(Build.header(messages))
    let file = try Self.file(builder.build(root: root))
    // Asked for one by one, each is there.
    for number in 0..<count { #expect(try file.attribute("a", of: "n\(number)") == .integer(7)) }
    guard count > 40 else {
      #expect(try file.contents().metadata.attributes.count == count)
      return
    }
    let error = #expect(throws: FlywheelError.self) { _ = try file.contents().metadata }
    #expect(error?.code == .limitExceeded, "\(error?.description ?? "")")
    #expect(error?.message.contains("again and again") == true)
    #expect(error?.location.byteOffset == nil)
  }
}
