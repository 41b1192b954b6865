import FlywheelCore
import FlywheelDeflate
import Testing

@testable import FlywheelHDF5

/// The filters of chunks, one by one and together.
@Suite("Filters of chunks")
struct ChunkDecoderTests {
  // Of libhdf5 2.0, by way of h5py.
  static let checksums: [(bytes: [UInt8], checksum: UInt32)] = [
    (Array("abcde".utf8), 0x4FF0_29C7), (Array("abcdef".utf8), 0x5056_2A2D),
    (Array("abcdefgh".utf8), 0xE1EB_9195), (Array("a".utf8), 0x6100_6100),
    ([UInt8](repeating: 0, count: 9), 0), ([UInt8](repeating: 0xFF, count: 5_000), 0xFFFF_FFFF),
  ]

  @Test("Fletcher's checksum is libhdf5's, for even and odd counts", arguments: checksums)
  func fletcher(example: (bytes: [UInt8], checksum: UInt32)) {
    let bytes = example.bytes
    let checksum = Fletcher32.checksum(bytes.rawBytes)
    #expect(checksum == example.checksum)
    let halves = checksum.byteSwapped
    // As they are, in the order of bytes before 1.6.3, and damaged.
    for (stored, isRight) in [
      (checksum, true), (halves << 16 | halves >> 16, true), (checksum ^ 0x100, false),
    ] {
      let found = Fletcher32.isChecksum(stored, of: bytes.rawBytes)
      #expect(found == isRight)
    }
  }

  @Test("LZF gives back literal runs, short and long copies, and copies of themselves")
  func lzf() throws {
    // Three letters, then a copy of all of them that goes on into itself, then one of length 264.
    let stream: [UInt8] = [2, 97, 98, 99, 0x80, 2, 0xE0, 255, 0]
    var bytes = [UInt8](repeating: 1, count: 3 + 6 + 264)
    try bytes.withMutableRawBytes { (bytes) throws(FlywheelError) in
      try LZF.decompress(stream.rawBytes, into: &bytes)
    }
    let expected = Array("abcabcabc".utf8) + [UInt8](repeating: 99, count: 264)
    #expect(bytes == expected)
  }

  static let damagedStreams: [(stream: [UInt8], offset: UInt64)] = [
    ([2, 97, 98], 0),  // a literal run beyond the end
    ([0, 97, 0x20], 2),  // a copy without its distance
    ([0, 97, 0xE0, 1], 2),  // a long one
    ([0, 97, 0x20, 1], 2),  // from before the first byte
    ([0, 97, 0xE0, 255, 0], 2),  // more than the buffer holds
    ([9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0),  // a run of more than that
    ([0, 97], 2), ([], 0),  // fewer
  ]

  @Test("Damaged LZF is told with its place", arguments: damagedStreams)
  func damagedLZF(example: (stream: [UInt8], offset: UInt64)) {
    let error = #expect(throws: FlywheelError.self) {
      var bytes = [UInt8](repeating: 0, count: 8)
      try bytes.withMutableRawBytes { (bytes) throws(FlywheelError) in
        try LZF.decompress(example.stream.rawBytes, into: &bytes)
      }
    }
    #expect(error?.code == .corrupted)
    #expect(error?.location.byteOffset == example.offset)
  }

  @Test("No bytes of LZF are read or written beyond their ends")
  func randomLZF() throws {
    var random = HDF5CompressionTests.SplitMix(state: 4)
    for _ in 0..<20_000 {
      let stream = (0..<Int(random.next() % 12)).map { _ in UInt8(random.next() & 0xFF) }
      var bytes = [UInt8](repeating: 0, count: Int(random.next() % 64))
      do throws(FlywheelError) {
        try bytes.withMutableRawBytes { (bytes) throws(FlywheelError) in
          try LZF.decompress(stream.rawBytes, into: &bytes)
        }
      } catch {
        #expect(error.code == .corrupted)
      }
    }
  }

  static func pipeline(_ ids: [Int], isOptional: Bool = false) -> FilterPipeline {
    FilterPipeline(
      filters: ids.map {
        PipelineFilter(id: $0, name: nil, isOptional: isOptional, values: $0 == 2 ? [4] : [])
      }
    )
  }

  /// What shuffle and checksums make of bytes.
  static func encoded(_ bytes: [UInt8], _ ids: [Int]) -> [UInt8] {
    var bytes = bytes
    for id in ids {
      switch id {
      case 2:
        let copy = bytes
        bytes.withMutableRawBytes { Shuffle.shuffle(copy.rawBytes, elementByteCount: 4, into: &$0) }
      default:
        let checksum = Fletcher32.checksum(bytes.rawBytes)
        for place in 0..<4 {
          bytes.append(UInt8(truncatingIfNeeded: checksum >> UInt32(8 * place)))
        }
      }
    }
    return bytes
  }

  static func stored(_ bytes: [UInt8], at offset: Int = 0) throws -> StoredBytes {
    let image = try StructureBytes.image([UInt8](repeating: 0, count: offset) + bytes)
    return try image.bytes(at: UInt64(offset), UInt64(bytes.count), "a chunk")
  }

