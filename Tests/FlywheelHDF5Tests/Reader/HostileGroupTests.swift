import CFlywheelHDF5
import FlywheelCore
import Testing

@testable import FlywheelHDF5

/// Groups and attributes of damaged and hostile files.
@Suite("Hostile groups of HDF5 files")
struct HostileGroupTests {
  // MARK: Files of libhdf5 with other names in them

  /// A group `group` with links of these names.
  private static func group(_ format: MadeFile.Format, _ names: [String]) throws -> [UInt8] {
    try MadeFile.bytes(format) { root in
      let target = MadeFile.addGroup("target", to: root)
      let group = MadeFile.addGroup("group", to: root)
      for name in names { _ = unsafe H5Lcreate_hard(root, "target", group, name, 0, 0) }
      H5Gclose(group)
      H5Gclose(target)
    }
  }

  private static func replace(_ old: String, _ new: [UInt8], in bytes: [UInt8]) throws -> [UInt8] {
    let pattern = Array(old.utf8)
    let places = bytes.indices.dropLast(pattern.count).filter {
      bytes[$0..<$0 + pattern.count].elementsEqual(pattern)
    }
    try #require(places.count == 1, "\(places)")
    var bytes = bytes
    bytes.replaceSubrange(places[0]..<places[0] + pattern.count, with: new)
    return bytes
  }

