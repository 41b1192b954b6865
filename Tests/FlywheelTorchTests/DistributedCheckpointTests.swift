import FlywheelCore
import FlywheelTestSupport
import OrderedCollections
import SystemPackage
import Testing

@testable import FlywheelTorch

/// The directories in Tests/Fixtures/dcp, made by `Tests/Python/make_distributed_fixtures.py`; every tensor of
/// theirs counts from 0.
@Suite("Distributed checkpoints")
struct DistributedCheckpointTests {
  private static let directory = FilePath("\(#filePath)").removingLastComponent()
    .removingLastComponent().appending("Fixtures").appending("dcp")

  private static let types: OrderedDictionary<String, (DType, [Int])> = [
    "model.rows.weight": (.float32, [7, 5]), "model.columns.weight": (.float32, [4, 6]),
    "model.blocks.weight": (.float32, [5, 7, 2]), "model.few": (.float32, [1, 3]),
    "model.half": (.bfloat16, [9]), "model.whole": (.int64, [2, 3]),
    "model.scalar": (.float32, []), "optim.state.rows.weight.exp_avg": (.float32, [7, 5]),
    "optim.state.few.step": (.float32, []), "optim.state.rows.weight.step": (.int64, []),
  ]

  /// A copy of a directory, with files changed.
  private static func copy(
    of name: String,
    changing change: (String, inout [UInt8]) -> Void
  ) throws -> TemporaryDirectory {
    let copy = try TemporaryDirectory()
    for file in try FileSystem.names(in: directory.appending(name)) {
      var bytes = try OpenFile.contents(of: directory.appending(name).appending(file))
      change(file, &bytes)
      let target = try OpenFile(creating: copy.path.appending(file))
      try target.write(bytes.rawBytes)
    }
    return copy
  }

  @Test("What several processes saved is read as whole tensors", arguments: ["alone", "together"])
  func tensors(name: String) throws {
    let checkpoint = try DistributedCheckpoint(path: Self.directory.appending(name))
    #expect(Set(try checkpoint.members().map(\.key)) == Set(Self.types.keys))
    for (key, (dtype, extents)) in Self.types {
      let tensor = try #require(try checkpoint.tensor(key))
      #expect(tensor.dtype == dtype, "\(key)")
      #expect(tensor.shape.extents == extents, "\(key)")
      let description = try checkpoint.member(key)?.array()
      #expect(description == TensorDescription(of: tensor), "\(key)")
      let found = try tensor.converted(to: .float64).elements(as: Double.self)
      let isStep = key.hasSuffix("rows.weight.step")
      #expect(found == (isStep ? [3] : (0..<found.count).map(Double.init)), "\(key)")
      var pieces: [UInt8] = []
      try checkpoint.read(key) { piece in
        pieces += unsafe piece.withUnsafeBytes { unsafe [UInt8]($0) }
      }
      #expect(unsafe tensor.bytes.withUnsafeBytes { unsafe [UInt8]($0) } == pieces, "\(key)")
    }
    let all = try checkpoint.tensors(Array(Self.types.keys) + ["absent"])
    #expect(all.last.map { $0 == nil } == true)
    #expect(all.dropLast().allSatisfy { $0 != nil })
    #expect(throws: FlywheelError.self) { try checkpoint.read("absent") { _ in } }
  }

  @Test("What is no tensor is an attribute of what holds it", arguments: ["alone", "together"])
  func attributes(name: String) throws {
    let metadata = try DistributedCheckpoint(path: Self.directory.appending(name)).metadata()
    let group = try #require(metadata.attributes["optim.param_groups.0"])
    #expect(group["lr"] == .double(0.01))
    #expect(group["betas"] == .tensor(try Tensor(vector: [0.9, 0.999] as [Double])))
    #expect(group["nesterov"] == .tensor(try Tensor([false], shape: .scalar)))
    #expect(group["params"] == .strings(["rows.weight", "few"]))
    #expect(group["foreach"] == nil)
    #expect(metadata.attributes[""]?["epoch"] == .integer(3))
    #expect(metadata.attributes[""]?["name"] == .string("a run"))
    #expect(metadata.attributes["mixed"]?["1"] == .string("a"))
    #expect(metadata.emptyGroups == ["nothing"])
    #expect(metadata.obstacles.isEmpty)
  }

  @Test("What lies in zip archives with checksums has checksums")
  func checksums() throws {
    let path = Self.directory.appending("together")
    #expect(try DistributedCheckpoint(path: path).hasChecksums)
    #expect(try !DistributedCheckpoint(path: path, verifiesChecksums: false).hasChecksums)
  }

  @Test("A chunk that changed is named, with its file and its place")
  func changedChunk() throws {
    let place = 40
    let copy = try Self.copy(of: "together") { file, bytes in
      // The first bytes of a zip entry's elements lie behind its header.
      if file == "__0_0.distcp" { bytes[bytes.count / 4 * 3 - place] ^= 1 }
    }
    let checkpoint = try DistributedCheckpoint(path: copy.path)
    var failed = 0
    for key in Self.types.keys {
      do {
        _ = try checkpoint.tensor(key)
      } catch {
        failed += 1
        #expect(error.isDamage)
        #expect(error.location.tensor == key)
        #expect(error.location.path == copy.path.appending("__0_0.distcp"))
        #expect(error.message.contains("chunk") || error.code == .corrupted, "\(error)")
      }
    }
    #expect(failed <= 1)
  }

