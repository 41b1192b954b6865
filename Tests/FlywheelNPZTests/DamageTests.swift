import FlywheelCore
import FlywheelDeflate
import FlywheelTestSupport
import FlywheelZip
import SystemPackage
import Testing

@testable import FlywheelNPZ

@Suite("Damaged .npy and .npz files")
struct DamageTests {
  private static func storage(_ bytes: [UInt8]) throws -> TensorStorage {
    try unsafe TensorStorage(byteCount: bytes.count) { (target) throws(FlywheelError) in
      unsafe target.copyBytes(from: bytes)
    }
  }

  private static func bytes(_ span: RawSpan) -> [UInt8] {
    unsafe span.withUnsafeBytes { unsafe [UInt8]($0) }
  }

  /// Reads all that can be read, in both ways.
  ///
  /// - Returns: The bytes of each array that could be.
  private static func readAll(_ file: any ArchiveReader) throws -> [String: [UInt8]] {
    var found: [String: [UInt8]] = [:]
    _ = try file.metadata()
    for member in try file.members() {
      guard let array = try? member.array() else { continue }
      var pieces: [UInt8] = []
      let isRead =
        (try? file.read(member.key) { (piece) throws(FlywheelError) in
          pieces += bytes(piece)
        }) != nil
      if isRead {
        #expect(pieces.count == array.byteCount)
        found[member.key] = pieces
      }
      if let tensor = try? file.tensor(member.key) {
        let elements = bytes(tensor.bytes)
        #expect(!isRead || elements == pieces)
        found[member.key] = elements
      }
    }
    return found
  }

  private static let good: [String: [UInt8]] = [
    "row-major": npy(descr: "'<f4'", shape: "(3, 5)", then: Array(0..<60)),
    "fortran": npy(descr: "'>c8'", order: "True", shape: "(3, 2)", then: Array(0..<48)),
    "truth": npy(descr: "'|b1'", shape: "(2, 4)", then: [0, 1, 1, 0, 0, 1, 0, 1]),
    "record": npy(
      descr: "[('a', '<f4'), (('t', 'b'), '|S3', (2,))]",
      shape: "(2,)",
      then: Array(0..<20)
    ),
    "date": npy(descr: "'<M8[25s]'", shape: "()", then: Array(0..<8)),
  ]

  private static func archive(_ compression: Compression) throws -> [UInt8] {
    let directory = try TemporaryDirectory()
    var zip = try ZipWriter(replacing: directory.path.appending("a.npz"), durability: .cached)
    for (key, bytes) in good.sorted(by: { $0.key < $1.key }) {
      try zip.write(key + ".npy", byteCount: bytes.count, compression: compression) {
        (body) throws(FlywheelError) in
        try body(bytes.rawBytes)
      }
    }
    try zip.finish()
    return try directory.read("a.npz")
  }

  @Test("A .npy file that is cut anywhere is refused", arguments: good.keys.sorted())
  func cutArray(name: String) throws {
    let bytes = try #require(Self.good[name])
    for count in 0..<bytes.count {
      let storage = try Self.storage(Array(bytes[..<count]))
      let error = #expect(throws: FlywheelError.self) { _ = try NPYFile(storage, path: "a.npy") }
      #expect(error?.code == .truncated, "\(count)")
      #expect((error?.location.byteOffset).map { $0 <= UInt64(count) } == true, "\(count)")
    }
  }

  @Test("An .npz file that is cut anywhere is refused", arguments: [Compression.none, .fast])
  func cutArchive(compression: Compression) throws {
    let bytes = try Self.archive(compression)
    for count in 0..<bytes.count {
      let storage = try Self.storage(Array(bytes[..<count]))
      #expect(throws: FlywheelError.self) { _ = try NPZFile(storage, path: "a.npz") }
    }
  }

  @Test("A .npy file with changed bytes is read or refused", arguments: good.keys.sorted())
  func changedArray(name: String) throws {
    let bytes = try #require(Self.good[name])
    var random = Philox(seed: 11, stream: UInt64(name.utf8.count))
    for _ in 0..<1_500 {
      var changed = bytes
      for _ in 0...(random.next() % 3) {
        let place = Int(random.next() % UInt64(bytes.count))
        changed[place] = UInt8(truncatingIfNeeded: random.next())
      }
      guard let file = try? NPYFile(Self.storage(changed), path: "a.npy") else { continue }
      let found = try Self.readAll(file)
      #expect(found.values.allSatisfy { $0.count < changed.count })
    }
  }