  static let pipelines: [[Int]] = [
    [], [2], [3], [2, 3], [3, 2], [2, 2], [3, 3], [3, 2, 3], [2, 3, 2], [2, 2, 2, 2],
    [2, 2, 3, 2, 2],
  ]

  @Test(
    "Filters are undone in any order, and those that a chunk skipped are not",
    arguments: pipelines
  )
  func orders(ids: [Int]) throws {
    let bytes = (0..<61).map { UInt8(truncatingIfNeeded: $0 &* $0) }
    let decoder = try ChunkDecoder(Self.pipeline(ids), byteCount: bytes.count)
    for mask in 0..<(1 << ids.count) {
      let used = ids.indices.filter { mask >> $0 & 1 == 0 }.map { ids[$0] }
      let chunk = try Self.stored(Self.encoded(bytes, used))
      let decoded = try decoder.decoded(chunk, skipping: UInt32(mask))
      #expect(unsafe decoded.span.withUnsafeBytes { unsafe Array($0) } == bytes, "\(mask)")
      #expect((try decoder.plain(chunk, skipping: UInt32(mask)) != nil) == used.isEmpty)
    }
  }

  static let faults: [(ids: [Int], bytes: [UInt8], byteCount: Int, code: FlywheelError.Code)] = [
    ([], [1, 2, 3], 4, .malformed), ([2], [1, 2, 3, 4, 5], 4, .malformed),
    ([3], [1, 2, 3], 0, .malformed), ([3], [1, 2, 3, 4, 0, 0, 0, 0], 4, .corrupted),
    ([1], [120, 156, 1], 1 << 40, .malformed), ([2, 1], [120, 156, 1], 1 << 40, .malformed),
    ([32_000], [0, 1], 1 << 40, .malformed), ([2], [], 1 << 40, .malformed),
    ([1], [7, 7, 7, 7], 4, .corrupted), ([1], [120, 156], 4, .truncated),
    ([1, 1], [120, 156, 1, 1], 8, .unsupported), ([32_000, 1], [120, 156, 1, 1], 8, .unsupported),
  ]

  @Test("What cannot be undone is told with its place", arguments: faults)
  func fault(fault: (ids: [Int], bytes: [UInt8], byteCount: Int, code: FlywheelError.Code)) throws {
    let decoder = try ChunkDecoder(Self.pipeline(fault.ids), byteCount: fault.byteCount)
    let chunk = try Self.stored(fault.bytes, at: 40)
    let error = #expect(throws: FlywheelError.self) { try decoder.decoded(chunk, skipping: 0) }
    #expect(error?.code == fault.code)
    #expect((40...44).contains(error?.location.byteOffset ?? 0))
  }

  /// Filters, what deflate left, and where the damage is told, of a chunk at byte 40.
  static let places: [(ids: [Int], stream: [UInt8], code: FlywheelError.Code, place: UInt64)] = [
    // Before their checksum bytes are where they are in the file.
    ([1], [120, 156], .truncated, 42), ([1, 3], [120, 156], .truncated, 42),
    ([1, 3, 3], [120, 156], .truncated, 42), ([2, 32_000], [9, 1], .corrupted, 40),
    ([32_000, 3], [0, 1, 0, 2, 255], .corrupted, 44),
    // In others they are not, so that nothing is looked for there.
    ([1, 2], [120, 156], .unsupported, 40), ([32_000, 2, 3], [0, 1, 0, 2, 255], .unsupported, 40),
  ]

  @Test(
    "The place of damage is one in the file, whatever the bytes went through after",
    arguments: places
  )
  func place(
    example: (ids: [Int], stream: [UInt8], code: FlywheelError.Code, place: UInt64)
  ) throws {
    let decoder = try ChunkDecoder(Self.pipeline(example.ids), byteCount: 8)
    let after = example.ids.drop { $0 == 2 }.dropFirst()
    let chunk = try Self.stored(Self.encoded(example.stream, Array(after)), at: 40)
    let error = #expect(throws: FlywheelError.self) { try decoder.decoded(chunk, skipping: 0) }
    #expect(error?.code == example.code, "\(error?.description ?? "")")
    #expect(error?.location.byteOffset == example.place, "\(error?.description ?? "")")
  }

  @Test("Filters that are not known are refused by name; optional ones only where they were used")
  func unknown() throws {
    let error = #expect(throws: FlywheelError.self) {
      try ChunkDecoder(Self.pipeline([2, 4]), byteCount: 4)
    }
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains("szip (4)") == true)
    let decoder = try ChunkDecoder(Self.pipeline([32_015], isOptional: true), byteCount: 4)
    let chunk = try Self.stored([1, 2, 3, 4])
    #expect(try decoder.decoded(chunk, skipping: 1).count == 4)
    let used = #expect(throws: FlywheelError.self) { try decoder.decoded(chunk, skipping: 0) }
    #expect(used?.message.contains("zstd (32015)") == true)
    let shuffles: [[UInt32]] = [[], [0]]
    for values in shuffles {
      let filter = PipelineFilter(id: 2, name: nil, isOptional: false, values: values)
      #expect(throws: FlywheelError.self) {
        try ChunkDecoder(FilterPipeline(filters: [filter]), byteCount: 4)
      }
    }
  }
}
