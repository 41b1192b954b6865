import FlywheelCore
import FlywheelSafetensors
import FlywheelTorch
import OrderedCollections
import SystemPackage

/// The directory that the Trainer of transformers saves at a step: the model in one file or several, beside the
/// states of the optimizer, the schedule and the random generators (`src/transformers/trainer.py`).
///
/// Keys begin with what they belong to: `model`, `optimizer`, `scheduler`, `scaler`, `rng_state`. What
/// `trainer_state.json` says, such as `epoch` and `global_step`, are attributes. Other files are obstacles;
/// `training_args.bin`, a pickle of classes, is never opened.
enum TrainerFolder {
  /// The files of tensors besides the model, and what their keys begin with.
  private static let states = [
    ("optimizer.pt", "optimizer"), ("scheduler.pt", "scheduler"), ("scaler.pt", "scaler"),
    ("rng_state.pth", "rng_state"),
  ]

  private static let progress = "trainer_state.json"
  private static let shards = "pytorch_model.bin.index.json"

  /// Whether a directory is one.
  static func recognizes(_ names: [String]) -> Bool {
    ["trainer_state.json", "optimizer.pt", "pytorch_model.bin", shards].contains {
      names.contains($0)
    }
  }

  /// Opens a directory.
  ///
  /// - Parameters:
  ///   - path: The directory.
  ///   - verifiesChecksums: Whether checksums are compared, where there are any.
  /// - Throws: `inputOutput` if it cannot be listed, and what its files throw when they are opened.
  /// - Returns: All of its files of tensors as one.
  static func open(
    _ path: FilePath,
    verifiesChecksums: Bool
  ) throws(FlywheelError) -> any ArchiveReader {
    let names = try FileSystem.names(in: path)
    var used: Set<String> = [progress]
    var parts: [JoinedArchive.Part] = []
    func torch(_ name: String, _ prefix: String) throws(FlywheelError) {
      used.insert(name)
      let file = try TorchFile(
        path: path.appending(name),
        verifiesChecksums: verifiesChecksums
      )
      parts.append(.init(prefix: prefix, reader: file))
    }
    if names.contains(where: isSafetensors) {
      used.formUnion(names.filter(isSafetensors))
      let model = try SafetensorsShards.open(directory: path)
      parts.append(.init(prefix: "model", reader: model))
    } else if names.contains(shards) {
      used.insert(shards)
      for name in try shardNames(path.appending(shards)) { try torch(name, "model") }
    } else if names.contains("pytorch_model.bin") {
      try torch("pytorch_model.bin", "model")
    }
    for (name, prefix) in states where names.contains(name) { try torch(name, prefix) }
    var extras = ArchiveMetadata()
    if names.contains(progress) {
      extras.attributes[""] = try attributes(path.appending(progress))
    }
    for name in names where !used.contains(name) && !name.hasPrefix(".") {
      extras.obstacles.append(
        .init(
          name: "the file '\(name)'",
          reason: name == "training_args.bin"
            ? "is a pickle of classes, which is never opened" : "holds no tensors that are read"
        )
      )
    }
    return try JoinedArchive(path: path, parts, extras: extras)
  }

  private static func isSafetensors(_ name: String) -> Bool {
    [".safetensors", ".safetensors.index.json"].contains { name.hasSuffix($0) }
  }

  /// The files that the index of a model in several of PyTorch's names.
  private static func shardNames(_ path: FilePath) throws(FlywheelError) -> [String] {
    let bytes = try OpenFile.contents(of: path)
    return try FlywheelError.locating(path: path) { () throws(FlywheelError) in
      var index = try JSONObject(JSONValue(parsing: bytes.rawBytes))
      var map = try index.object("weight_map")
      var names: OrderedSet<String> = []
      for key in map.names {
        let name = try map.string(key)
        guard !name.utf8.contains(UInt8(ascii: "/")),
          FilePath(name).lastComponent?.kind == .regular
        else {
          throw FlywheelError.malformed(
            found: "the file '\(name)'",
            expected: "the name of one beside the index",
            at: .init(tensor: key)
          )
        }
        names.append(name)
      }
      return names.sorted()
    }
  }

  /// What a document says at its top, as far as it is numbers and texts.
  private static func attributes(
    _ path: FilePath
  ) throws(FlywheelError) -> OrderedDictionary<String, AttributeValue> {
    let bytes = try OpenFile.contents(of: path)
    return try FlywheelError.locating(path: path) { () throws(FlywheelError) in
      guard case .object(let members) = try JSONValue(parsing: bytes.rawBytes) else {
        throw FlywheelError.malformed(found: "something else", expected: "a JSON object")
      }
      var attributes: OrderedDictionary<String, AttributeValue> = [:]
      for (name, value) in members {
        switch value {
        case .integer(let number): attributes[name] = .integer(number)
        case .double(let number): attributes[name] = .double(number)
        case .string(let text): attributes[name] = .string(text)
        case .bool(let value):
          attributes[name] = .tensor(try Tensor([value], shape: .scalar))
        default: continue
        }
      }
      return attributes
    }
  }
}
