import FlywheelCore
import FlywheelTestSupport
import SystemPackage
import Testing

@testable import FlywheelTorch

/// Small files that ask for a great deal of memory or time.
@Suite("Files of PyTorch that say more than they have bytes for")
struct TorchBoundsTests {
  private static func open(_ members: [ZipBuilder.Member]) throws -> TorchFile {
    let version = ZipBuilder.Member("a/version", Array("3\n".utf8))
    return try TorchFile(
      TorchBuilder.storage(ZipBuilder(members + [version]).build()),
      path: "a.pt"
    )
  }

  private static func address(_ tensor: Tensor?) -> UInt? {
    // Only compared, never followed.
    unsafe tensor?.bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
  }

  @Test("are refused if their pickle was compressed as none of a model can be")
  func compressedPickle() throws {
    let none: [UInt8] = [0x80, 2, 0x4E, 0x2E]
    #expect(try Self.open([.deflated("a/data.pkl", none)]).members().isEmpty)
    var bomb = ZipBuilder.Member.deflated("a/data.pkl", none)
    bomb.byteCount = (1 << 20) + 1
    let error = try #require(throws: FlywheelError.self) { try Self.open([bomb]) }
    #expect(error.code == .limitExceeded && error.location.path == "a.pt", "\(error)")
  }

  @Test("have a compressed storage in memory once, whatever is read between its tensors")
  func sharedStorages() throws {
    let pickle = SavedObject.dictionary([
      ("a", .tensor()), ("b", .tensor(.storage(key: "1"))),
      ("c", .tensor(extents: .tuple([3]), strides: .tuple([1]))),
      ("d", .tensor(.storage(key: "1"), extents: .tuple([1]), strides: .tuple([1]))),
    ]).pickled()
    let elements = (0..<24).map { UInt8($0) }
    let file = try Self.open([
      .init("a/data.pkl", pickle.bytes), .deflated("a/data/0", elements),
      .deflated("a/data/1", elements.reversed()),
    ])
    // All are held, so that no memory is used again.
    let tensors = try ["a", "b", "c", "d", "a", "b"].map { try file.tensor($0) }
    let places = tensors.map(Self.address)
    #expect(places[0] == places[2] && places[0] == places[4] && places[0] != nil)
    #expect(places[1] == places[3] && places[1] == places[5] && places[1] != nil)
    #expect(places[0] != places[1])
  }

  @Test("have a damaged storage that is inflated once, too")
  func damagedStorage() throws {
    let pickle = SavedObject.dictionary([("a", .tensor()), ("b", .tensor())]).pickled()
    var storage = ZipBuilder.Member.deflated("a/data/0", (0..<24).map { UInt8($0) })
    storage.crc32 ^= 1
    let file = try Self.open([.init("a/data.pkl", pickle.bytes), storage])
    for key in ["a", "b", "a"] {
      let error = try #require(throws: FlywheelError.self) { try file.tensor(key) }
      #expect(error.code == .corrupted && error.location.tensor == key, "\(error)")
    }
  }

  @Test("do not tell a long name of a storage for each tensor in it")
  func longStorageKeys() throws {
    let key = SavedObject.text(String(repeating: "0", count: 10_000))
    let tensor = SavedObject.tensor(.storage(key: key))
    let pickle = SavedObject.dictionary([("a", tensor), ("b", tensor)]).pickled()
    let file = try Self.open([.init("a/data.pkl", pickle.bytes)])
    for member in try file.members() {
      let error = try #require(throws: FlywheelError.self) { try member.array() }
      #expect(error.code == .limitExceeded && error.message.utf8.count < 300, "\(error)")
    }
  }

  @Test("do not tell the long name of a tensor for each that has its elements")
  func longNames() throws {
    let names = [String(repeating: "long ", count: 10_000), "b", "c"]
    let pickle = SavedObject.dictionary(names.map { (.text($0), .tensor()) }).pickled()
    let file = try Self.open([
      .init("a/data.pkl", pickle.bytes), .init("a/data/0", [UInt8](repeating: 0, count: 24)),
    ])
    let members = try file.members()
    #expect(members.map(\.twin) == [nil, names[0], names[0]])
    #expect(members.allSatisfy { $0.storage.utf8.count < 300 })
  }

  @Test("have tensors whose errors in the listing name file, tensor and byte")
  func places() throws {
    let pickle = SavedObject.dictionary([("a", .tensor()), ("b", .tensor())]).pickled()
    let file = try Self.open([.init("a/data.pkl", pickle.bytes), .init("a/data/0", [1, 2, 3])])
    for key in ["a", "b"] {
      for member in [try file.member(key), try file.members().first { $0.key == key }] {
        let error = try #require(throws: FlywheelError.self) { try member?.array() }
        #expect(error.location.path == "a.pt" && error.location.tensor == key, "\(error)")
        #expect(error.location.byteOffset != nil, "\(error)")
      }
    }
  }

  @Test(
    "say whether they have checksums",
    arguments: [
      ("adamw", true), ("adamw-stream", false), ("no-checksums", false), ("views-deflated", true),
    ]
  )
  func checksums(name: String, hasChecksums: Bool) throws {
    #expect(try TorchFile(path: TorchFixtures.path(name)).hasChecksums == hasChecksums)
    let unverified = try TorchFile(path: TorchFixtures.path(name), verifiesChecksums: false)
    #expect(!unverified.hasChecksums)
  }
}
