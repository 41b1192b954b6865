import FlywheelCore
import FlywheelKeras
import OrderedCollections
import SystemPackage
import Testing

@Suite("Files that Keras wrote")
struct KerasArchiveReaderTests {
  static let folder = FilePath(#filePath).removingLastComponent().removingLastComponent()
    .appending("Fixtures/keras")

  /// What `Tests/Python/make_keras_fixtures.py` asked Keras for.
  static func expected() throws -> OrderedDictionary<String, JSONValue> {
    let bytes = try OpenFile.contents(of: folder.appending("expected.json"))
    guard case .object(let files) = try JSONValue(parsing: bytes) else { return [:] }
    return files
  }

  @Test(
    "A .keras archive has a checksum, other files of Keras have none",
    arguments: [("adam.keras", true), ("adam.h5", false), ("weights.h5", false)]
  )
  func checksums(name: String, hasChecksums: Bool) throws {
    let reader = try KerasArchiveReader(opening: Self.folder.appending(name))
    #expect(reader.hasChecksums == hasChecksums)
  }

  @Test(
    "Every variable has Keras's name for it, and its value",
    arguments: [
      "adam.keras", "adam.h5", "weights.h5", "layered.keras", "layered.h5", "tensorflow-2.15.h5",
      "tensorflow-2.10.h5",
    ]
  )
  func contents(file: String) throws {
    guard case .object(let arrays)? = try Self.expected()[file] else {
      Issue.record("expected.json does not know \(file)")
      return
    }
    let path = Self.folder.appending(file)
    #expect(KerasFile.recognizes(path))
    let reader = try KerasArchiveReader(opening: path)
    let members = try reader.members()
    #expect(Set(members.map(\.key)) == Set(arrays.keys))
    let tensors = try reader.tensors(members.map(\.key))
    for (member, tensor) in zip(members, tensors) {
      var facts = try JSONObject(#require(arrays[member.key]))
      let found = try #require(tensor)
      #expect(found.dtype.rawValue == (try facts.string("dtype")))
      #expect(found.shape.extents == (try facts.integers("shape")))
      #expect(Int(found.crc32) == (try facts.integer("crc32")))
      var crc: UInt32 = 0
      try reader.read(member.key) { crc = CRC32.checksum($0, continuing: crc) }
      #expect(crc == found.crc32)
      #expect(try reader.member(member.key)?.array() == member.array())
    }
  }

  @Test(
    "The model's order is the file's",
    arguments: ["adam.keras", "adam.h5", "layered.keras", "layered.h5"]
  )
  func order(file: String) throws {
    guard case .object(let arrays)? = try Self.expected()[file] else { return }
    let reader = try KerasArchiveReader(opening: Self.folder.appending(file))
    #expect(try reader.members().map(\.key) == Array(arrays.keys))
  }

  @Test("The documents of model and training are attributes, and lists are none")
  func metadata() throws {
    let archive = try KerasArchiveReader(opening: Self.folder.appending("adam.keras")).metadata()
    #expect(archive.attributes.keys == [""])
    #expect(archive.attributes[""]?.keys == ["config.json", "metadata.json"])
    #expect(archive.emptyGroups.isEmpty && archive.obstacles.isEmpty)
    let legacy = try KerasArchiveReader(opening: Self.folder.appending("adam.h5")).metadata()
    #expect(legacy.attributes.keys == [""])
    #expect(
      legacy.attributes[""].map { Set($0.keys) }
        == ["backend", "keras_version", "model_config", "training_config"]
    )
    #expect(legacy.emptyGroups.isEmpty && legacy.obstacles.isEmpty)
    let weights = try KerasArchiveReader(opening: Self.folder.appending("weights.h5")).metadata()
    #expect(weights.attributes[""].map { Set($0.keys) } == ["backend", "keras_version"])
  }

  @Test("A name that is none gives nothing, or an error where there must be something")
  func missing() throws {
    let reader = try KerasArchiveReader(opening: Self.folder.appending("adam.keras"))
    #expect(try reader.member("layers/dense/vars/0") == nil)
    #expect(try reader.tensor("layers/dense") == nil)
    #expect(
      try reader.tensors(["x", "layers/dense/bias"]).map { $0?.shape.extents } == [nil, [5]]
    )
    let error = #expect(throws: FlywheelError.self) { try reader.read("x") { _ in } }
    #expect(error?.code == .notFound)
  }
}
