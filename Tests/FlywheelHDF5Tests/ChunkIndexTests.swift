import FlywheelCore
import Testing

@testable import FlywheelHDF5

/// Indexes of chunks, byte for byte: sound ones, and those that lie.
@Suite("Indexes of chunks")
struct ChunkIndexTests {
  /// What a wrong structure must lead to.
  struct Fault: Sendable, CustomStringConvertible {
    let description: String
    let code: FlywheelError.Code
    let offset: UInt64?
    /// Changes the file; what is checksummed gets its new checksum.
    let change: @Sendable (inout Parts) -> Void

    init(
      _ description: String,
      _ code: FlywheelError.Code,
      at offset: UInt64?,
      _ change: @escaping @Sendable (inout Parts) -> Void
    ) {
      self.description = description
      self.code = code
      self.offset = offset
      self.change = change
    }
  }

  /// The fields of a small index, one after the other.
  struct Parts: Sendable {
    var fields: [Field]

    struct Field: Sendable {
      var value: UInt64
      var size: Int
    }

    subscript(_ index: Int) -> UInt64 {
      get { fields[index].value }
      set { fields[index].value = newValue }
    }
  }

  static let start = 64
  static let nowhere = UInt64.max

  // MARK: B-trees of version 1

  /// A leaf of the four chunks of eight numbers: fields 0 letters, 1 type, 2 level, 3 count, 4 and 5 siblings; then
  /// for each chunk 6 + 5n size, mask, element, byte, address; at last a key.
  static func leaf(_ addresses: [UInt64] = [0, 8, 16, 24]) -> Parts {
    var parts = Parts(fields: [
      .init(value: 0x4545_5254, size: 4), .init(value: 1, size: 1), .init(value: 0, size: 1),
      .init(value: UInt64(addresses.count), size: 2), .init(value: nowhere, size: 8),
      .init(value: nowhere, size: 8),
    ])
    for (number, address) in addresses.enumerated() {
      parts.fields += [
        .init(value: 8, size: 4), .init(value: 0, size: 4),
        .init(value: UInt64(2 * number), size: 8),
        .init(value: 0, size: 8), .init(value: address, size: 8),
      ]
    }
    parts.fields += [
      .init(value: 0, size: 4), .init(value: 0, size: 4), .init(value: 8, size: 8),
      .init(value: 4, size: 8),
    ]
    return parts
  }

  static func table(
    _ bytes: [UInt8],
    _ index: ChunkIndexKind,
    extent: Int = 8,
    limit: Int? = 8,
    filters: FilterPipeline = FilterPipeline(),
    meter: ReadMeter? = nil
  ) throws(FlywheelError) -> ChunkTable {
    let plain = FileImage(
      storage: try TensorStorage(byteCount: bytes.count) { (output) throws(FlywheelError) in
        for byte in bytes { output.append(byte) }
      },
      baseAddress: 0,
      offsetSize: 8,
      lengthSize: 8
    )
    let image = meter.map { plain.metered(by: $0) } ?? plain
    let layout = ChunkedLayout(
      chunk: [2],
      elementByteCount: 4,
      index: index,
      filtersPartialEdges: true
    )
    let shape = try Shape([extent])
    return try ChunkTable(layout, shape, limits: [limit], filters: filters, in: image)
  }

  static func bytes(_ parts: Parts) -> [UInt8] {
    var bytes = StructureBytes(at: start)
    for field in parts.fields { bytes.number(field.value, field.size) }
    return bytes.bytes
  }

