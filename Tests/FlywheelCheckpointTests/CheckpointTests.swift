import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import OrderedCollections
import Testing

@Suite("Checkpoints as archives")
struct CheckpointTests {
  @Test("A checkpoint comes back with nothing lost")
  func roundTrip() throws {
    let original = try CheckpointExamples.full()
    let archive = try original.archive()
    let copy = try CheckpointExamples.read(archive)
    #expect(copy.writer == original.writer)
    #expect(copy.saved == original.saved)
    #expect(copy.optimizer.groups == original.optimizer.groups)
    #expect(copy.optimizer.step == 5)
    #expect(copy.optimizer.sizes == original.optimizer.sizes)
    #expect(copy.progress == original.progress)
    #expect(copy.random == original.random)
    #expect(copy.data == original.data)
    #expect(copy.backend == original.backend)
    #expect(copy.history == original.history)
    #expect(copy.trainer == original.trainer)
    #expect(Array(copy.parameters.keys) == Array(original.parameters.keys))
    #expect(copy.parameters["a/b"]?.group == 1)
    #expect(copy.keys == Array(archive.tensors.keys))
    // Saved again, every byte is the same: tensors, document and attributes.
    let again = try copy.archive()
    #expect(again.attributes == archive.attributes)
    for (key, tensor) in archive.tensors {
      #expect(again.tensors[key]?.crc32 == tensor.crc32, "\(key)")
    }
  }

