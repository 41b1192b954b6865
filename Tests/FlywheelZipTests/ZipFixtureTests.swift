import FlywheelCore
import FlywheelTestSupport
import SystemPackage
import Testing

@testable import FlywheelZip

/// Archives of other programs, made by `Tests/Python/make_zip_fixtures.py`.
@Suite struct ZipFixtureTests {
  /// Found from where this file lies.
  static let directory = FilePath("\(#filePath)").removingLastComponent().removingLastComponent()
    .appending("Fixtures").appending("zip")

  static let contents: [(name: String, bytes: [UInt8])] = [
    ("numbers.bin", (0..<500).map { UInt8($0 * $0 % 251) }),
    ("folder/text", Array(repeating: Array("some text, ".utf8), count: 20).flatMap(\.self)),
    ("empty", []),
  ]

  @Test func `what other programs write is read`() throws {
    let names = try FileSystem.names(in: Self.directory)
    #expect(names.count == 15)
    for name in names {
      let reader = try ZipReader(opening: Self.directory.appending(name))
      for (member, bytes) in Self.contents {
        // PyTorch puts all into a folder.
        let entry = reader.entry(named: member) ?? reader.entry(named: "torch/\(member)")
        let contents = try reader.contents(of: try #require(entry, "\(name): \(member)"))
        #expect(ZipReaderTests.array(contents) == bytes, "\(name): \(member)")
      }
      for entry in reader.entries { try reader.verify(entry) }
    }
  }

  @Test func `flipped bits in them are an error, or change nothing but names`() throws {
    var random = Philox(seed: 7, stream: 8)
    var wrong: [String] = []
    for name in try FileSystem.names(in: Self.directory) {
      let archive = try OpenFile.contents(of: Self.directory.appending(name))
      let expected = try ZipDamageTests.readAll(archive)
      for _ in 0..<500 {
        var bytes = archive
        bytes[Int(random.next() % UInt64(bytes.count))] ^= 1 << UInt8(random.next() % 8)
        do throws(FlywheelError) {
          let contents = try ZipDamageTests.readAll(bytes)
          if contents != expected { wrong.append("\(name) gave something else") }
        } catch {
          if !error.isDamage && error.code != .unsupported { wrong.append("\(name): \(error)") }
        }
      }
    }
    #expect(wrong == [])
  }
}
