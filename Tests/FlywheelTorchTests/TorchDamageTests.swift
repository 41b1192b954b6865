import FlywheelCore
import SystemPackage
import Testing

@testable import FlywheelTorch

@Suite("Damaged files of PyTorch")
struct TorchDamageTests {
  static let names = ["adamw", "adamw-stream", "views-deflated", "big-endian", "signs"]
  static let smallNames = ["tensor", "old-view", "list", "signs"]

  private static func bytes(_ span: RawSpan) -> [UInt8] {
    unsafe span.withUnsafeBytes { unsafe [UInt8]($0) }
  }

  /// Reads all that can be read, in both ways.
  ///
  /// - Returns: The bytes of each tensor that could be.
  private static func readAll(_ file: TorchFile) throws -> [String: [UInt8]] {
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
        #expect(!isRead || bytes(tensor.bytes) == pieces)
        found[member.key] = bytes(tensor.bytes)
      }
    }
    return found
  }

  private static func open(_ bytes: [UInt8]) throws -> TorchFile {
    try TorchFile(TorchBuilder.storage(bytes), path: "a.pt")
  }

  @Test("are refused wherever they are cut", arguments: smallNames)
  func cut(name: String) throws {
    let bytes = try TorchFixtures.bytes(name)
    for count in 0..<bytes.count {
      let error = #expect(throws: FlywheelError.self) { try Self.open(Array(bytes[..<count])) }
      #expect(error?.isDamage == true || error?.code == .unsupported, "\(count)")
    }
  }

  @Test("give the same tensors or none if they have checksums", arguments: names)
  func changed(name: String) throws {
    let bytes = try TorchFixtures.bytes(name)
    let whole = try Self.readAll(Self.open(bytes))
    #expect(!whole.isEmpty)
    var random = Philox(seed: 21, stream: UInt64(name.utf8.count))
    for _ in 0..<400 {
      var changed = bytes
      let place = Int(random.next() % UInt64(bytes.count))
      changed[place] ^= 1 << UInt8(random.next() % 8)
      guard let file = try? Self.open(changed) else { continue }
      for (key, elements) in try Self.readAll(file) where !name.contains("stream") {
        #expect(whole[key] == elements, "\(key), byte \(place)")
      }
    }
  }

  @Test("are read or refused with their pickle changed", arguments: names)
  func changedPickle(name: String) throws {
    // The old format has no checksum that would refuse a change before anything looks at it.
    let bytes = try TorchFixtures.bytes(name)
    var random = Philox(seed: 22, stream: UInt64(name.utf8.count))
    for _ in 0..<400 {
      var changed = bytes
      for _ in 0...(random.next() % 3) {
        changed[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
      }
      let storage = try TorchBuilder.storage(changed)
      let opened = try? TorchFile(storage, path: "a.pt", verifiesChecksums: false)
      guard let file = opened else { continue }
      let found = try Self.readAll(file)
      #expect(found.values.allSatisfy { $0.count < 1 << 20 })
    }
  }
}