  @Test("Every tensor lies under its documented key")
  func keys() throws {
    let archive = try CheckpointExamples.full().archive()
    #expect(
      Array(archive.tensors.keys) == [
        "model/layers.0.weight", "model/a%2Fb",
        "optimizer/velocity/layers.0.weight", "optimizer/velocity/a%2Fb",
        "random/order",
        "history/step", "history/epoch", "history/training_loss",
        "flywheel.metadata",
      ]
    )
  }

  @Test(
    "A slash separates, whatever characters are beside it",
    arguments: ["\u{301}x", "x\u{600}"]
  )
  func slashes(name: String) throws {
    var checkpoint = try CheckpointExamples.full()
    checkpoint.parameters[name] = checkpoint.parameters["a/b"]
    let velocity = checkpoint.optimizer.slots["velocity"]?["a/b"]
    checkpoint.optimizer.slots["velocity"]?[name] = velocity
    let copy = try CheckpointExamples.read(try checkpoint.archive())
    #expect(copy.parameters[name]?.value.crc32 == checkpoint.parameters["a/b"]?.value.crc32)
  }

  @Test("A buffer that does not exist yet is absent, and stays absent")
  func absentBuffers() throws {
    var checkpoint = try CheckpointExamples.full()
    checkpoint.optimizer.slots = [:]
    let copy = try CheckpointExamples.read(try checkpoint.archive())
    #expect(copy.optimizer.slots.isEmpty)
  }

  @Test("Changing any byte of the document is noticed")
  func documentDamage() throws {
    let archive = try CheckpointExamples.full().archive()
    let document = try #require(archive.tensors[CheckpointKey.document])
    let bytes: [UInt8] = try document.elements()
    for index in bytes.indices {
      var damaged = bytes
      damaged[index] ^= 1 << UInt8(index % 8)
      var copy = archive
      copy.tensors[CheckpointKey.document] = try Tensor(vector: damaged)
      let error = #expect(throws: FlywheelError.self, "byte \(index)") {
        try CheckpointExamples.read(copy)
      }
      #expect(error?.code == .corrupted, "byte \(index)")
    }
  }

  @Test("Changing any bit of a tensor is noticed by name, unless only structure is checked")
  func tensorDamage() throws {
    let archive = try CheckpointExamples.full().archive()
    for (key, tensor) in archive.tensors where key != CheckpointKey.document {
      var bytes = unsafe tensor.bytes.withUnsafeBytes { unsafe [UInt8]($0) }
      bytes[bytes.count / 2] ^= 1
      let storage = try TensorStorage(byteCount: bytes.count) { (output) throws(FlywheelError) in
        for byte in bytes { unsafe output.append(byte, as: UInt8.self) }
      }
      var copy = archive
      copy.tensors[key] = try Tensor(dtype: tensor.dtype, shape: tensor.shape, storage: storage)
      let error = #expect(throws: FlywheelError.self) { try CheckpointExamples.read(copy) }
      #expect(error?.code == .corrupted)
      #expect(error?.location.tensor == key)
    }
  }

  @Test("A tensor that is missing, or has another shape or dtype, is named")
  func misfits() throws {
    let archive = try CheckpointExamples.full().archive()
    let key = "model/layers.0.weight"
    let replacements: [(Tensor?, FlywheelError.Code)] = [
      (nil, .notFound),
      (try Tensor([1, 2, 3] as [Float], shape: try Shape([3, 1])), .mismatch),
      (try Tensor([1, 2, 3] as [Int32], shape: try Shape([1, 3])), .mismatch),
    ]
    for (tensor, code) in replacements {
      var copy = archive
      copy.tensors[key] = tensor
      let error = #expect(throws: FlywheelError.self) { try CheckpointExamples.read(copy) }
      #expect(error?.code == code)
      #expect(error?.location.tensor == key)
    }
  }

  @Test("An archive without a document is no checkpoint")
  func noCheckpoint() throws {
    let error = #expect(throws: FlywheelError.self) { try CheckpointExamples.read(Archive()) }
    #expect(error?.code == .invalidArgument)
  }

  /// A change to the document that a valid checksum hides, and what must be said about it.
  struct Lie: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var code: FlywheelError.Code
    var words: String
    var edit: @Sendable (inout OrderedDictionary<String, JSONValue>) -> Void

    init(
      _ name: String,
      _ code: FlywheelError.Code,
      _ words: String,
      _ edit: @escaping @Sendable (inout OrderedDictionary<String, JSONValue>) -> Void
    ) {
      testDescription = name
      self.code = code
      self.words = words
      self.edit = edit
    }
  }

  @Test(
    "A document that lies under a valid checksum is refused with the reason",
    arguments: [
      Lie("newer schema", .unsupported, "newer Flywheel") {
        $0["schema"] = JSONValue(Checkpoint.schema + 1)
      },
      Lie("other format", .malformed, "flywheel.checkpoint") { $0["format"] = "x" },
      Lie("schema zero", .malformed, "schema") { $0["schema"] = 0 },
      Lie("unknown member", .malformed, "surprise") { $0["surprise"] = 1 },
      Lie("no optimizer", .notFound, "optimizer") { $0.removeValue(forKey: "optimizer") },
      Lie("other schedule", .unsupported, "cyclic") { $0["schedule"] = ["kind": "cyclic"] },
      Lie("schedule elsewhere", .malformed, "position 7") { root in
        root["schedule"] = ["kind": "cosine", "over": 9, "position": 7]
      },
      Lie("parameter twice", .malformed, "twice") { root in
        guard case .array(let list)? = root["parameters"] else { return }
        root["parameters"] = .array(list + list)
      },
      Lie("parameter forgotten", .malformed, "no place") { root in
        guard case .array(let list)? = root["parameters"] else { return }
        root["parameters"] = .array(list.dropLast())
      },
      Lie("group out of range", .malformed, "group") { root in
        root["parameters"] = [["name": "layers.0.weight", "group": 2, "axes": []]]
      },
    ]
  )
  func lies(_ lie: Lie) throws {
    let archive = try CheckpointExamples.full().archive()
    let json = try Checkpoint.documentJSON(archive.tensors[CheckpointKey.document])
    guard case .object(var members) = json else {
      Issue.record("the document is no object")
      return
    }
    members.removeValue(forKey: "crc32")
    lie.edit(&members)
    var body = JSONValue.object(members).canonicalBytes
    body.removeLast()
    let crc = CRC32.hexadecimal(try Tensor(vector: body).crc32)
    var copy = archive
    copy.tensors[CheckpointKey.document] = try Tensor(
      vector: body + Array(",\"crc32\":\"\(crc)\"}".utf8)
    )
    let error = #expect(throws: FlywheelError.self) { try CheckpointExamples.read(copy) }
    #expect(error?.code == lie.code)
    #expect(error?.message.contains(lie.words) == true, "\(String(describing: error))")
  }

  @Test("The document ends in its checksum, as Python takes it apart")
  func trailer() throws {
    let archive = try CheckpointExamples.full().archive()
    let bytes: [UInt8] = try #require(archive.tensors[CheckpointKey.document]).elements()
    let body = Array(bytes.dropLast(20))
    let crc = CRC32.hexadecimal(try Tensor(vector: body).crc32)
    #expect(String(decoding: bytes.suffix(20), as: UTF8.self) == ",\"crc32\":\"\(crc)\"}")
  }
}
