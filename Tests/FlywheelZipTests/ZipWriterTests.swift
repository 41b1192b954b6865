import FlywheelCore
import FlywheelDeflate
import FlywheelTestSupport
import SystemPackage
import Testing

@testable import FlywheelZip

@Suite struct ZipWriterTests {
  private typealias Member = ZipRoundTripTests.Member

  @Test func `an archive has these bytes`() throws {
    let directory = try TemporaryDirectory()
    try ZipRoundTripTests.write(
      [Member(name: "a", bytes: Array("abc".utf8)), Member(name: "\u{e9}", bytes: [])],
      to: directory.path.appending("a.zip")
    )
    let header: [UInt8] = [
      0x50, 0x4B, 0x03, 0x04, 20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0, 0xC2, 0x41, 0x24, 0x35,
      3, 0, 0, 0, 3, 0, 0, 0, 1, 0, 33, 0, 0x61,
      // What moves the data to a multiple of 64.
      0x35, 0xD9, 29, 0, 64, 0,
    ]
    let padding = [UInt8](repeating: 0, count: 27)
    let empty: [UInt8] = [
      0x50, 0x4B, 0x03, 0x04, 20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0, 0, 0, 0, 0,
      0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0xC3, 0xA9,
    ]
    let directoryBytes: [UInt8] = [
      0x50, 0x4B, 0x01, 0x02, 20, 3, 20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0, 0xC2, 0x41, 0x24, 0x35,
      3, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xA4, 0x81, 0, 0, 0, 0, 0x61,
      0x50, 0x4B, 0x01, 0x02, 20, 3, 20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0, 0, 0, 0, 0,
      0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xA4, 0x81, 67, 0, 0, 0,
      0xC3, 0xA9,
    ]
    let end: [UInt8] = [
      0x50, 0x4B, 0x05, 0x06, 0, 0, 0, 0, 2, 0, 2, 0, 95, 0, 0, 0, 99, 0, 0, 0, 0, 0,
    ]
    #expect(
      try directory.read("a.zip")
        == header + padding + Array("abc".utf8) + empty + directoryBytes + end
    )
  }

  @Test func `compressed members are written as others write them`() throws {
    let directory = try TemporaryDirectory()
    let bytes = Array(repeating: 7 as UInt8, count: 3000)
    try ZipRoundTripTests.write(
      [
        Member(name: "fast", bytes: bytes, compression: .fast),
        Member(name: "level", bytes: bytes, compression: .level(6)),
      ],
      to: directory.path.appending("a.zip")
    )
    var builder = ZipBuilder([.init("fast", bytes), .init("level", bytes)])
    for (index, compression) in [Compression.fast, .level(6)].enumerated() {
      builder.members[index].method = 8
      builder.members[index].data = []
      try Deflate.append(
        bytes.rawBytes,
        compression,
        elementByteCount: 4,
        isLast: true,
        to: &builder.members[index].data
      )
    }
    #expect(try directory.read("a.zip") == builder.build())
  }

  @Test func `what does not become smaller is stored`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("a.zip")
    var random = Philox(seed: 1, stream: 2)
    let noise = (0..<5000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    let compressions: [Compression] = [.fast, .level(1), .level(9)]
    try ZipRoundTripTests.write(
      compressions.map { Member(name: "\($0)", bytes: noise, compression: $0) },
      to: path
    )
    for entry in try ZipReader(opening: path).entries { #expect(entry.method == .stored) }
  }

  @Test func `a checksum that is known is not computed again`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("a.zip")
    var writer = try ZipWriter(replacing: path, durability: .cached)
    let bytes = [UInt8](repeating: 1, count: 2 << 20)
    for compression in [Compression.none, .fast] {
      for count in [5, 2 << 20] {
        try writer.write(
          "\(compression) \(count)",
          byteCount: count,
          crc32: 0xDEAD_BEEF,
          compression: compression
        ) { (take) throws(FlywheelError) in try take(bytes.rawBytes.extracting(first: count)) }
      }
    }
    try writer.finish()
    for entry in try ZipReader(opening: path).entries { #expect(entry.crc32 == 0xDEAD_BEEF) }
  }

  // Names

  @Test(
    arguments: [
      ("", .invalidArgument), ("/a", .invalidArgument), ("../a", .invalidArgument),
      ("a/..", .invalidArgument), ("a\\b", .invalidArgument), ("a\0", .invalidArgument),
      ("C:/a", .invalidArgument), (String(repeating: "n", count: 65_536), .invalidArgument),
      ("taken", .alreadyExists), ("e\u{301}", .alreadyExists),
    ] as [(String, FlywheelError.Code)]
  )
  func `a name that no reader would take is refused`(
    _ name: String,
    _ code: FlywheelError.Code
  ) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("a.zip")
    var writer = try ZipWriter(replacing: path, durability: .cached)
    for taken in ["taken", "\u{e9}"] { try writer.write(taken, byteCount: 0) { _ in } }
    var thrown: FlywheelError?
    do throws(FlywheelError) {
      try writer.write(name, byteCount: 0) { _ in }
    } catch {
      thrown = error
    }
    #expect(thrown?.code == code)
    #expect(thrown?.location.tensor == name)
    #expect(thrown?.location.path == path)
    // Nothing has been written: the archive is still good.
    try writer.write("other", byteCount: 0) { _ in }
    try writer.finish()
    #expect(try ZipReader(opening: path).entries.count == 3)
  }

  @Test func `the longest name is written`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("a.zip")
    let name = String(repeating: "n", count: 65_535)
    try ZipRoundTripTests.write([Member(name: name, bytes: [1, 2, 3])], to: path)
    let reader = try ZipReader(opening: path)
    try reader.verify(try #require(reader.entry(named: name)))
  }

  // Errors

  @Test(arguments: [Compression.none, .fast], [10, 3 << 20])
  func `a member of another size is refused, and the archive with it`(
    _ compression: Compression,
    _ byteCount: Int
  ) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write([1], to: "a.zip")
    for given in [byteCount - 1, byteCount + 1] {
      var codes: [FlywheelError.Code] = []
      var writer = try ZipWriter(replacing: path, durability: .cached)
      do throws(FlywheelError) {
        try writer.write("a", byteCount: byteCount, compression: compression) {
          (take) throws(FlywheelError) in
          try take([UInt8](repeating: 0, count: given).rawBytes)
        }
      } catch {
        codes.append(error.code)
        #expect(error.location.tensor == "a")
      }
      do throws(FlywheelError) {
        try writer.finish()
      } catch {
        codes.append(error.code)
      }
      #expect(codes == [.mismatch, .invalidArgument])
      #expect(try directory.names() == ["a.zip"])
      #expect(try directory.read("a.zip") == [1])
    }
  }

  @Test func `an archive that is not finished leaves what was there`() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write([1], to: "a.zip")
    do {
      var writer = try ZipWriter(replacing: path)
      try writer.write("a", byteCount: 1) { (take) throws(FlywheelError) in
        try take(([2] as [UInt8]).rawBytes)
      }
      #expect(try directory.names().count == 2)
    }
    #expect(try directory.names() == ["a.zip"])
    #expect(try directory.read("a.zip") == [1])
  }

  // Large archives

  @Test(arguments: [
    (65_534, 0..<100, false), (65_535, 0..<100, true), (1, 0..<0xFFFF_FFFE, false),
    (1, 0..<0xFFFF_FFFF, true), (1, 0xFFFF_FFFE..<0xFFFF_FFFF, false),
    (1, 0xFFFF_FFFF..<0x1_0000_0000, true), (70_000, 1 << 40..<1 << 41, true),
  ])
  func `the records for large archives are written where they are needed`(
    _ entryCount: Int,
    _ directory: Range<Int>,
    _ isLarge: Bool
  ) {
    let bytes = ZipEnd.records(entryCount: entryCount, directory: directory)
    #expect(bytes.count == (isLarge ? 98 : 22))
    let small = bytes.suffix(22)
    #expect(
      Array(small[small.startIndex + 8..<small.startIndex + 10])
        == ZipBuilder.bytes(UInt16(clamping: entryCount))
    )
    guard isLarge else { return }
    #expect(bytes[32..<40].elementsEqual(ZipBuilder.bytes(UInt64(entryCount))))
    #expect(bytes[40..<48].elementsEqual(ZipBuilder.bytes(UInt64(directory.count))))
    #expect(bytes[48..<56].elementsEqual(ZipBuilder.bytes(UInt64(directory.lowerBound))))
    #expect(bytes[64..<72].elementsEqual(ZipBuilder.bytes(UInt64(directory.upperBound))))
  }

  @Test(
    arguments: [
      (0xFFFF_FFFE, 0xFFFF_FFFE, []), (0xFFFF_FFFF, 5, [0]), (5, 0xFFFF_FFFF, [1]),
      (1 << 33, 1 << 34, [0, 1]),
    ] as [(Int, Int, [Int])]
  )
  func `a member has 64 bits for what needs them`(
    _ byteCount: Int,
    _ headerOffset: Int,
    _ large: [Int]
  ) {
    let member = ZipMember(
      Array("name".utf8),
      .stored,
      at: headerOffset,
      byteCount: byteCount,
      crc32: 1
    )
    let header = member.header
    let isLarge = large.contains(0)
    #expect((headerOffset + header.count) % 64 == 0)
    #expect(header[4] == (isLarge ? 45 : 20))
    let size = isLarge ? UInt32.max : UInt32(byteCount)
    #expect(header[18..<26].elementsEqual(ZipBuilder.bytes(size) + ZipBuilder.bytes(size)))
    if isLarge {
      let sizes = ZipReaderTests.large([UInt64(byteCount), UInt64(byteCount)])
      #expect(header[34..<54].elementsEqual(sizes))
    }
    var record: [UInt8] = []
    member.appendRecord(to: &record)
    var extra: [UInt64] = []
    if large.contains(0) { extra += [UInt64(byteCount), UInt64(byteCount)] }
    if large.contains(1) { extra += [UInt64(headerOffset)] }
    #expect(record[6] == (large.isEmpty ? 20 : 45))
    #expect(record[50...].elementsEqual(extra.isEmpty ? [] : ZipReaderTests.large(extra)))
  }

  @Test func `an archive may have more than 65,535 members`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("a.zip")
    var writer = try ZipWriter(replacing: path, durability: .cached)
    for index in 0..<65_537 {
      try writer.write("\(index)", byteCount: 1) { (take) throws(FlywheelError) in
        try take([UInt8(truncatingIfNeeded: index)].rawBytes)
      }
    }
    try writer.finish()
    let reader = try ZipReader(opening: path)
    #expect(reader.entries.count == 65_537)
    for index in [0, 65_534, 65_535, 65_536] {
      let entry = try #require(reader.entry(named: "\(index)"))
      #expect(try reader.prefix(of: entry, count: 9) == [UInt8(truncatingIfNeeded: index)])
    }
  }

  /// The file has a hole, so that it takes no room.
  @Test func `a member may lie behind 4 GiB, and be larger than that`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("a.zip")
    let byteCount = 5 << 30
    let large = ZipMember(Array("large".utf8), .stored, at: 0, byteCount: byteCount)
    let start = large.header.count + byteCount
    let small = ZipMember(Array("small".utf8), .stored, at: start, byteCount: 3, crc32: 0x3524_41C2)
    var tail = small.header + Array("abc".utf8)
    let directoryStart = start + tail.count
    var records: [UInt8] = []
    large.appendRecord(to: &records)
    small.appendRecord(to: &records)
    tail += records
    tail += ZipEnd.records(
      entryCount: 2,
      directory: directoryStart..<directoryStart + records.count
    )
    let file = try AtomicFile(replacing: path, durability: .cached)
    try file.write(large.header.rawBytes)
    try file.overwrite(tail.rawBytes, at: start)
    try file.commit()

    let reader = try ZipReader(opening: path)
    let entry = try #require(reader.entry(named: "large"))
    #expect(entry.byteCount == byteCount)
    #expect(try reader.storedRange(of: entry) == large.header.count..<start)
    #expect(try reader.prefix(of: entry, count: 4) == [0, 0, 0, 0])
    let last = try #require(reader.entry(named: "small"))
    #expect(ZipReaderTests.array(try reader.contents(of: last)) == Array("abc".utf8))
  }
}
