import FlywheelCore
import FlywheelKeras
import FlywheelTestSupport
import OrderedCollections
import SystemPackage
import Testing

@Suite("Files that no Keras writes")
struct HostileFileTests {
  static let folder = KerasArchiveReaderTests.folder.appending("hostile")

  /// How a file of `Tests/Python/keras_hostile.py` ends.
  struct End: Sendable, CustomTestStringConvertible {
    var file: String
    /// The code of its error, or `reads`.
    var code: String
    /// Where the error is, in the file or in its document.
    var offset: UInt64?

    var testDescription: String { file }
  }

  static let ends: [End] = {
    guard let bytes = try? OpenFile.contents(of: folder.appending("expected.json")),
      case .object(let files)? = try? JSONValue(parsing: bytes)
    else { return [] }
    return files.compactMap { file, end in
      guard case .array(let parts) = end, case .string(let code)? = parts.first else { return nil }
      let offset: UInt64? = if case .integer(let byte)? = parts.last { UInt64(byte) } else { nil }
      return End(file: file, code: code, offset: offset)
    }
  }()

  /// Reads all that is in a file.
  static func readAll(_ path: FilePath) throws(FlywheelError) {
    let reader = try KerasArchiveReader(opening: path)
    _ = try reader.metadata()
    for member in try reader.members() {
      _ = try member.array()
      _ = try reader.tensor(member.key)
      try reader.read(member.key) { _ in }
    }
  }

  @Test("There are some")
  func some() { #expect(Self.ends.count > 60 && Self.ends.count { $0.offset != nil } > 12) }

  @Test("Each is refused with its code, its name and its place, or read", arguments: ends)
  func isRefused(end: End) {
    let path = Self.folder.appending(end.file)
    do throws(FlywheelError) {
      try Self.readAll(path)
      #expect(end.code == "reads")
    } catch {
      #expect(error.code.rawValue == end.code, "\(error)")
      #expect(error.location.byteOffset == end.offset, "\(error)")
      #expect(error.location.path?.removingLastComponent() == Self.folder, "\(error)")
    }
  }

  @Test("What cannot be named for certain keeps its path in the file")
  func unnamed() throws {
    func names(_ file: String) throws -> Set<String> {
      Set(try KerasArchiveReader(opening: Self.folder.appending(file)).members().map(\.key))
    }
    let raw: Set = [
      "layers/dense/vars/0", "layers/dense/vars/1", "optimizer/vars/0", "optimizer/vars/1",
      "optimizer/vars/2", "optimizer/vars/3",
    ]
    #expect(
      try names("layers-are-an-object.keras")
        == raw.subtracting(["optimizer/vars/0", "optimizer/vars/1"])
        .union(["optimizer/iteration", "optimizer/learning_rate"])
    )
    let named: Set = ["layers/dense/kernel", "layers/dense/bias"]
    #expect(
      try names("other-shape.keras")
        == named.union([
          "optimizer/iteration", "optimizer/learning_rate", "optimizer/vars/2", "optimizer/vars/3",
        ])
    )
    #expect(try names("optimizer-is-a-text.keras") == named.union(raw.filter { $0.hasPrefix("o") }))
    #expect(try names("two-of-one-name.keras").isSuperset(of: ["layers/dense_1/vars/0"]))
    #expect(
      try names("same-names.h5").isSuperset(of: [
        "optimizer_weights/sgd/iteration", "optimizer_weights/other/iteration",
        "optimizer/momentum/dense/kernel",
      ])
    )
  }

  @Test(
    "A document that is broken is refused by its name, not passed over",
    arguments: [
      ("second-comma.keras", "config.json"), ("versions-cut.keras", "metadata.json"),
      ("model-cut.h5", "model_config"), ("training-is-a-list.h5", "training_config"),
    ]
  )
  func documents(file: String, name: String) throws {
    let path = Self.folder.appending(file)
    let error = try #require(throws: FlywheelError.self) { try KerasArchiveReader(opening: path) }
    #expect(error.location.tensor == name && error.location.path == path)
    #expect(error.isDamage)
  }

  @Test("A broken document in the directory of an archive is refused by its path")
  func inDirectory() throws {
    let temporary = try TemporaryDirectory()
    let whole = try OpenFile.contents(of: Self.folder.appending("shard.h5"))
    for (name, content) in [
      ("config.json", Array("{}".utf8)), ("metadata.json", Array("{,}".utf8)),
      ("model.weights.h5", whole),
    ] { _ = try temporary.write(content, to: name) }
    let error = try #require(throws: FlywheelError.self) {
      try KerasArchiveReader(opening: temporary.path)
    }
    #expect(error.code == .malformed && error.location.byteOffset == 1)
    #expect(error.location.path == temporary.path.appending("metadata.json"))
  }

  @Test("Numbers that JSON has no words for do not keep a model from its names")
  func wordsForNumbers() throws {
    let path = Self.folder.appending("numbers-that-are-words.keras")
    let reader = try KerasArchiveReader(opening: path)
    #expect(try reader.members().map(\.key).contains("optimizer/momentum/dense/kernel"))
    guard case .string(let text)? = try reader.metadata().attributes[""]?["config.json"] else {
      Issue.record("no text")
      return
    }
    #expect(text.contains(#"[NaN, -Infinity, "NaN"]"#))
  }

  @Test("A file that is cut anywhere is refused", arguments: ["adam.keras", "adam.h5"])
  func cut(file: String) throws {
    let bytes = try OpenFile.contents(of: KerasArchiveReaderTests.folder.appending(file))
    let temporary = try TemporaryDirectory()
    for count in stride(from: 0, to: bytes.count, by: 211) {
      let path = try temporary.write(Array(bytes[..<count]), to: file)
      #expect(throws: FlywheelError.self, "\(count)") { try Self.readAll(path) }
    }
  }

  @Test("A flipped byte of an archive is an error, or changes nothing")
  func flipped() throws {
    let original = KerasArchiveReaderTests.folder.appending("adam.keras")
    let bytes = try OpenFile.contents(of: original)
    let reader = try KerasArchiveReader(opening: original)
    let sums = try reader.members().map { try reader.tensor($0.key)?.crc32 }
    let temporary = try TemporaryDirectory()
    var random = Philox(seed: 14, stream: 0)
    for _ in 0..<200 {
      var changed = bytes
      changed[Int(random.next() % UInt64(bytes.count))] ^= 1 << UInt8(random.next() % 8)
      let path = try temporary.write(changed, to: "flipped.keras")
      guard let reader = try? KerasArchiveReader(opening: path) else { continue }
      #expect(try reader.members().map { try reader.tensor($0.key)?.crc32 } == sums)
    }
  }
}