  @Test(
    "An .npz file with changed bytes gives the same arrays or none",
    arguments: [
      Compression.none, .fast,
    ]
  )
  func changedArchive(compression: Compression) throws {
    let bytes = try Self.archive(compression)
    let whole = try Self.readAll(NPZFile(Self.storage(bytes), path: "a.npz"))
    #expect(whole.count == Self.good.count)
    var random = Philox(seed: 12, stream: compression == .none ? 0 : 1)
    for _ in 0..<2_000 {
      var changed = bytes
      let place = Int(random.next() % UInt64(bytes.count))
      changed[place] ^= 1 << UInt8(random.next() % 8)
      guard let file = try? NPZFile(Self.storage(changed), path: "a.npz") else { continue }
      for (key, elements) in try Self.readAll(file) {
        // A changed name is another name, in both of its places.
        #expect(whole[key] == nil || whole[key] == elements, "\(key), byte \(place)")
      }
    }
  }

  /// A member that is no array: its bytes, why, and where in it.
  struct Refusal: CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]
    let code: FlywheelError.Code
    let offset: UInt64?

    init(_ name: String, _ bytes: [UInt8], _ code: FlywheelError.Code, _ offset: UInt64?) {
      testDescription = name
      self.bytes = bytes
      self.code = code
      self.offset = offset
    }
  }

  static let refusals = [
    Refusal("nothing", [], .truncated, 0),
    Refusal("half a signature", [0x93, 0x4E], .truncated, 2),
    Refusal("text", Array("hello, world".utf8), .malformed, 0),
    Refusal("a newer version", npy("{}", version: 4), .unsupported, 6),
    Refusal("a header beyond the end", Array(npy("{'descr': '<f4'").dropLast()), .truncated, 10),
    Refusal(
      "a header of 4 GiB",
      [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 2, 0, 255, 255, 255, 255],
      .limitExceeded,
      8
    ),
    Refusal(
      "a long header that is cut",
      Array(npy(String(repeating: " ", count: 900)).prefix(700)),
      .truncated,
      10
    ),
    Refusal("a long header of spaces", npy(String(repeating: " ", count: 900)), .malformed, 910),
    Refusal(
      "one byte too few",
      npy(descr: "'<f8'", shape: "(2,)", then: Array(0..<15)),
      .truncated,
      68
    ),
    Refusal("a terabyte", npy(descr: "'<f8'", shape: "(137438953472,)"), .truncated, 79),
    Refusal(
      "exabytes",
      npy(descr: "'<f8'", shape: "(4611686018427387904, 4)"),
      .limitExceeded,
      60
    ),
    Refusal(
      "objects",
      npy(descr: "'|O'", shape: "(1,)", then: [0x80, 4, 0x4E, 0x2E]),
      .unsupported,
      20
    ),
    Refusal("objects in records", npy(descr: "[('a', 'O')]", shape: "(1,)"), .unsupported, 27),
    Refusal("truth values of 2", npy(descr: "'|b1'", shape: "(2,)", then: [1, 2]), .malformed, 69),
    Refusal(
      "truth values of 2 in Fortran's order",
      npy(descr: "'|b1'", order: "True", shape: "(2, 2)", then: [1, 0, 1, 255]),
      .malformed,
      72
    ),
    Refusal(
      "opaque elements",
      npy(descr: "'|S2'", shape: "(1,)", then: [65, 0]),
      .unsupported,
      nil
    ),
  ]

  @Test(
    "Members that are no arrays are refused, with their place",
    arguments: refusals,
    [
      Compression.none, .level(6),
    ]
  )
  func refused(refusal: Refusal, compression: Compression) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("a.npz")
    var zip = try ZipWriter(replacing: path, durability: .cached)
    try zip.write("a.npy", byteCount: refusal.bytes.count, compression: compression) {
      (body) throws(FlywheelError) in
      try body(refusal.bytes.rawBytes)
    }
    try zip.finish()
    let file = try NPZFile(path: path)
    let error = try #require(throws: FlywheelError.self) { try file.tensor("a") }
    #expect(error.code == refusal.code, "\(error)")
    #expect(error.location.byteOffset == refusal.offset, "\(error)")
    #expect(error.location.tensor == "a")
    #expect(error.location.path == path)
    if refusal.testDescription != "opaque elements" {
      #expect(throws: FlywheelError.self) { try file.read("a") { _ in } }
    }
    #expect(try file.members().count == 1)
  }

  @Test("Nested brackets without end cost no stack")
  func nesting() throws {
    for open in ["(", "[", "{'a':", "[('a',", "{"] {
      let bytes = npy(String(repeating: open, count: 12_000), version: 2)
      let error = #expect(throws: FlywheelError.self) {
        _ = try NPYFile(Self.storage(bytes), path: "a.npy")
      }
      #expect(error?.code == .limitExceeded)
    }
  }
}
