import FlywheelCore
import FlywheelTestSupport
import Testing

@testable import FlywheelHDF5

/// Messages of versions that today's library does not write any more.
@Suite("Old messages of HDF5 headers")
struct HDF5MessageTests {
  private typealias Build = StructureBuilder

  private static let int16: [UInt8] = [0x10, 8, 0, 0, 2, 0, 0, 0, 0, 0, 16, 0]

  private static func datatype(_ bytes: [UInt8]) throws -> Datatype {
    let (content, image) = try Build.content(bytes)
    return try Datatype(content, in: image)
  }

  @Test("Members of compound types are read as every version has them", arguments: [1, 2, 3])
  func compound(version: UInt8) throws {
    func member(_ name: String, _ offset: UInt32) -> [UInt8] {
      let padded = Array(name.utf8) + [UInt8](repeating: 0, count: 8 - name.utf8.count % 8)
      switch version {
      case 1: return padded + Build.le(offset) + [UInt8](repeating: 0, count: 28) + Self.int16
      case 2: return padded + Build.le(offset) + Self.int16
      default: return Array(name.utf8) + [0, UInt8(offset)] + Self.int16
      }
    }
    let head: [UInt8] = [version << 4 | 6, 3, 0, 0, 16, 0, 0, 0]
    let type = try Self.datatype(
      head + member("a", 0) + member("seven b", 2) + member("eight by", 14)
    )
    let part = try Self.datatype(Self.int16)
    #expect(part.elementType == .number(.int16))
    #expect(type.byteCount == 16)
    #expect(
      type.kind
        == .compound([
          .init(name: "a", offset: 0, type: part), .init(name: "seven b", offset: 2, type: part),
          .init(name: "eight by", offset: 14, type: part),
        ])
    )
  }

  @Test("Members of version 1 are arrays if they have extents, and array types are read")
  func oldArrays() throws {
    let extents = Build.le(UInt32(2)) + Build.le(UInt32(3)) + Build.le(UInt64(0))
    let head: [UInt8] = [0x16, 1, 0, 0, 12, 0, 0, 0] + Array("x".utf8) + [0, 0, 0, 0, 0, 0, 0]
    let type = try Self.datatype(
      head + Build.le(UInt32(0)) + [2, 0, 0, 0] + Build.le(UInt64(0)) + extents + Self.int16
    )
    let array = Datatype(
      byteCount: 12,
      kind: .array(of: try Self.datatype(Self.int16), extents: [2, 3])
    )
    #expect(type.kind == .compound([.init(name: "x", offset: 0, type: array)]))
    for version in [1, 2] as [UInt8] {
      let head: [UInt8] = [version << 4 | 0xA, 0, 0, 0, 12, 0, 0, 0, 2, 0, 0, 0]
      let axes = Build.le(UInt32(2)) + Build.le(UInt32(3)) + Build.le(UInt64(0x1_0000_0000))
      #expect(try Self.datatype(head + axes + Self.int16) == array, "version \(version)")
    }
  }

  @Test("Enumerations are read as every version has them", arguments: [1, 2, 3])
  func enumeration(version: UInt8) throws {
    let names = version == 3 ? "FALSE\0TRUE\0" : "FALSE\0\0\0TRUE\0\0\0\0"
    let base: [UInt8] = [0x10, 8, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0]
    let head: [UInt8] = [version << 4 | 8, 2, 0, 0, 1, 0, 0, 0]
    let type = try Self.datatype(head + base + Array(names.utf8) + [0, 1])
    #expect(type.elementType == .number(.bool))
    let inverted = try Self.datatype(head + base + Array(names.utf8) + [1, 0])
    #expect(inverted.elementType == nil)
  }

  @Test("Types have the sizes of offsets that their own sizes need")
  func offsetSizes() throws {
    for (size, offsetSize) in [(255, 1), (256, 2), (65_535, 2), (65_536, 3), (1 << 24, 4)] {
      let offset = Build.le(UInt32(size - 2)).prefix(offsetSize)
      let head = [0x36, 1, 0, 0] + Build.le(UInt32(size)) + Array("x\0".utf8)
      let type = try Self.datatype(head + offset + Self.int16)
      let part = try Self.datatype(Self.int16)
      #expect(type.kind == .compound([.init(name: "x", offset: size - 2, type: part)]))
    }
  }

  @Test("Layouts of versions 1 and 2 are read", arguments: [1, 2])
  func oldLayouts(version: UInt8) throws {
    let extents = Build.le(UInt32(5)) + Build.le(UInt32(7)) + Build.le(UInt32(4))
    func layout(_ layoutClass: UInt8, _ rest: [UInt8]) throws -> DataLayout {
      let head: [UInt8] = [version, 3, layoutClass, 0, 0, 0, 0, 0]
      let (content, image) = try Build.content(head + rest)
      return try DataLayout(content, in: image)
    }
    guard case .compact(let bytes) = try layout(0, extents + Build.le(UInt32(3)) + [1, 2, 3]) else {
      Issue.record("not compact")
      return
    }
    #expect(bytes.range == 24..<27)
    guard case .contiguous(1000, nil) = try layout(1, Build.le(UInt64(1000)) + extents) else {
      Issue.record("not contiguous")
      return
    }
    guard case .chunked(let chunked) = try layout(2, Build.le(UInt64.max) + extents) else {
      Issue.record("not chunked")
      return
    }
    let index = ChunkIndexKind.btree1(address: nil)
    #expect(
      chunked
        == .init(chunk: [5, 7], elementByteCount: 4, index: index, filtersPartialEdges: true)
    )
  }

  @Test("Chunk indexes of version 4 are read with all that they say")
  func indexes() throws {
    let address = Build.le(UInt64(77))
    let cases: [([UInt8], UInt8, ChunkIndexKind)] = [
      ([1] + address, 0, .single(address: 77, byteCount: nil, skippedFilters: 0)),
      (
        [1] + Build.le(UInt64(99)) + Build.le(UInt32(5)) + address, 2,
        .single(address: 77, byteCount: 99, skippedFilters: 5)
      ),
      ([2] + Build.le(UInt64.max), 0, .implicit(address: nil)),
      ([3, 10] + address, 1, .fixedArray(address: 77, pageBits: 10)),
      ([4, 32, 4, 4, 16, 10] + address, 0, .extensibleArray(address: 77)),
      ([5, 0, 8, 0, 0, 100, 40] + address, 0, .btree2(address: 77)),
    ]
    for version in [4, 5] as [UInt8] {
      for (index, flags, expected) in cases {
        let extents: [UInt8] = [3, 0, 0, 4, 0, 0, 8, 0, 0]
        let (content, image) = try Build.content([version, 2, flags, 3, 3] + extents + index)
        guard case .chunked(let layout) = try DataLayout(content, in: image) else {
          Issue.record("not chunked")
          continue
        }
        #expect(layout.index == expected)
        #expect(layout.chunk == [3, 4] && layout.elementByteCount == 8)
        #expect(layout.filtersPartialEdges == (flags & 1 == 0))
      }
    }
    let (virtual, image) = try Build.content([4, 3] + address + [0, 0, 0, 0])
    guard case .virtual = try DataLayout(virtual, in: image) else {
      Issue.record("not virtual")
      return
    }
  }

  @Test("Filters are read as both versions have them")
  func filters() throws {
    let gzip = PipelineFilter(id: 1, isOptional: true, values: [6])
    let own = PipelineFilter(id: 300, name: "mine", values: [1, 2])
    let old: [UInt8] =
      [1, 2, 0, 0, 0, 0, 0, 0]
      + [1, 0, 0, 0, 1, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0]
      + [44, 1, 8, 0, 0, 0, 2, 0] + Array("mine\0\0\0\0".utf8) + [1, 0, 0, 0, 2, 0, 0, 0]
    let new: [UInt8] =
      [2, 2] + [1, 0, 1, 0, 1, 0, 6, 0, 0, 0]
      + [44, 1, 5, 0, 0, 0, 2, 0] + Array("mine\0".utf8) + [1, 0, 0, 0, 2, 0, 0, 0]
    for bytes in [old, new] {
      let (content, image) = try Build.content(bytes)
      #expect(try FilterPipeline(content, in: image).filters == [gzip, own])
    }
  }

  @Test("Fill values are read as every version has them, or are nobody's")
  func fillValues() throws {
    let cases: [([UInt8], [UInt8]?)] = [
      ([1, 2, 0, 0, 2, 0, 0, 0, 8, 9], [8, 9]), ([1, 2, 0, 1, 0, 0, 0, 0], nil),
      ([1, 2, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF], nil), ([2, 2, 0, 0], nil),
      ([2, 2, 0, 1, 2, 0, 0, 0, 8, 9], [8, 9]), ([2, 2, 0, 1, 0, 0, 0, 0], nil),
      ([3, 0x0A], nil), ([3, 0x1A], nil), ([3, 0x2A, 2, 0, 0, 0, 8, 9], [8, 9]),
    ]
    for (bytes, expected) in cases {
      let (content, image) = try Build.content(bytes)
      let value = try FillValue(content, in: image).bytes
      #expect(value.map(HDF5StructureTests.hex) == expected.map { $0.map { "0\($0)" }.joined() })
    }
    let (content, image) = try Build.content([2, 0, 0, 0, 8, 9])
    #expect(try FillValue(old: content, in: image).bytes.map(HDF5StructureTests.hex) == "0809")
  }

  @Test("Links are read with orders, character sets and sizes of every width")
  func links() throws {
    let address = Build.le(UInt64(4096))
    for width in 0..<4 {
      let size = Build.le(UInt64(2)).prefix(1 << width)
      let flags = UInt8(width) | 0x1C
      let bytes = [1, flags, 0] + Build.le(UInt64(7)) + [1] + size + Array("ab".utf8) + address
      let (content, image) = try Build.content(bytes)
      let link = try LinkMessage(content, in: image)
      #expect(link == LinkMessage(name: "ab", target: .object(address: 4096), order: 7))
    }
    let (content, image) = try Build.content([1, 8, 65, 1, 97, 3, 0, 1, 2, 3])
    #expect(try LinkMessage(content, in: image).target == .other(kind: 65))
  }

  @Test("Addresses have as many bytes as the superblock says", arguments: [2, 4, 8])
  func addressSizes(size: Int) throws {
    let bytes = [0, 3] + Build.le(UInt64(5)) + Build.le(UInt64(300)).prefix(size)
    let nowhere = [UInt8](repeating: 0xFF, count: size)
    let storage = try Build.storage(bytes + nowhere + nowhere)
    let content = StoredBytes(storage: storage, range: 0..<storage.byteCount, fileOffset: 0)
    let image = FileImage(storage: storage, baseAddress: 0, offsetSize: size, lengthSize: size)
    let info = try LinkInfo(content, in: image)
    #expect(info.heapAddress == 300 && info.nameIndexAddress == nil)
    #expect(info.orderIndexAddress == nil && info.tracksOrder)
  }

  @Test("Dataspaces have limits where they say some")
  func dataspaces() throws {
    let extents = Build.le(UInt64(3)) + Build.le(UInt64(0))
    let limits = Build.le(UInt64(9)) + Build.le(UInt64.max)
    for head in [[1, 2, 1, 0, 0, 0, 0, 0], [2, 2, 1, 1]] as [[UInt8]] {
      let (content, image) = try Build.content(head + extents + limits)
      let space = try Dataspace(content, in: image)
      #expect(space.shape?.extents == [3, 0] && space.limits == [9, nil])
    }
    let (scalar, image) = try Build.content([1, 0, 0, 0, 0, 0, 0, 0])
    #expect(try Dataspace(scalar, in: image) == .scalar)
    let (null, nullImage) = try Build.content([2, 0, 0, 2])
    #expect(try Dataspace(null, in: nullImage) == .null)
  }
}
