import FlywheelCore
import FlywheelKeras
import FlywheelTestSupport
import OrderedCollections
import SystemPackage
import Testing

@Suite("Files that no Keras writes")
struct HostileFileTests {
  static let folder = KerasArchiveReaderTests.folder.appending("hostile")

  /// Each file of `Tests/Python/keras_hostile.py`, and the code of its error, or `reads`.
  static let codes: [(file: String, code: String)] = {
    guard let bytes = try? OpenFile.contents(of: folder.appending("expected.json")),
      case .object(let files)? = try? JSONValue(parsing: bytes)
    else { return [] }
    return files.map { file, code in
      if case .string(let text) = code { (file, text) } else { (file, "") }
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
  func some() { #expect(Self.codes.count > 50) }

  @Test("Each is refused with its code and its name, or read", arguments: codes)
  func ends(file: String, code: String) {
    let path = Self.folder.appending(file)
    do throws(FlywheelError) {
      try Self.readAll(path)
      #expect(code == "reads")
    } catch {
      #expect(error.code.rawValue == code, "\(error)")
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
    for file in ["not-json.keras", "null-json.keras", "deep-json.keras"] {
      #expect(try names(file) == raw, "\(file)")
    }
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