  @Test(
    "Names that cannot be are refused",
    arguments: [
      ("twin-one", FlywheelError.Code.malformed), ("twin/two", .malformed), ("twin\u{0}two", nil),
      ("\u{0}win-two", .malformed),
    ] as [(String, FlywheelError.Code?)]
  )
  func names(name: String, code: FlywheelError.Code?) throws {
    let whole = try Self.group(.oldest, ["twin-one", "twin-two"])
    let damaged = try Self.replace("twin-two", Array(name.utf8), in: whole)
    let structure = try FileStructure(of: Tensor(vector: damaged).storage)
    let header = try MadeFile.header("group", in: structure)
    guard let code else {
      #expect(try GroupLinks.links(of: header, in: structure).map(\.name) == ["twin", "twin-one"])
      return
    }
    let error = #expect(throws: FlywheelError.self) {
      try GroupLinks.links(of: header, in: structure)
    }
    #expect(error?.code == code)
  }

  @Test("Names that are not UTF-8 are refused")
  func notText() throws {
    let whole = try Self.group(.oldest, ["twin-one", "twin-two"])
    let damaged = try Self.replace("twin-two", [0xFF] + Array("win-two".utf8), in: whole)
    let structure = try FileStructure(of: Tensor(vector: damaged).storage)
    let header = try MadeFile.header("group", in: structure)
    let error = #expect(throws: FlywheelError.self) {
      try GroupLinks.links(of: header, in: structure)
    }
    #expect(error?.code == .malformed)
  }

  @Test(
    "Two names that Unicode takes for the same are two links",
    arguments: MadeFile.Format.allCases
  )
  func canonicalEquivalence(format: MadeFile.Format) throws {
    let names = ["e\u{301}", "\u{E9}"] + (0..<20).map { "filler\($0)" }
    let structure = try FileStructure(of: Tensor(vector: Self.group(format, names)).storage)
    let header = try MadeFile.header("group", in: structure)
    let links = try GroupLinks.links(of: header, in: structure)
    #expect(links.count == 22)
    #expect(Array(links[0].name.utf8) == Array(names[0].utf8))
    #expect(Array(links[21].name.utf8) == Array(names[1].utf8))
  }

  @Test("A datatype is no group")
  func noGroup() throws {
    let bytes = try MadeFile.bytes(.newest) { root in
      let type = H5Tcopy(HDF5Library.type(of: .uint8, isBigEndian: false))
      _ = unsafe H5Tcommit2(root, "type", type, 0, 0, 0)
      H5Tclose(type)
    }
    let structure = try FileStructure(of: Tensor(vector: bytes).storage)
    let header = try MadeFile.header("type", in: structure)
    let error = #expect(throws: FlywheelError.self) {
      try GroupLinks.links(of: header, in: structure)
    }
    #expect(error?.code == .malformed)
    #expect(error?.location.byteOffset == header.address)
  }

  // MARK: Bombs

  /// A group of one link, whose name has 3000 bytes, in a heap; the index names it many times.
  @Test("An index that names a large link many times needs no more memory than the file justifies")
  func bomb() throws {
    let name = String(repeating: "n", count: 3000)
    let link = [1, 0x01] + HandMade.number(3000, 2) + Array(name.utf8) + HandMade.number(0, 8)
    let hash = HandMade.checksum(Array(name.utf8))
    let record = hash + HandMade.id(21, UInt64(link.count))
    let count = 5000
    let leaf = HandMade.leaf(Array(repeating: record, count: count))
    let image = try HandMade.image(
      [
        (0, HandMade.heap(first: 4096, root: 512)),
        (512, HandMade.block(heap: 0, byteCount: 4096, link)),
        (5000, HandMade.tree2(nodeByteCount: 65536, root: 5100, ownCount: UInt16(count))),
        (5100, leaf),
      ],
      byteCount: 65536
    )
    let tree = try BTree2(at: 5000, in: image)
    var objects = HeapObjects(of: try FractalHeap(at: 0, in: image))
    var taken = 0
    let error = #expect(throws: FlywheelError.self) {
      try tree.forEachRecord { (fields) throws(FlywheelError) in
        try fields.skip(4, "a hash")
        taken += try objects.take(tree.rest(of: fields)).count
      }
    }
    #expect(error?.code == .malformed)
    #expect(taken <= 65536)
  }

  @Test("Blocks of a heap that share their bytes are refused")
  func overlappingBlocks() throws {
    let second = HandMade.block(heap: 0, offset: 512)
    let between = [UInt8](repeating: 1, count: 64 - 21)
    let first = HandMade.block(heap: 0, between + second.prefix(512 - 64))
    let heap = HandMade.heap(root: 160, rows: 1)
    let table = HandMade.table(heap: 0, [220, 284, HandMade.nowhere, HandMade.nowhere])
    let ids = HandMade.id(21, 4) + HandMade.id(512 + 21, 4)
    let image = try HandMade.image(
      [(0, heap), (160, table), (220, first), (284, second), (800, ids)],
      byteCount: 814
    )
    let objects = try FractalHeap(at: 0, in: image)
    #expect(try objects.object(try image.bytes(at: 800, 7, "an ID")).count == 4)
    let error = #expect(throws: FlywheelError.self) {
      try objects.object(try image.bytes(at: 807, 7, "an ID"))
    }
    #expect(error?.code == .malformed, "\(error?.description ?? "")")
    #expect(error?.location.byteOffset == 284)
  }

  /// Bytes as LZF has them: runs of one byte short, all else as it is.
  private static func lzf(_ bytes: [UInt8]) -> [UInt8] {
    var stream: [UInt8] = []
    var place = 0
    while place < bytes.count {
      stream += [0, bytes[place]]
      place += 1
      let same = bytes[place...].prefix(264).prefix { $0 == bytes[place - 1] }.count
      guard same >= 9 else { continue }
      stream += [0xE0, UInt8(same - 9), 0]
      place += same
    }
    return stream
  }

  /// A heap of one block at 512, which LZF compressed.
  private static func compressedHeap(blockBits: UInt64, storedByteCount: Int) -> [UInt8] {
    let filters: [UInt8] = [2, 1] + HandMade.number(32_000, 2) + [0, 0, 0, 0, 0, 0]
    var heap = HandMade.heap(
      idByteCount: 9,
      filters: filters,
      largestManaged: 1 << 30,
      first: 1 << blockBits,
      last: 1 << blockBits,
      root: 512
    )
    // HandMade's blocks with filters have 512 bytes.
    let size = heap.count - 4 - filters.count - 4 - 8
    heap.replaceSubrange(size..<size + 8, with: HandMade.number(UInt64(storedByteCount), 8))
    return HandMade.sealed(Array(heap.dropLast(4)))
  }

  @Test("A compressed block of a heap that would be larger than all there is to read is refused")
  func largeBlock() throws {
    let heap = Self.compressedHeap(blockBits: 27, storedByteCount: 1_900_000)
    let id = [0] + HandMade.number(21, 4) + HandMade.number(4, 4)
    let image = try HandMade.image([(0, heap), (2_000_000, id)], byteCount: 2_000_009)
    let objects = try FractalHeap(at: 0, in: image)
    let error = #expect(throws: FlywheelError.self) {
      try objects.object(try image.bytes(at: 2_000_000, 9, "an ID"))
    }
    #expect(error?.code == .limitExceeded, "\(error?.description ?? "")")
  }

  @Test("An index that names a compressed link many times needs no memory for what it was before")
  func compressedBomb() throws {
    let name = [UInt8](repeating: UInt8(ascii: "n"), count: 200_000)
    let link = [1, 0x02] + HandMade.number(200_000, 4) + name + HandMade.number(0, 8)
    let block = Self.lzf(HandMade.block(heap: 0, byteCount: 1 << 18, link))
    let heap = Self.compressedHeap(blockBits: 18, storedByteCount: block.count)
    let id = [0] + HandMade.number(21, 4) + HandMade.number(UInt64(link.count), 3) + [0]
    let count = 1000
    let leaf = HandMade.leaf(Array(repeating: HandMade.checksum(name) + id, count: count))
    let tree2 = HandMade.tree2(
      nodeByteCount: 65536,
      recordByteCount: 13,
      root: 20_000,
      ownCount: UInt16(count)
    )
    let image = try HandMade.image(
      [(0, heap), (512, block), (16_000, tree2), (20_000, leaf)],
      byteCount: 1 << 20
    )
    let tree = try BTree2(at: 16_000, in: image)
    var objects = HeapObjects(of: try FractalHeap(at: 0, in: image))
    var taken = 0
    let error = #expect(throws: FlywheelError.self) {
      try tree.forEachRecord { (fields) throws(FlywheelError) in
        try fields.skip(4, "a hash")
        taken += try objects.take(tree.rest(of: fields)).count
      }
    }
    #expect(error?.code == .malformed, "\(error?.description ?? "")")
    #expect(taken > 0 && taken <= 64 << 20)
  }

  // MARK: Every byte

  /// A file with a dense group, dense attributes, huge ones and shared ones.
  private static func everything(_ format: MadeFile.Format) throws -> [UInt8] {
    let form = ObjectAttributesTests.Form(format: format, isShared: format == .newest)
    return try MadeFile.bytes(format, settings: form.applyToFile) { root in
      let target = MadeFile.addGroup("target", to: root)
      let group = MadeFile.addGroup("group", to: root)
      for index in 0..<12 {
        _ = unsafe H5Lcreate_hard(root, "target", group, "link\(index)", 0, 0)
        MadeFile.addAttribute("a\(index)", ObjectAttributesTests.elements(index, 10), to: group)
      }
      _ = unsafe H5Lcreate_soft("/somewhere", group, "soft", 0, 0)
      if format == .newest {
        let long = String(repeating: "long", count: 1200)
        _ = unsafe H5Lcreate_hard(root, "target", group, long, 0, 0)
      }
      H5Gclose(group)
      H5Gclose(target)
    }
  }

  /// All that the reader says of a file.
  private static func reading(_ bytes: [UInt8]) throws -> [String] {
    let structure = try FileStructure(of: Tensor(vector: bytes).storage)
    var said: [String] = []
    var next = [structure.superblock.rootAddress]
    var seen = Set(next)
    while let address = next.popLast() {
      let header = try ObjectHeader(at: address, in: structure.image)
      for attribute in try ObjectAttributes.attributes(of: header, in: structure) {
        let data = ObjectAttributesTests.bytes(attribute.data)
        said.append("\(attribute.name) \(attribute.datatype.words) \(attribute.dataspace) \(data)")
      }
      for link in try GroupLinks.links(of: header, in: structure) {
        said.append("\(link)")
        guard case .object(let address) = link.target, seen.insert(address).inserted else {
          continue
        }
        next.append(address)
      }
    }
    return said
  }

  @Test("A flipped bit of a file with checksums is seen, or changes nothing")
  func flips() throws {
    let whole = try Self.everything(.newest)
    let said = try Self.reading(whole)
    #expect(said.count > 25)
    // The huge link is the only structure without a checksum.
    let long = Array("long".utf8)
    let huge = try #require(
      whole.indices.dropLast(8).first {
        whole[$0..<$0 + 4].elementsEqual(long) && whole[$0 + 4..<$0 + 8].elementsEqual(long)
      }
    )
    let unprotected = huge - 16..<huge + 4800 + 16
    var refused = 0
    for index in stride(from: 0, to: whole.count, by: 3) {
      var damaged = whole
      damaged[index] ^= 1 << UInt8(index % 8)
      do {
        let found = try Self.reading(damaged)
        #expect(found == said || unprotected.contains(index), "byte \(index)")
      } catch let error as FlywheelError {
        refused += 1
        #expect(error.code != .inputOutput)
      }
    }
    #expect(refused > 500)
  }

  @Test("A flipped bit of an old file gives an answer or an error")
  func oldFlips() throws {
    let whole = try Self.everything(.oldest)
    #expect(try Self.reading(whole).count > 25)
    for index in stride(from: 0, to: whole.count, by: 3) {
      var damaged = whole
      damaged[index] ^= 1 << UInt8(index % 8)
      _ = try? Self.reading(damaged)
    }
  }

  @Test("Files cut off anywhere are refused", arguments: MadeFile.Format.allCases)
  func cuts(format: MadeFile.Format) throws {
    let whole = try Self.everything(format)
    for count in stride(from: 0, to: whole.count, by: 31) {
      #expect(throws: FlywheelError.self) { try Self.reading(Array(whole.prefix(count))) }
    }
  }
}
