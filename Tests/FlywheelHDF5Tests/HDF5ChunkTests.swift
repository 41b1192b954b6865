import CFlywheelHDF5
import FlywheelCore
import FlywheelDeflate
import FlywheelTestSupport
import SystemPackage
import Testing

@testable import FlywheelHDF5

/// Chunks of every shape, and what they went through.
@Suite("Chunks of HDF5 datasets")
struct HDF5ChunkTests {
  let directory: TemporaryDirectory
  let path: FilePath

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.path.appending("chunks.h5")
  }

  static let filters: [HDF5Filters] = [
    .none, HDF5Filters(shuffles: true), HDF5Filters(gzipLevel: 6), .compressed(level: 1),
    HDF5Filters(shuffles: true, gzipLevel: 1, hasChecksums: true),
  ]

  @Test("Every block of chunks of every shape is what was written", arguments: filters)
  func blocks(filters: HDF5Filters) throws {
    let extents = [5, 6, 7]
    let tensor = try HDF5RoundTripTests.tensor(.int16, extents)
    let whole = try tensor.elements(as: Int16.self)
    let chunks = [
      [1, 1, 1], [5, 6, 7], [2, 4, 7], [3, 6, 7], [5, 1, 3], [4, 5, 6], [1, 6, 2],
    ]
    var writer = try HDF5Writer(creating: path)
    for (index, chunk) in chunks.enumerated() {
      try writer.write(tensor, at: "\(index)", layout: .chunked(chunk, filters))
    }
    try writer.close()
    let file = try HDF5File(opening: path)
    var random = HDF5CompressionTests.SplitMix(state: 3)
    for (index, chunk) in chunks.enumerated() {
      #expect(try file.tensor("\(index)").crc32 == tensor.crc32, "\(chunk)")
      for _ in 0..<40 {
        let offset = extents.map { Int(random.next() % UInt64($0)) }
        let count = zip(extents, offset).map { 1 + Int(random.next() % UInt64($0 - $1)) }
        let block = HDF5Block(offset: offset, count: count)
        var expected: [Int16] = []
        for i in 0..<count[0] {
          for j in 0..<count[1] {
            let start = ((offset[0] + i) * 6 + offset[1] + j) * 7 + offset[2]
            expected += whole[start..<start + count[2]]
          }
        }
        let read = try file.tensor("\(index)", block: block).elements(as: Int16.self)
        #expect(read == expected, "\(chunk) \(block)")
      }
    }
  }

  @Test("Blocks that go by in pieces make up the whole, whatever their size")
  func pieces() throws {
    for extents in [[], [1], [10], [4, 6], [3, 4, 5], [0, 3], [7, 1, 2]] {
      let shape = try Shape(extents)
      for limit in [1, 4, 8, 24, 40, 100, 1_000] {
        for chunk in [nil, extents.map { max(1, $0 / 2) }] {
          let pieces = HDF5Block.pieces(
            of: shape,
            elementByteCount: 4,
            chunk: chunk,
            limit: limit
          )
          var next = 0
          for piece in pieces {
            #expect(piece.start(within: shape) == next)
            let count = piece.count.reduce(1, *)
            #expect(count == 1 || count * 4 <= limit)
            next += count
          }
          #expect(next == shape.elementCount, "\(extents) \(limit)")
        }
      }
    }
  }

  /// Extents, a chunk, the limits of a block and of a row of chunks, and the counts of the first block.
  static let rows: [(extents: [Int], chunk: [Int], limits: (Int, Int), count: [Int])] = [
    // Columns: six rows in a block where that is allowed.
    ([12, 10], [6, 1], (40, 1_000), [6, 10]), ([12, 10], [6, 1], (40, 240), [6, 10]),
    ([12, 10], [6, 1], (40, 239), [5, 10]), ([12, 10], [6, 1], (40, 40), [1, 10]),
    ([12, 10], [6, 1], (8, 8), [1, 2]), ([12, 10], [6, 1], (500, 1_000), [12, 10]),
    ([40, 10], [32, 1], (40, 40), [1, 10]),
    ([1_000_000, 1_000], [1_000_000, 1], (32 << 20, 256 << 20), [67_108, 1_000]),
    // Chunks that are larger themselves.
    ([50], [50], (4, 40), [10]), ([50], [100], (4, 40), [10]),
    ([2, 50], [1, 25], (4, 40), [1, 10]),
    // Rows begin at the first axis along which a chunk has several indices.
    ([6, 4, 9], [1, 2, 3], (4, 100), [1, 2, 9]), ([6, 4, 9], [1, 1, 1], (16, 100), [1, 1, 4]),
    ([6, 4, 9], [1, 1, 3], (4, 100), [1, 1, 3]), ([6, 4, 9], [3, 2, 3], (4, 432), [3, 4, 9]),
    // What makes no chunks has no rows of them.
    ([6, 4], [6], (16, 100), [1, 4]), ([6, 4], [6, 0], (16, 100), [1, 4]), ([], [], (16, 100), []),
  ]

  @Test(
    "Of compressed chunks pieces have whole rows, so that each is decompressed once",
    arguments: rows
  )
  func rowsOfChunks(
    example: (extents: [Int], chunk: [Int], limits: (Int, Int), count: [Int])
  ) throws {
    let shape = try Shape(example.extents)
    let pieces = try HDF5Block.pieces(
      of: shape,
      elementByteCount: 4,
      decoding: example.chunk,
      limit: example.limits.0,
      rowLimit: example.limits.1
    )
    #expect(pieces.first?.count == example.count)
    var next = 0
    for piece in pieces {
      #expect(piece.start(within: shape) == next)
      next += piece.count.reduce(1, *)
    }
    #expect(next == shape.elementCount)
  }

  @Test("Chunks that would be decompressed again and again are refused", arguments: [32, 33])
  func tallChunks(extent: Int) throws {
    func pieces() throws(FlywheelError) -> [HDF5Block] {
      try HDF5Block.pieces(
        of: try Shape([64, 100]),
        elementByteCount: 4,
        decoding: [extent, 1],
        limit: 40,
        rowLimit: 400
      )
    }
    guard extent > 32 else {
      #expect(try pieces().count == 64)
      return
    }
    let error = #expect(throws: FlywheelError.self) { try pieces() }
    #expect(error?.code == .limitExceeded)
    #expect(error?.message.contains("33 times") == true)
  }

  @Test("Each kind of filter that a chunk did not go through is undone for the others only")
  func skippedFilters() throws {
    let tensor = try Tensor(vector: (0..<64).map { UInt32($0 * 0x0101_0307) })
    let bytes = HDF5RoundTripTests.bytes(of: tensor)
    let shuffled = (0..<4).flatMap { place in (0..<64).map { bytes[4 * $0 + place] } }
    do {
      let file = ForeignFile(path)
      for (name, skipped, chunk) in [("raw", 0b11, bytes), ("shuffled", 0b10, shuffled)] {
        let properties = unsafe fw_h5_new_chunked_creation(1, [64], 1, 1, 0)
        file.add(name, HDF5Library.type(of: .uint32), [64], creation: properties)
        H5Pclose(properties)
        let dataset = unsafe H5Dopen2(file.id, name, 0)
        let status = unsafe fw_h5_write_chunk(dataset, [0], UInt32(skipped), chunk, chunk.count)
        #expect(status >= 0)
        H5Dclose(dataset)
      }
      // A chunk that is not compressed, and has not its size.
      let properties = unsafe fw_h5_new_chunked_creation(1, [64], 0, 1, 0)
      file.add("short", HDF5Library.type(of: .uint32), [64], creation: properties)
      H5Pclose(properties)
      let dataset = unsafe H5Dopen2(file.id, "short", 0)
      #expect(unsafe fw_h5_write_chunk(dataset, [0], 0b1, bytes, 100) >= 0)
      H5Dclose(dataset)
    }
    let file = try HDF5File(opening: path)
    #expect(try file.tensor("raw").crc32 == tensor.crc32)
    #expect(try file.tensor("shuffled").crc32 == tensor.crc32)
    let error = #expect(throws: FlywheelError.self) { try file.tensor("short") }
    #expect(error?.code == .malformed)
    #expect(error?.message.contains("100 bytes") == true)
    #expect(error?.location.byteOffset != nil)
    #expect(error?.location.tensor == "/short")
  }

  @Test("Chunks that were never written are the fill value")
  func missing() throws {
    do {
      let file = ForeignFile(path)
      let type = HDF5Library.type(of: .int32)
      let properties = unsafe fw_h5_new_chunked_creation(1, [4], 1, 1, 0)
      unsafe H5Pset_fill_value(properties, type, [Int32(7)])
      file.add("half", type, [8], creation: properties)
      H5Pclose(properties)
      let dataset = unsafe H5Dopen2(file.id, "half", 0)
      let bytes = (0..<16).map { UInt8($0) }
      #expect(unsafe fw_h5_write_chunk(dataset, [4], 0b11, bytes, 16) >= 0)
      H5Dclose(dataset)
    }
    let file = try HDF5File(opening: path)
    let expected: [Int32] = [7, 7, 7, 7, 0x0302_0100, 0x0706_0504, 0x0B0A_0908, 0x0F0E_0D0C]
    #expect(try file.tensor("half").elements() == expected)
  }

  @Test("Many chunks are found in time that grows with their number")
  func manyChunks() throws {
    let tensor = try Tensor(vector: (0..<60_000).map { UInt8(truncatingIfNeeded: $0) })
    var writer = try HDF5Writer(creating: path)
    try writer.write(tensor, at: "a", layout: .chunked([2]))
    try writer.close()
    let file = try HDF5File(opening: path)
    #expect(try file.tensor("a").crc32 == tensor.crc32)
  }

  @Test("Every flipped byte of compressed chunks is an error, or one that inflating passes over")
  func flips() throws {
    var random = HDF5CompressionTests.SplitMix(state: 9)
    let tensor = try Tensor(vector: (0..<2_000).map { _ in Int32(random.next() & 0xFF) })
    var writer = try HDF5Writer(creating: path)
    try writer.write(tensor, at: "a", layout: .compressed(.fast))
    try writer.write(tensor, at: "b", layout: .chunked([900], .compressed(level: 6)))
    try writer.close()
    let places = try [("a", [0]), ("b", [0, 900, 1_800])].flatMap { (name, starts) in
      try starts.map { try Self.chunk(at: $0, of: name, in: path) }
    }
    var content = try directory.read("chunks.h5")
    let damaged = directory.path.appending("damaged.h5")
    var (errors, others, misplaced) = (0, 0, 0)
    for (index, range) in places.enumerated() {
      for place in range {
        content[place] ^= 1 << (place % 8)
        try HDF5DamageTests.write(content[...], to: damaged)
        content[place] ^= 1 << (place % 8)
        let file = try HDF5File(opening: damaged)
        do throws(FlywheelError) {
          if try file.tensor(index == 0 ? "a" : "b").crc32 != tensor.crc32 { others += 1 }
        } catch {
          errors += 1
          let isDamage = [.corrupted, .malformed, .truncated].contains(error.code)
          let offset = Int(error.location.byteOffset ?? 0)
          if !isDamage || offset < range.lowerBound || offset > range.upperBound { misplaced += 1 }
        }
      }
    }
    #expect(others == 0)
    #expect(misplaced == 0)
    // But for bits between blocks that mean nothing.
    #expect(errors > places.reduce(0) { $0 + $1.count } - 40)
  }

  /// Where in the file a chunk of a vector lies.
  private static func chunk(
    at start: Int,
    of name: String,
    in path: FilePath
  ) throws -> Range<Int> {
    let bytes = TensorStorage(mapping: try MappedFile(path: path))
    let file = try StructureFile(bytes, ReadLimit(fileByteCount: bytes.byteCount, fillLimit: 0))
    let parts = try file.parts(of: try file.object(at: try HDF5Path(name), .dataset))
    guard case .chunked(let layout) = parts.layout, let shape = parts.dataspace.shape else {
      throw FlywheelError(.mismatch, "not chunked")
    }
    let table = try ChunkTable(
      layout,
      shape,
      limits: parts.dataspace.limits,
      filters: parts.filters,
      in: file.image
    )
    let place = try #require(table.place(of: start / layout.chunk[0]))
    #expect(place.skippedFilters == 0)
    return Int(place.address)..<Int(place.address + place.byteCount)
  }
}
