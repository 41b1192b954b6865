import FlywheelCore
import FlywheelTestSupport
import SystemPackage
import Testing

@testable import FlywheelZip

/// Archives by others, all of which Python's zipfile reads in the same way.
@Suite struct ZipReaderTests {
  /// An archive and what is in it.
  struct Archive: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]
    let names: [String]

    init(_ description: String, _ builder: ZipBuilder, names: [String]) {
      testDescription = description
      bytes = builder.build()
      self.names = names
    }

    init(_ description: String, _ change: (inout ZipBuilder) -> Void) {
      var builder = ZipReaderTests.builder
      change(&builder)
      self.init(description, builder, names: ["a.npy", "b.npy"])
    }
  }

  static let contents: [[UInt8]] = [Array("hello\n".utf8), Array("world".utf8)]
  static let builder = ZipBuilder([
    .init("a.npy", contents[0]), .deflated("b.npy", contents[1]),
  ])

  /// Sizes as large archives have them, in the extra field of a member.
  static func large(_ sizes: [UInt64], id: UInt16 = 1) -> [UInt8] {
    ZipBuilder.bytes(id) + ZipBuilder.bytes(UInt16(8 * sizes.count))
      + sizes.flatMap(ZipBuilder.bytes)
  }

  static let archives: [Archive] = [
    Archive("plain") { _ in },
    Archive("something in front of it") { $0.prefix = Array("#!/bin/sh\n".utf8) },
    Archive("a comment") { $0.comment = Array("a comment".utf8) },
    Archive("the longest comment") { $0.comment = Array(repeating: 0x20, count: 65_535) },
    Archive("an empty archive in its comment") {
      $0.comment = ZipBuilder([]).build() + Array("the end".utf8)
    },
    Archive("an empty archive at the end of its comment") { $0.comment = ZipBuilder([]).build() },
    Archive("half an end in its comment") { $0.comment = Array("PK\u{5}\u{6} and no more".utf8) },
    Archive("zeros after it") { $0.suffix = Array(repeating: 0, count: 1000) },
    Archive("something in front of it, a comment, and zeros after it") {
      $0.prefix = Array("in front".utf8)
      $0.comment = Array("a comment".utf8)
      $0.suffix = [0, 0]
    },
    Archive("the end of a large one, too") { $0.large = .repeating },
    Archive("only the end of a large one") { $0.large = .replacing },
    Archive("the end of a large one behind something else") {
      $0.large = .replacing
      $0.prefix = Array("in front".utf8)
    },
    Archive("extra fields, comments, padding") {
      $0.members[0].headerExtra = Array(repeating: 0, count: 33)
      $0.members[0].extra = [0x55, 0x54, 1, 0, 7, 0, 0]
      $0.members[0].comment = Array("PK\u{1}\u{2}".utf8)
      $0.members[1].extra = [0x75, 0x78, 0, 0]
    },
    Archive("data descriptors of every size") {
      $0.members[0].descriptor = Array(repeating: 1, count: 12)
      $0.members[1].descriptor = Array("PK\u{7}\u{8}".utf8) + Array(repeating: 1, count: 20)
    },
    Archive("sizes in a zip64 field") {
      $0.members[0].byteCount = .max
      $0.members[0].extra = large([6])
      $0.members[1].compressedByteCount = .max
      $0.members[1].headerOffset = .max
      $0.members[1].extra = large([1, 2], id: 7) + large([10, 41])
    },
    Archive("all in a zip64 field, and the disk") {
      $0.members[1].byteCount = .max
      $0.members[1].compressedByteCount = .max
      $0.members[1].headerOffset = .max
      $0.members[1].disk = .max
      $0.members[1].extra =
        [1, 0, 28, 0] + [5, 10, 41].flatMap { ZipBuilder.bytes($0 as UInt64) } + [0, 0, 0, 0]
    },
    Archive("a gap between members") { $0.members[0].descriptor = [1, 2, 3] },
    Archive("other flags, and other ones in a header") { $0.members[1].flags = 0x0006 },
    Archive("no more than 16 bits of a count") { $0.entryCount = 2 + 65_536 },
  ]

  @Test(arguments: archives)
  func `what zipfile reads is read`(_ archive: Archive) throws {
    let reader = try ZipReader(Self.storage(archive.bytes), path: "a.zip")
    #expect(reader.entries.map(\.name) == archive.names)
    for (name, content) in zip(archive.names, Self.contents) {
      let entry = try #require(reader.entry(named: name))
      #expect(entry.byteCount == content.count)
      #expect(try Self.array(reader.contents(of: entry)) == content)
      #expect(try reader.prefix(of: entry, count: 3) == Array(content.prefix(3)))
      #expect(try reader.prefix(of: entry, count: 300) == content)
      var pieces: [UInt8] = []
      try reader.read(entry) { piece in
        unsafe piece.withUnsafeBytes { unsafe pieces.append(contentsOf: $0) }
      }
      #expect(pieces == content)
      let range = try reader.storedRange(of: entry)
      #expect((range != nil) == (entry.method == .stored))
      if let range { #expect(Array(archive.bytes[range]) == content) }
    }
    #expect(reader.entry(named: "c.npy") == nil)
  }

  @Test func `an archive of nothing is read`() throws {
    for prefix in [[], Array("in front".utf8)] as [[UInt8]] {
      var builder = ZipBuilder([])
      builder.prefix = prefix
      #expect(try ZipReader(Self.storage(builder.build()), path: "a").entries.isEmpty)
      builder.large = .replacing
      #expect(try ZipReader(Self.storage(builder.build()), path: "a").entries.isEmpty)
    }
  }

  @Test func `members may lie in another order than the directory has them`() throws {
    var builder = Self.builder
    builder.members.append(.init("c", [1, 2, 3]))
    builder.members.swapAt(0, 2)
    var bytes = builder.build()
    // The directory's records of equal length change places.
    let start = bytes.count - 22 - 51 * 2 - 47
    let records = [start..<start + 47, start + 47..<start + 98, start + 98..<start + 149]
    bytes.replaceSubrange(start..<start + 149, with: records.reversed().flatMap { bytes[$0] })
    let reader = try ZipReader(Self.storage(bytes), path: "a")
    #expect(reader.entries.map(\.name) == ["a.npy", "b.npy", "c"])
    for entry in reader.entries { try reader.verify(entry) }
  }

  @Test(
    arguments: [
      ("plain", Array("plain".utf8), false), ("\u{e9}", [0xC3, 0xA9], true),
      // Not marked as UTF-8: code page 437, as zipfile takes it.
      ("\u{251c}\u{2310}", [0xC3, 0xA9], false), ("\u{c7}\u{a0}", [0x80, 0xFF], false),
      ("folder/", Array("folder/".utf8), false), ("a/.../b.", Array("a/.../b.".utf8), false),
      ("w:0", Array("w:0".utf8), false), ("..a/b..", Array("..a/b..".utf8), false),
      ("./a//b", Array("./a//b".utf8), true),
    ] as [(String, [UInt8], Bool)]
  )
  func `names are read as zipfile reads them`(_ name: String, _ bytes: [UInt8], _ isUTF8: Bool)
    throws
  {
    var member = ZipBuilder.Member("", [])
    member.name = bytes
    member.flags = isUTF8 ? 0x800 : 0
    let reader = try ZipReader(Self.storage(ZipBuilder([member]).build()), path: "a")
    let entry = try #require(reader.entries.first)
    #expect(entry.name == name)
    #expect(entry.isFolder == name.hasSuffix("/"))
    try reader.verify(entry)
  }

  @Test func `a file is recognised by its first bytes`() {
    let archive = Self.builder.build()
    let empty = ZipBuilder([]).build()
    let others: [[UInt8]] = [[], [0x50, 0x4B], Array("PK\u{1}\u{2}".utf8), Array("text".utf8)]
    for (bytes, isArchive) in [(archive, true), (empty, true)] + others.map({ ($0, false) }) {
      let isRecognized = ZipReader.recognizes(bytes.rawBytes)
      #expect(isRecognized == isArchive)
    }
  }

  @Test func `a checksum is not looked at if that is not wanted`() throws {
    var builder = Self.builder
    builder.members[0].crc32 ^= 1
    builder.members[1].crc32 ^= 1
    let reader = try ZipReader(Self.storage(builder.build()), path: "a")
    for (entry, content) in zip(reader.entries, Self.contents) {
      #expect(try Self.array(reader.contents(of: entry, verifiesChecksum: false)) == content)
      try reader.read(entry, verifiesChecksum: false) { _ in }
      #expect(throws: FlywheelError.self) { try reader.verify(entry) }
    }
  }

  static func storage(_ bytes: [UInt8]) throws -> TensorStorage {
    try Tensor(vector: bytes).storage
  }

  static func array(_ storage: TensorStorage) -> [UInt8] {
    unsafe storage.bytes.withUnsafeBytes { unsafe Array($0) }
  }
}
