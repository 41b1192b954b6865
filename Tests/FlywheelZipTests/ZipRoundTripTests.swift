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
  }

  static func write(
    _ members: [Member],
    to path: FilePath,
    pieceByteCount: Int = 100_000
  ) throws {
    var writer = try ZipWriter(replacing: path, durability: .cached)
    for member in members {
      try writer.write(
        member.name,
        byteCount: member.bytes.count,
        compression: member.compression,
        elementByteCount: 4
      ) { (take) throws(FlywheelError) in
        for start in stride(from: 0, to: member.bytes.count, by: pieceByteCount) {
          let bytes = member.bytes
          let end = min(start + pieceByteCount, bytes.count)
          try take(bytes.rawBytes.extracting(start..<end))
        }
      }
    }
    try writer.finish()
  }

  @Test func `what is written is read`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("a.zip")
    let noise = (0..<5_000_000).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) }
    let members: [Member] = [
      Member(name: "empty", bytes: []),
      Member(name: "a/b", bytes: Array("hello".utf8)),
      Member(name: "tiny", bytes: Array("hello".utf8), compression: .fast),
      Member(name: "zeros", bytes: Array(repeating: 0, count: 300_000), compression: .level(6)),
      Member(name: "é", bytes: Array(noise.prefix(700_001)), compression: .fast),
      Member(name: "large", bytes: noise, compression: .fast),
      Member(name: "largest", bytes: noise + noise.reversed(), compression: .level(1)),
      Member(name: "stored", bytes: noise),
    ]
    for size in [7_777_777, 1 << 20, 100_000, 1] {
      let part = size == 1 ? Array(members.prefix(4)) : members
      try Self.write(part, to: path, pieceByteCount: size)
      let reader = try ZipReader(opening: path)
      #expect(reader.entries.map(\.name) == part.map(\.name))
      for (entry, member) in zip(reader.entries, part) {
        let contents = try reader.contents(of: entry)
        #expect(contents.bytes.byteCount == member.bytes.count)
        let same = unsafe contents.bytes.withUnsafeBytes { unsafe $0.elementsEqual(member.bytes) }
        #expect(same, "\(member.name)")
        var streamed: [UInt8] = []
        try reader.read(entry) { piece in
          unsafe piece.withUnsafeBytes { unsafe streamed.append(contentsOf: $0) }
        }
        #expect(streamed == member.bytes)
        #expect(try reader.prefix(of: entry, count: 100) == Array(member.bytes.prefix(100)))
      }
    }
  }
}
