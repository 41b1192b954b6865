import FlywheelCore
import FlywheelDeflate
import FlywheelTestSupport
import SystemPackage
import Testing

@testable import FlywheelZip

@Suite struct ZipRoundTripTests {
  /// A member as the tests write it.
  struct Member: Sendable {
    var name: String
    var bytes: [UInt8]
    var compression = Compression.none
    var knowsChecksum = false
  }

  static func write(
    _ members: [Member],
    to path: FilePath,
    pieceByteCount: Int = 100_000
  ) throws {
    var writer = try ZipWriter(replacing: path, durability: .cached)
    for member in members {
      let bytes = member.bytes
      try writer.write(
        member.name,
        byteCount: bytes.count,
        crc32: member.knowsChecksum ? CRC32.checksum(bytes.rawBytes) : nil,
        compression: member.compression,
        elementByteCount: 4
      ) { (take) throws(FlywheelError) in
        for start in stride(from: 0, to: bytes.count, by: pieceByteCount) {
          let end = min(start + pieceByteCount, bytes.count)
          try take(bytes.rawBytes.extracting(start..<end))
        }
      }
    }
    try writer.finish()
  }

  /// What is hardly compressible, but not noise either.
  static func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13 & 0x7F) }
  }

  private static let members: [Member] = {
    let block = ParallelDeflater.blockByteCount
    let large = bytes(5 * block + 77)
    return [
      Member(name: "empty", bytes: []),
      Member(name: "empty, compressed", bytes: [], compression: .fast),
      Member(name: "folder/tiny", bytes: Array("tiny".utf8)),
      Member(name: "tiny, compressed", bytes: Array("tiny".utf8), compression: .fast),
      Member(name: "zeros", bytes: Array(repeating: 0, count: 9_999), compression: .level(9)),
      Member(name: "stored", bytes: Array(large.prefix(300_001))),
      Member(name: "a block", bytes: Array(large.prefix(block)), compression: .fast),
      Member(name: "a block and a byte", bytes: Array(large.prefix(block + 1)), compression: .fast),
      Member(name: "blocks", bytes: Array(large.prefix(4 * block)), compression: .fast),
      Member(name: "many blocks", bytes: large, compression: .fast, knowsChecksum: true),
      Member(name: "\u{e9}", bytes: Array(large.prefix(2 * block)), compression: .level(1)),
      Member(name: "known", bytes: Array(large.prefix(500)), knowsChecksum: true),
    ]
  }()

  @Test func `what is written is read, and is the same however its pieces come`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("a.zip")
    let block = ParallelDeflater.blockByteCount
    var archives: [[UInt8]] = []
    for size in [.max, block, block - 1, 999_999, 70_000, 4_321] {
      try Self.write(Self.members, to: path, pieceByteCount: min(size, 1 << 40))
      archives.append(try directory.read("a.zip"))
    }
    #expect(archives.dropFirst().allSatisfy { $0 == archives.first })

    let reader = try ZipReader(opening: path)
    #expect(reader.entries.map(\.name) == Self.members.map(\.name))
    for member in Self.members {
      let entry = try #require(reader.entry(named: member.name))
      #expect(ZipReaderTests.array(try reader.contents(of: entry)) == member.bytes)
      var streamed: [UInt8] = []
      try reader.read(entry) { piece in
        unsafe piece.withUnsafeBytes { unsafe streamed.append(contentsOf: $0) }
      }
      #expect(streamed == member.bytes)
      #expect(try reader.prefix(of: entry, count: 100) == Array(member.bytes.prefix(100)))
      if let range = try reader.storedRange(of: entry), !member.bytes.isEmpty {
        #expect(range.lowerBound % 64 == 0)
      }
      #expect(entry.compressedByteCount <= member.bytes.count)
    }
  }

  @Test func `many small members are compressed together, in their order`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("a.zip")
    let bytes = Self.bytes(40_000)
    let members = (0..<300).map { index in
      Member(
        name: "\(index)",
        bytes: Array(bytes.prefix(index * 7919 % 40_000)),
        compression: index % 50 == 49 ? .none : index % 3 == 0 ? .level(1) : .fast,
        knowsChecksum: index % 2 == 0
      )
    }
    try Self.write(members, to: path)
    let reader = try ZipReader(opening: path)
    #expect(reader.entries.map(\.name) == members.map(\.name))
    let isSame = try zip(reader.entries, members).allSatisfy { entry, member in
      try ZipReaderTests.array(reader.contents(of: entry)) == member.bytes
    }
    #expect(isSame)
  }
}