  @Test("A file that is missing or was cut off is named")
  func missing() throws {
    let copy = try Self.copy(of: "together") { file, bytes in
      if file == "__3_0.distcp" { bytes.removeLast(100) }
    }
    let cut = #expect(throws: FlywheelError.self) { try DistributedCheckpoint(path: copy.path) }
    #expect(cut?.code == .truncated)
    #expect(cut?.location.path == copy.path.appending("__3_0.distcp"))
    let renamed = try Self.copy(of: "alone") { file, bytes in
      let other = Array("__0_9.distcp".utf8)
      if file == ".metadata" { bytes.replace(Array("__0_0.distcp".utf8), with: other) }
    }
    let gone = #expect(throws: FlywheelError.self) { try DistributedCheckpoint(path: renamed.path) }
    #expect(gone?.code == .notFound)
    #expect(gone?.location.path == renamed.path.appending("__0_9.distcp"))
  }

  @Test(
    "Metadata that lead elsewhere or name code are refused",
    arguments: [
      ("__0_0.distcp", "../00.distcp", .malformed), ("__0_0.distcp", "/_0_0.distcp", .malformed),
      ("__0_0.distcp", "._/..//.stcp", .malformed), ("PosixPath", "rmtree___", .unsupported),
      ("BytesStorageMetadata", "BytesStorageMetadat_", .unsupported),
      ("chunks", "chunkz", .malformed), ("offset", "offzet", .malformed),
      ("state_dict_metadata", "state_dict_metadat_", .malformed),
    ] as [(String, String, FlywheelError.Code)]
  )
  func hostile(old: String, new: String, code: FlywheelError.Code) throws {
    let copy = try Self.copy(of: "alone") { file, bytes in
      if file == ".metadata" { bytes.replace(Array(old.utf8), with: Array(new.utf8)) }
    }
    do {
      let checkpoint = try DistributedCheckpoint(path: copy.path)
      // Of a tensor that cannot be understood, the reason is in the listing.
      let error = #expect(throws: FlywheelError.self) { try checkpoint.tensor("model.whole") }
      #expect(error?.code == code)
    } catch {
      #expect(error.code == code, "\(error)")
      #expect(error.location.path == copy.path.appending(".metadata"))
    }
  }

  @Test("Metadata that are cut anywhere are refused, changed ones read or refused")
  func damaged() throws {
    let whole = try OpenFile.contents(of: Self.directory.appending("together/.metadata"))
    for count in stride(from: 0, to: whole.count, by: 7) {
      let storage = try Tensor(vector: Array(whole[..<count])).storage
      #expect(throws: FlywheelError.self) { _ = try DistributedMetadata(storage) }
    }
    var random = Philox(seed: 3, stream: 1)
    for _ in 0..<600 {
      var changed = whole
      changed[Int(random.next() % UInt64(whole.count))] ^= 1 << UInt8(random.next() % 8)
      _ = try? DistributedMetadata(Tensor(vector: changed).storage)
    }
  }

  /// The offsets and the shape of each chunk of a tensor, and what is wrong with them.
  private static let chunkings: [([([Int], [Int])], [Int], String?)] = [
    ([([0, 0], [2, 3])], [2, 3], nil), ([([], [])], [], nil),
    ([([0, 0], [1, 3]), ([1, 0], [1, 3])], [2, 3], nil),
    ([([0, 2], [2, 1]), ([0, 0], [2, 2])], [2, 3], nil),
    ([([0], [2]), ([2], [0])], [2], nil), ([], [0, 3], nil),
    ([([0, 0], [1, 3])], [2, 3], "some were not saved"), ([], [2], "some were not saved"),
    ([([0, 0], [2, 3]), ([1, 0], [1, 3])], [2, 3], "apart"), ([([], []), ([], [])], [], "apart"),
    ([([0, 0], [2, 2]), ([0, 1], [2, 1])], [2, 3], "apart"),
    ([([1, 0], [2, 3])], [2, 3], "within"), ([([0], [6])], [2, 3], "within"),
    ([([.max], [.max])], [4], "within"), ([([3], [0])], [2], "within"),
    ([([0, 0], [2, 2]), ([0, 2], [1, 1])], [2, 3], "some were not saved"),
  ]

  @Test("Chunks cover a tensor, each element once", arguments: chunkings)
  func cover(chunks: [([Int], [Int])], shape: [Int], words: String?) throws {
    let place = DistributedPlace(file: "a", range: 0..<1)
    let chunks = try chunks.map {
      DistributedChunk(offsets: $0.0, shape: try Shape($0.1), place: place)
    }
    guard let words else {
      try DistributedChunk.check(chunks, cover: Shape(shape))
      return
    }
    let error = #expect(throws: FlywheelError.self) {
      try DistributedChunk.check(chunks, cover: Shape(shape))
    }
    #expect(error?.code == .malformed)
    #expect(error?.message.contains(words) == true)
  }

  @Test("Thousands of chunks are told apart, and more than that refused")
  func manyChunks() throws {
    let place = DistributedPlace(file: "a", range: 0..<1)
    let rows = try (0..<2_000).map {
      DistributedChunk(offsets: [$0, 0], shape: try Shape([1, 4]), place: place)
    }
    try DistributedChunk.check(rows, cover: Shape([2_000, 4]))
  }
}