  @Test("A leaf of a B-tree tells where chunks are")
  func leaf() throws {
    let table = try Self.table(Self.bytes(Self.leaf()), .btree1(address: 64))
    for number in 0..<4 {
      let place = table.place(of: number)
      #expect(
        place == ChunkPlace(address: UInt64(8 * number), byteCount: 8, skippedFilters: 0)
      )
    }
    #expect(try Self.table([], .btree1(address: nil)).place(of: 2) == nil)
  }

  @Test("What the file has of chunks is counted with their index", arguments: [0, 1])
  func counted(missing: Int) throws {
    // The beginning of the node once more, the node, and three chunks; the fourth is beyond the file.
    let limit = 24 + (24 + 4 * 32 + 24) + 3 * 8 - missing
    let bytes = Self.bytes(Self.leaf([0, 8, 16, 1 << 40]))
    let meter = ReadMeter(limit: limit)
    guard missing > 0 else {
      let table = try Self.table(bytes, .btree1(address: 64), meter: meter)
      #expect(table.place(of: 3)?.address == 1 << 40)
      #expect(!meter.isExceeded)
      return
    }
    let error = #expect(throws: FlywheelError.self) {
      try Self.table(bytes, .btree1(address: 64), meter: meter)
    }
    #expect(error?.code == .limitExceeded)
    #expect(meter.isExceeded)
  }

  static let leafFaults: [Fault] = [
    Fault("other letters", .malformed, at: 64) { $0[0] = 0x4454_5254 },
    Fault("a node of a group", .malformed, at: 68) { $0[1] = 0 },
    Fault("an inner node that leads to itself", .malformed, at: 69) {
      $0[2] = 1
      $0[10] = 64
    },
    Fault("more children than the file has", .truncated, at: 64) { $0[3] = 0xFFFF },
    Fault("a chunk between two", .malformed, at: 120) { $0[13] = 1 },
    Fault("a chunk for a second time", .malformed, at: 120) { $0[13] = 0 },
    Fault("chunks in descending order", .malformed, at: 152) { $0[13] = 6 },
    Fault("a chunk beyond the dataset", .malformed, at: 184) {
      $0[23] = 8
      $0[28] = 10
    },
    Fault("a chunk that begins within an element", .malformed, at: 120) { $0[14] = 2 },
    Fault("a chunk without an address", .malformed, at: 112) { $0[10] = nowhere },
    Fault("two chunks in one place", .malformed, at: 8) { $0[20] = 8 },
    Fault("a chunk within another", .malformed, at: 12) { $0[20] = 12 },
    Fault("a chunk that reaches beyond all addresses", .malformed, at: nil) {
      $0[20] = nowhere - 1
      $0[25] = nowhere - 1
    },
  ]

  @Test("Lies of a B-tree without checksums are told with their place", arguments: leafFaults)
  func leafFault(fault: Fault) throws {
    var parts = Self.leaf()
    fault.change(&parts)
    let error = #expect(throws: FlywheelError.self) {
      try Self.table(Self.bytes(parts), .btree1(address: 64))
    }
    #expect(error?.code == fault.code)
    if let offset = fault.offset { #expect(error?.location.byteOffset == offset) }
  }

  @Test("Nodes that are visited over and over come to an end")
  func copies() throws {
    // Inner nodes of a hundred children, all of them the one below, down to a leaf of nothing.
    var bytes = StructureBytes(at: Self.start)
    var below: UInt64 = 64
    for level in 0..<8 {
      let own = UInt64(bytes.bytes.count)
      bytes.letters("TREE")
      bytes.numbers([1, UInt64(level)], 1)
      let count = level == 0 ? 0 : 100
      bytes.number(UInt64(count), 2)
      bytes.numbers([Self.nowhere, Self.nowhere])
      for child in 0..<count {
        bytes.numbers([0, 0], 4)
        bytes.numbers([UInt64(child), 0, below])
      }
      bytes.numbers([0, 0], 4)
      bytes.numbers([1_000, 0])
      below = own
    }
    let error = #expect(throws: FlywheelError.self) {
      try Self.table(bytes.bytes, .btree1(address: below))
    }
    #expect(error?.code == .malformed)
  }

  // MARK: Fixed arrays

  /// Fields 0 letters, 1 version, 2 client, 3 element size, 4 page bits, 5 count, 6 address; 7 letters, 8 version,
  /// 9 client, 10 header; then addresses.
  static func fixedArray() -> Parts {
    Parts(
      fields: [
        .init(value: 0x4448_4146, size: 4), .init(value: 0, size: 1), .init(value: 0, size: 1),
        .init(value: 8, size: 1), .init(value: 10, size: 1), .init(value: 4, size: 8),
        .init(value: 96, size: 8),
        .init(value: 0x4244_4146, size: 4), .init(value: 0, size: 1), .init(value: 0, size: 1),
        .init(value: 64, size: 8), .init(value: 0, size: 8), .init(value: 8, size: 8),
        .init(value: nowhere, size: 8), .init(value: 24, size: 8),
      ]
    )
  }

  static func fixedBytes(_ parts: Parts) -> [UInt8] {
    var bytes = StructureBytes(at: start)
    for field in parts.fields[..<7] { bytes.number(field.value, field.size) }
    bytes.checksum(from: start)
    bytes.pad(to: 96)
    for field in parts.fields[7...] { bytes.number(field.value, field.size) }
    bytes.checksum(from: 96)
    return bytes.bytes
  }

  static let fixed = ChunkIndexKind.fixedArray(address: 64, pageBits: 10)

  @Test("A fixed array tells where chunks are, and which were never written")
  func fixedPlaces() throws {
    let table = try Self.table(Self.fixedBytes(Self.fixedArray()), Self.fixed)
    #expect((0..<4).map { table.place(of: $0)?.address } == [0, 8, nil, 24])
  }

  static let written: [(numbers: ClosedRange<Int>, limit: Int, found: [Int]?)] = [
    (0...3, 4, [0, 1, 3]), (0...3, 3, nil), (0...2, 3, [0, 1]), (0...2, 2, nil), (2...2, 1, []),
    (1...3, 3, [1, 3]), (3...3, 2, [3]), (3...3, 1, nil), (4...9, 1, []), (0...0, 2, [0]),
  ]

  @Test(
    "Of the chunks that were written only those are looked at that are asked for",
    arguments: written
  )
  func writtenChunks(example: (numbers: ClosedRange<Int>, limit: Int, found: [Int]?)) throws {
    let table = try Self.table(Self.fixedBytes(Self.fixedArray()), Self.fixed)
    let chunks = table.written(example.numbers, ifFewerThan: example.limit)
    #expect(chunks?.map(\.number) == example.found)
    #expect(chunks?.allSatisfy { $0.place == table.place(of: $0.number) } ?? true)
  }

  static let fixedFaults: [Fault] = [
    Fault("other letters", .malformed, at: 64) { $0[0] = 1 },
    Fault("a newer version", .unsupported, at: 68) { $0[1] = 1 },
    Fault("chunks with filters", .malformed, at: 69) { $0[2] = 1 },
    Fault("elements of another size", .malformed, at: 69) { $0[3] = 9 },
    Fault("fewer chunks than the dataset has", .malformed, at: 72) { $0[5] = 3 },
    Fault("more chunks than the dataset has", .malformed, at: 72) { $0[5] = 1 << 40 },
    Fault("elements beyond the file", .truncated, at: 1 << 40) { $0[6] = 1 << 40 },
    Fault("elements in the header", .malformed, at: 64) { $0[6] = 64 },
    Fault("a newer block", .unsupported, at: 100) { $0[8] = 1 },
    Fault("a block of another array", .malformed, at: 101) { $0[10] = 65 },
    Fault("two chunks in one place", .malformed, at: 8) { $0[14] = 8 },
    Fault("pages that are not there", .truncated, at: nil) {
      $0[4] = 0
      $0[11] = nowhere
    },
  ]

  @Test("Lies of a fixed array are told with their place", arguments: fixedFaults)
  func fixedFault(fault: Fault) throws {
    var parts = Self.fixedArray()
    fault.change(&parts)
    let error = #expect(throws: FlywheelError.self) {
      try Self.table(Self.fixedBytes(parts), Self.fixed)
    }
    if fault.offset == nil {
      // A bitmap in place of elements has its checksum elsewhere.
      #expect(error?.code == .corrupted || error?.code == fault.code)
    } else {
      #expect(error?.code == fault.code)
      #expect(error?.location.byteOffset == fault.offset)
    }
  }

  @Test("Every flipped bit of a fixed array is caught")
  func fixedFlips() throws {
    let bytes = Self.fixedBytes(Self.fixedArray())
    Self.expectFlipsCaught(bytes, Array(64..<92) + Array(96..<bytes.count), Self.fixed)
  }

  private static func expectFlipsCaught(
    _ bytes: [UInt8],
    _ places: [Int],
    _ index: ChunkIndexKind,
    extent: Int = 8,
    limit: Int? = 8
  ) {
    var bytes = bytes
    for place in places {
      for bit in 0..<8 {
        bytes[place] ^= 1 << bit
        #expect(throws: FlywheelError.self, "byte \(place), bit \(bit)") {
          try table(bytes, index, extent: extent, limit: limit)
        }
        bytes[place] ^= 1 << bit
      }
    }
  }

  // MARK: Extensible arrays

  /// Fields 0 letters, 1 version, 2 client, 3 element size, 4 bits, 5 in the index block, 6 in the smallest data
  /// block, 7 pointers, 8 page bits, 9 to 14 statistics, 15 address; the index block: 16 letters, 17 version,
  /// 18 client, 19 header, 20 to 23 chunks, 24 to 29 data blocks, 30 to 54 super blocks; a data block: 55 letters,
  /// 56 version, 57 client, 58 header, 59 place, 60 to 75 chunks.
  static func extensibleArray() -> Parts {
    var parts = Parts(
      fields: [
        .init(value: 0x4448_4145, size: 4), .init(value: 0, size: 1), .init(value: 0, size: 1),
        .init(value: 8, size: 1), .init(value: 32, size: 1), .init(value: 4, size: 1),
        .init(value: 16, size: 1), .init(value: 4, size: 1), .init(value: 10, size: 1),
      ]
    )
    parts.fields += [UInt64](repeating: 0, count: 6).map { .init(value: $0, size: 8) }
    parts.fields.append(.init(value: 136, size: 8))
    let head: [(UInt64, Int)] = [(0x4249_4145, 4), (0, 1), (0, 1), (64, 8)]
    parts.fields += head.map { .init(value: $0.0, size: $0.1) }
    parts.fields += [0, 8, 16, 24, 440].map { .init(value: $0, size: 8) }
    parts.fields += [UInt64](repeating: nowhere, count: 30).map { .init(value: $0, size: 8) }
    let block: [(UInt64, Int)] = [(0x4244_4145, 4), (0, 1), (0, 1), (64, 8), (0, 4)]
    parts.fields += block.map { .init(value: $0.0, size: $0.1) }
    parts.fields += [32, 40].map { .init(value: $0, size: 8) }
    parts.fields += [UInt64](repeating: nowhere, count: 14).map { .init(value: $0, size: 8) }
    return parts
  }

  static func extensibleBytes(_ parts: Parts) -> [UInt8] {
    var bytes = StructureBytes(at: start)
    for (range, offset) in [(0..<16, 64), (16..<55, 136), (55..<76, 440)] {
      bytes.pad(to: offset)
      for field in parts.fields[range] { bytes.number(field.value, field.size) }
      bytes.checksum(from: offset)
    }
    return bytes.bytes
  }

  static let extensible = ChunkIndexKind.extensibleArray(address: 64)

  @Test("An extensible array tells where chunks are, in its index block and beyond")
  func extensiblePlaces() throws {
    let bytes = Self.extensibleBytes(Self.extensibleArray())
    let table = try Self.table(bytes, Self.extensible, extent: 40, limit: nil)
    let addresses = (0..<20).map { table.place(of: $0)?.address }
    #expect(addresses[..<6] == [0, 8, 16, 24, 32, 40])
    #expect(addresses[6...].allSatisfy { $0 == nil })
  }

  static let extensibleFaults: [Fault] = [
    Fault("a newer version", .unsupported, at: 68) { $0[1] = 9 },
    Fault("chunks with filters", .malformed, at: 69) { $0[2] = 1 },
    Fault("more elements than are counted", .malformed, at: 71) { $0[4] = 65 },
    Fault("blocks of three elements", .malformed, at: 71) { $0[6] = 3 },
    Fault("blocks of no elements", .malformed, at: 71) { $0[6] = 0 },
    Fault("super blocks of no blocks", .malformed, at: 71) { $0[7] = 0 },
    Fault("super blocks of one block", .malformed, at: 71) { $0[7] = 1 },
    Fault("fewer groups than the index block has", .malformed, at: 71) { $0[4] = 4 },
    Fault("an index block beyond the file", .truncated, at: 9_000) { $0[15] = 9_000 },
    Fault("an index block of another array", .malformed, at: 141) { $0[19] = 1 },
    Fault("a data block of another place", .malformed, at: 454) { $0[59] = 16 },
    Fault("a small data block for a larger one", .truncated, at: 440) { $0[25] = 440 },
    Fault("a data block that is the index block", .malformed, at: 136) { $0[25] = 136 },
    Fault("a super block that is a data block", .malformed, at: 440) { $0[30] = 440 },
    Fault("the largest super block beyond the file", .truncated, at: 440) { $0[54] = 440 },
    Fault("a chunk beyond the dataset", .malformed, at: 578) { $0[75] = 48 },
  ]

  @Test("Lies of an extensible array are told with their place", arguments: extensibleFaults)
  func extensibleFault(fault: Fault) throws {
    var parts = Self.extensibleArray()
    fault.change(&parts)
    let bytes = Self.extensibleBytes(parts)
    let error = #expect(throws: FlywheelError.self) {
      try Self.table(bytes, Self.extensible, extent: 36, limit: nil)
    }
    #expect(error?.code == fault.code)
    #expect(error?.location.byteOffset == fault.offset)
  }

  @Test("Every flipped bit of an extensible array is caught")
  func extensibleFlips() throws {
    let bytes = Self.extensibleBytes(Self.extensibleArray())
    let places = Array(64..<136) + Array(136..<434) + Array(440..<bytes.count)
    Self.expectFlipsCaught(bytes, places, Self.extensible, extent: 40, limit: nil)
  }

  // MARK: Chunks without an index

  @Test("Chunks that follow each other lie in the order of the largest extents")
  func implicit() throws {
    let image = try StructureBytes(at: 4_096).image()
    let layout = ChunkedLayout(
      chunk: [2, 3],
      elementByteCount: 4,
      index: .implicit(address: 100),
      filtersPartialEdges: true
    )
    let shape = try Shape([5, 7])
    let table = try ChunkTable(layout, shape, limits: [8, 20], filters: .init(), in: image)
    // Three rows of three chunks, seven places apart.
    let places = (0..<9).map { table.place(of: $0)?.address }
    #expect(places == [0, 1, 2, 7, 8, 9, 14, 15, 16].map { 100 + 24 * $0 })
  }

  static let implicitFaults: [(extents: [Int], limits: [Int?], code: FlywheelError.Code)] = [
    ([400], [400], .truncated), ([1 << 40], [1 << 60], .truncated), ([8], [nil], .truncated),
    ([8], [4], .malformed), ([8, 8], [8, 8], .malformed), ([1 << 61], [1 << 61], .truncated),
  ]

  @Test("Chunks without an index that the file cannot hold are refused", arguments: implicitFaults)
  func implicitFault(
    fault: (extents: [Int], limits: [Int?], code: FlywheelError.Code)
  ) throws {
    let image = try StructureBytes(at: 60).image()
    let layout = ChunkedLayout(
      chunk: [2],
      elementByteCount: 4,
      index: .implicit(address: 50),
      filtersPartialEdges: true
    )
    let shape = try Shape(fault.extents)
    let error = #expect(throws: FlywheelError.self) {
      try ChunkTable(layout, shape, limits: fault.limits, filters: .init(), in: image)
    }
    #expect(error?.code == fault.code)
  }

  @Test("One chunk is refused for a dataset of several")
  func single() throws {
    let index = ChunkIndexKind.single(address: 8, byteCount: 20, skippedFilters: 1)
    #expect(throws: FlywheelError.self) { try Self.table([], index) }
    let table = try Self.table([], index, extent: 2, limit: 2)
    #expect(table.place(of: 0) == ChunkPlace(address: 8, byteCount: 20, skippedFilters: 1))
  }
}
