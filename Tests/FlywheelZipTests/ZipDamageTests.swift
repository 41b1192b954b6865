import FlywheelCore
import FlywheelDeflate
import FlywheelTestSupport
import SystemPackage
import Testing

@testable import FlywheelZip

/// Archives that are refused.
///
/// `ZipReaderTests.builder` lies like this: the header of a.npy at 0 and its data at 35, the header of b.npy at
/// 41 and its data at 76, their records in the directory at 86 and 137, the end at 188, 210 bytes in all.
/// Records for large archives are at 188 and 244, and the end at 264 then.
@Suite struct ZipDamageTests {
  /// An archive that is refused, with the code, the byte and the member at which it is.
  struct BadArchive: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]
    let code: FlywheelError.Code
    let offset: UInt64
    let member: String?

    init(
      _ description: String,
      _ bytes: [UInt8],
      _ code: FlywheelError.Code,
      _ offset: UInt64,
      _ member: String? = nil
    ) {
      testDescription = description
      self.bytes = bytes
      self.code = code
      self.offset = offset
      self.member = member
    }

    /// The archive of `ZipReaderTests`, changed before it is built.
    init(
      _ description: String,
      _ code: FlywheelError.Code,
      _ offset: UInt64,
      _ member: String? = nil,
      _ change: (inout ZipBuilder) -> Void
    ) {
      var builder = ZipReaderTests.builder
      change(&builder)
      self.init(description, builder.build(), code, offset, member)
    }

    /// The archive of `ZipReaderTests` with other bytes at a place.
    init(
      _ description: String,
      _ large: ZipBuilder.Large = .no,
      at place: Int,
      _ bytes: [UInt8],
      _ code: FlywheelError.Code,
      _ offset: UInt64,
      _ member: String? = nil
    ) {
      var builder = ZipReaderTests.builder
      builder.large = large
      var archive = builder.build()
      archive.replaceSubrange(place..<place + bytes.count, with: bytes)
      self.init(description, archive, code, offset, member)
    }
  }

  private static let archive = ZipReaderTests.builder.build()
  private static let many: [UInt8] = Array(repeating: 0xFF, count: 8)

  static let badEnds: [BadArchive] = [
    BadArchive("nothing", [], .truncated, 0),
    BadArchive("the start of a signature", [0x50, 0x4B], .truncated, 2),
    BadArchive("a text", Array("PKcs".utf8), .malformed, 4),
    BadArchive("zeros", Array(repeating: 0, count: 100_000), .malformed, 100_000),
    BadArchive("no directory", Array(archive.prefix(86)), .truncated, 86),
    BadArchive("no end", Array(archive.prefix(188)), .truncated, 188),
    BadArchive("half an end", Array(archive.prefix(209)), .truncated, 209),
    BadArchive("half a comment", at: 208, [1], .truncated, 210),
    BadArchive("too much after it", .truncated, 65_746) {
      $0.suffix = Array(repeating: 0, count: 65_536)
    },
    BadArchive("another disk", at: 192, [1], .unsupported, 188),
    BadArchive("the directory on another disk", at: 194, [1], .unsupported, 188),
    BadArchive("members on another disk", at: 196, [1], .unsupported, 188),
    BadArchive("a directory of many bytes", at: 200, [0xFF], .malformed, 188),
    BadArchive("a directory of all bytes", at: 200, Array(many[..<4]), .malformed, 188),
    BadArchive("a directory of too few bytes", at: 200, [101], .malformed, 87),
    BadArchive("a directory far behind", at: 204, Array(many[..<4]), .malformed, 188),
    BadArchive("a directory a little behind", at: 204, [87], .malformed, 188),
    BadArchive("a directory a little before", at: 204, [80], .malformed, 47, "b.npy"),
    BadArchive("more members than there is room for", .malformed, 188) { $0.entryCount = 5 },
    BadArchive("fewer members than there are", .malformed, 188) { $0.entryCount = 1 },
    BadArchive("no members, and a directory", .malformed, 188) { $0.entryCount = 0 },
  ]

  static let badLargeEnds: [BadArchive] = [
    BadArchive("several disks", .replacing, at: 260, [2], .unsupported, 244),
    BadArchive("the end on another disk", .replacing, at: 248, [1], .unsupported, 244),
    BadArchive("another disk", .unsupported, 188) {
      $0.large = .replacing
      $0.disk = 1
    },
    BadArchive("members on another disk", .replacing, at: 212, [1], .unsupported, 188),
    BadArchive("no end where it should be", .replacing, at: 188, [0], .malformed, 244),
    BadArchive("an end of another size", .replacing, at: 192, [45], .malformed, 192),
    BadArchive("an end of any size", .replacing, at: 192, many, .malformed, 192),
    BadArchive("two ends with other counts", .repeating, at: 272, [1, 0, 1], .malformed, 264),
    BadArchive("two ends with other sizes", .repeating, at: 276, [51], .malformed, 264),
    BadArchive("two ends with other offsets", .repeating, at: 280, [85], .malformed, 264),
    BadArchive("a directory of all bytes", .replacing, at: 228, many, .malformed, 188),
    BadArchive("a directory far behind", .replacing, at: 236, many, .malformed, 188),
    BadArchive("members without number", .replacing, at: 212, many + many, .malformed, 188),
    BadArchive(
      "one member less",
      .replacing,
      at: 212,
      [1, 0, 0, 0, 0, 0, 0, 0, 1],
      .malformed,
      188
    ),
    BadArchive("members modulo 65,536", .malformed, 188) {
      $0.large = .replacing
      $0.entryCount = 65_538
    },
  ]

  static let badRecords: [BadArchive] = [
    BadArchive("no signature of the first", at: 86, [0], .malformed, 86),
    BadArchive("no signature of the second", at: 137, [0], .malformed, 137),
    BadArchive("a longer name", at: 114, [6], .malformed, 138),
    BadArchive("a shorter name", at: 114, [4], .malformed, 136),
    BadArchive("the longest name", at: 114, [0xFF, 0xFF], .malformed, 114),
    BadArchive("an extra field behind the end", at: 167, [1], .malformed, 165),
    BadArchive("a comment behind the end", at: 169, [1], .malformed, 165),
    BadArchive("a name twice", .malformed, 137, "a.npy") {
      $0.members[1].name = $0.members[0].name
    },
    BadArchive("a name composed and decomposed", .malformed, 141, "e\u{301}.npy") {
      $0.members[0].name = Array("\u{e9}.npy".utf8)
      $0.members[1].name = Array("e\u{301}.npy".utf8)
      $0.members[0].flags = 0x800
      $0.members[1].flags = 0x800
    },
    BadArchive("a name that is no UTF-8", .malformed, 132) {
      $0.members[0].name = Array("a.np\u{ff}".unicodeScalars.map { UInt8($0.value) })
      $0.members[0].flags = 0x800
    },
    BadArchive("a name of accents, which would take long to look up", .limitExceeded, 641) {
      $0.members[0].name = Array(String(repeating: "\u{301}", count: 257).utf8)
      $0.members[0].flags = 0x800
    },
    BadArchive("a field longer than all of them", .malformed, 137, "a.npy") {
      $0.members[0].extra = [7, 0, 2, 0, 0]
    },
    BadArchive("a second field longer than the rest", .malformed, 141, "a.npy") {
      $0.members[0].extra = [7, 0, 0, 0, 7, 0, 1, 0]
    },
    BadArchive("no size in a zip64 field", .malformed, 137, "a.npy") {
      $0.members[0].byteCount = .max
      $0.members[0].extra = ZipReaderTests.large([])
    },
    BadArchive("half a size in a zip64 field", .malformed, 137, "a.npy") {
      $0.members[0].compressedByteCount = .max
      $0.members[0].extra = [1, 0, 4, 0, 6, 0, 0, 0]
    },
    BadArchive("one size of two in a zip64 field", .malformed, 137, "a.npy") {
      $0.members[0].byteCount = .max
      $0.members[0].compressedByteCount = .max
      $0.members[0].extra = ZipReaderTests.large([6])
    },
    BadArchive("no offset in a zip64 field", .malformed, 137, "a.npy") {
      $0.members[0].byteCount = .max
      $0.members[0].headerOffset = .max
      $0.members[0].extra = ZipReaderTests.large([6])
    },
    BadArchive("no disk in a zip64 field", .malformed, 137, "a.npy") {
      $0.members[0].disk = .max
      $0.members[0].extra = ZipReaderTests.large([])
    },
    BadArchive("two zip64 fields", .malformed, 149, "a.npy") {
      $0.members[0].byteCount = .max
      $0.members[0].extra = ZipReaderTests.large([6]) + ZipReaderTests.large([6])
    },
    BadArchive("another disk", .unsupported, 120, "a.npy") { $0.members[0].disk = 1 },
    BadArchive("another disk in a zip64 field", .unsupported, 120, "a.npy") {
      $0.members[0].disk = .max
      $0.members[0].extra = [1, 0, 4, 0, 1, 0, 0, 0]
    },
  ]

  static let badPlaces: [BadArchive] = [
    BadArchive("a size of 63 bits", .malformed, 106, "a.npy") {
      $0.members[0].byteCount = .max
      $0.members[0].extra = ZipReaderTests.large([1 << 63])
    },
    BadArchive("more bytes than the file has", .malformed, 106, "a.npy") {
      $0.members[0].compressedByteCount = 0xFFFF_FFF0
    },
    BadArchive("as many bytes as there are", .malformed, 106, "a.npy") {
      $0.members[0].compressedByteCount = .max
      $0.members[0].extra = ZipReaderTests.large([.max])
    },
    BadArchive("a header behind the directory", .malformed, 106, "a.npy") {
      $0.members[0].headerOffset = 87
    },
    BadArchive("a header behind everything", .malformed, 106, "a.npy") {
      $0.members[0].headerOffset = .max
      $0.members[0].extra = ZipReaderTests.large([.max])
    },
    BadArchive("a header in the directory", .malformed, 86, "a.npy") {
      $0.members[0].headerOffset = 86
    },
    BadArchive("a header that reaches into the directory", .malformed, 60, "b.npy") {
      $0.members[1].headerOffset = 60
    },
    BadArchive("bytes that reach into the next member", .malformed, 0, "a.npy") {
      $0.members[0].compressedByteCount = 7
    },
    BadArchive("bytes that reach into the directory", .malformed, 41, "b.npy") {
      $0.members[1].compressedByteCount = 11
    },
    BadArchive("a member within another one", .malformed, 0, "a.npy") {
      $0.members[0].data += Array(repeating: 0, count: 100)
      $0.members[1].headerOffset = 40
    },
    BadArchive("two members at one place", .malformed, 0, "a.npy") {
      $0.members[1].headerOffset = 0
    },
    // As small archives hold petabytes: each member's stream goes through all the headers behind it.
    BadArchive("a thousand members that share their bytes", .malformed, 37_852, "999") {
      $0.members = (0..<1000).map { .deflated(String($0), []) }
      for index in 0..<1000 { $0.members[index].compressedByteCount = 4000 }
    },
  ]

  static let badMembers: [BadArchive] = [
    BadArchive("no header", at: 0, [0], .malformed, 0, "a.npy"),
    BadArchive("a record for a header", at: 43, [1, 2], .malformed, 41, "b.npy"),
    BadArchive("another name in its header", at: 30, [0x62], .malformed, 26, "a.npy"),
    BadArchive("a shorter name in its header", .malformed, 26, "a.npy") {
      $0.members[0].headerName = Array("a.np".utf8)
      $0.members[0].headerExtra = [0]
    },
    BadArchive("another method in its header", .malformed, 8, "a.npy") {
      $0.members[0].headerMethod = 8
    },
    BadArchive("a long extra field in its header", at: 28, [0xFF, 0xFF], .malformed, 28, "a.npy"),
    BadArchive("a longer extra field in its header", at: 28, [1], .malformed, 28, "a.npy"),
    BadArchive("a longer one in the last header", at: 69, [1], .malformed, 69, "b.npy"),
    BadArchive("encrypted", .unsupported, 94, "a.npy") { $0.members[0].flags = 1 },
    BadArchive("encrypted strongly", .unsupported, 94, "a.npy") { $0.members[0].flags = 0x40 },
    BadArchive("encrypted names", .unsupported, 94, "a.npy") { $0.members[0].flags = 0x2000 },
    BadArchive("a patch", .unsupported, 94, "a.npy") { $0.members[0].flags = 0x20 },
    BadArchive("shrunk", .unsupported, 96, "a.npy") { $0.members[0].method = 1 },
    BadArchive("deflate64", .unsupported, 96, "a.npy") { $0.members[0].method = 9 },
    BadArchive("bzip2", .unsupported, 96, "a.npy") { $0.members[0].method = 12 },
    BadArchive("lzma", .unsupported, 96, "a.npy") { $0.members[0].method = 14 },
    BadArchive("zstandard", .unsupported, 96, "a.npy") { $0.members[0].method = 93 },
    BadArchive("any method", .unsupported, 96, "a.npy") { $0.members[0].method = .max },
    BadArchive("stored, and larger than stored", .malformed, 110, "a.npy") {
      $0.members[0].byteCount = 7
    },
    BadArchive("stored, and smaller than stored", .malformed, 110, "a.npy") {
      $0.members[0].byteCount = 5
    },
    BadArchive("more than deflate can hold", .malformed, 161, "b.npy") {
      $0.members[1].byteCount = 11 * 1032
    },
    BadArchive("far more than deflate can hold", .malformed, 161, "b.npy") {
      $0.members[1].byteCount = .max
      $0.members[1].extra = ZipReaderTests.large([1 << 62])
    },
    BadArchive("a byte less than was said", .malformed, 86, "b.npy") {
      $0.members[1].byteCount = 6
    },
    BadArchive("a byte more than was said", .malformed, 86, "b.npy") {
      $0.members[1].byteCount = 4
    },
    BadArchive("bytes where none were said", .malformed, 82, "b.npy") {
      $0.members[1].byteCount = 0
    },
    BadArchive("another checksum, stored", .corrupted, 35, "a.npy") {
      $0.members[0].crc32 ^= 1 << 31
    },
    BadArchive("another checksum, deflated", .corrupted, 76, "b.npy") { $0.members[1].crc32 = 0 },
    BadArchive("a flipped bit, stored", at: 40, [0x0B], .corrupted, 35, "a.npy"),
    BadArchive("a flipped bit, deflated", at: 81, [0x76], .corrupted, 76, "b.npy"),
    BadArchive("bytes after the compressed ones", .malformed, 86, "b.npy") {
      $0.members[1].data += [0, 0]
    },
    BadArchive("compressed bytes that end early", .truncated, 85, "b.npy") {
      $0.members[1].data.removeLast()
    },
    BadArchive("compressed bytes without an end", .truncated, 86, "b.npy") {
      $0.members[1].data[0] = 0
    },
    BadArchive("no compressed bytes", .truncated, 76, "b.npy") {
      $0.members[1].data = []
      $0.members[1].byteCount = 0
    },
    BadArchive("a block of no kind", .corrupted, 77, "b.npy") { $0.members[1].data[0] = 7 },
    BadArchive("a block of contradictory lengths", .corrupted, 81, "b.npy") {
      $0.members[1].data[3] = 0
    },
  ]

  private func expectRefusal(_ archive: BadArchive) throws {
    let error = #expect(throws: FlywheelError.self) { try Self.readAll(archive.bytes) }
    #expect(error?.code == archive.code, "\(error.map(String.init(describing:)) ?? "")")
    #expect(error?.location.byteOffset == archive.offset)
    #expect(error?.location.tensor == archive.member)
    #expect(error?.location.path == "bad.zip")
  }

  @Test(arguments: badEnds)
  func `a bad end is refused`(_ archive: BadArchive) throws {
    try expectRefusal(archive)
  }

  @Test(arguments: badLargeEnds)
  func `a bad end of a large archive is refused`(_ archive: BadArchive) throws {
    try expectRefusal(archive)
  }

  @Test(arguments: badRecords)
  func `a bad directory is refused`(_ archive: BadArchive) throws {
    try expectRefusal(archive)
    #expect(throws: FlywheelError.self) { try Self.open(archive.bytes) }
  }

  @Test(arguments: badPlaces)
  func `members that overlap are refused`(_ archive: BadArchive) throws {
    try expectRefusal(archive)
    #expect(throws: FlywheelError.self) { try Self.open(archive.bytes) }
  }

  @Test(arguments: badMembers)
  func `a bad member is refused when it is read, and no other`(_ archive: BadArchive) throws {
    try expectRefusal(archive)
    let reader = try Self.open(archive.bytes)
    for entry in reader.entries where entry.name != archive.member { try reader.verify(entry) }
    let entry = try #require(archive.member.flatMap { reader.entry(named: $0) })
    let error = #expect(throws: FlywheelError.self) { try reader.contents(of: entry) }
    #expect(error?.code == archive.code, "\(error.map(String.init(describing:)) ?? "")")
    #expect(error?.location.byteOffset == archive.offset)
    #expect(error?.location.tensor == archive.member)
  }

  @Test(arguments: [
    "", "/", "/a", "//a", "..", "../a", "a/..", "a/../b", "a/b/../../../c", "a\\b", "\\\\host\\a",
    "..\\a", "C:/a", "c:/", "C:\\a", "a\0", "\0", "a\0b.npy",
  ])
  func `a name that leads elsewhere is refused`(_ name: String) throws {
    var builder = ZipReaderTests.builder
    builder.members[1].name = Array(name.utf8)
    let start = 81 + name.utf8.count + 51
    try expectRefusal(
      BadArchive(name, builder.build(), .malformed, UInt64(start + 46), name)
    )
  }

  @Test func `an archive cut off anywhere is refused`() throws {
    var wrong: [String] = []
    for archive in try Self.soundArchives() {
      for count in 0..<archive.count {
        do throws(FlywheelError) {
          try Self.readAll(Array(archive.prefix(count)))
          wrong.append("\(count) of \(archive.count) bytes were read")
        } catch {
          if error.code != .truncated && error.code != .malformed { wrong.append("\(error)") }
        }
      }
    }
    #expect(wrong == [])
  }

  @Test func `flipped bits are an error, or change nothing but names`() throws {
    var random = Philox(seed: 7, stream: 7)
    let codes: Set<FlywheelError.Code> = [.malformed, .corrupted, .truncated, .unsupported]
    var wrong: [String] = []
    var errors = 0
    for archive in try Self.soundArchives() {
      let expected = try Self.readAll(archive)
      for round in 0..<2500 {
        var bytes = archive
        for _ in 0...(round % 3) {
          bytes[Int(random.next() % UInt64(bytes.count))] ^= 1 << UInt8(random.next() % 8)
        }
        do throws(FlywheelError) {
          let contents = try Self.readAll(bytes)
          if contents != expected { wrong.append("round \(round) gave something else") }
        } catch {
          errors += 1
          if !codes.contains(error.code) { wrong.append("round \(round): \(error)") }
        }
      }
    }
    #expect(wrong == [])
    #expect(errors > 5000)
  }

  /// Archives of several kinds of member, by this writer and by others.
  private static func soundArchives() throws -> [[UInt8]] {
    let directory = try TemporaryDirectory()
    let text = Array(repeating: Array("some text, ".utf8), count: 30).flatMap(\.self)
    try ZipRoundTripTests.write(
      [
        .init(name: "stored", bytes: text),
        .init(name: "empty", bytes: []),
        .init(name: "folder/fast", bytes: text, compression: .fast),
        .init(name: "level", bytes: text, compression: .level(9)),
      ],
      to: directory.path.appending("a.zip")
    )
    var other = ZipReaderTests.builder
    other.large = .replacing
    other.members[0].descriptor = Array("PK\u{7}\u{8}".utf8) + Array(repeating: 0, count: 12)
    other.members[1].byteCount = .max
    other.members[1].extra = ZipReaderTests.large([5])
    return [try directory.read("a.zip"), ZipReaderTests.builder.build(), other.build()]
  }

  private static func open(_ bytes: [UInt8]) throws(FlywheelError) -> ZipReader {
    let storage = try Tensor(vector: bytes).storage
    return try ZipReader(storage, path: "bad.zip")
  }

  /// Every member's bytes, read in both ways.
  @discardableResult
  static func readAll(_ bytes: [UInt8]) throws(FlywheelError) -> [[UInt8]] {
    let reader = try open(bytes)
    var contents: [[UInt8]] = []
    for entry in reader.entries {
      try reader.verify(entry)
      contents.append(ZipReaderTests.array(try reader.contents(of: entry)))
    }
    return contents
  }
}
