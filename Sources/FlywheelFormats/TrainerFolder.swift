import FlywheelCore
import FlywheelSafetensors
import FlywheelTorch
import OrderedCollections
import SystemPackage

/// The directory that the Trainer of transformers saves at a step: the model in one file or several, beside the
/// states of the optimizer, the schedule and the random generators (`src/transformers/trainer.py`).
///
/// Keys begin with what they belong to: `model`, `optimizer`, `scheduler`, `scaler`, `rng_state`. What
/// `trainer_state.json` says, such as `epoch` and `global_step`, are attributes. Other files are listed as
/// what is not read; `training_args.bin`, a pickle of classes, is never opened.
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
      let index = try Self.index(path.appending(shards))
      for name in Set(index.values).sorted() { try torch(name, "model") }
      try check(index, parts, at: path.appending(shards))
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
            ? "is a pickle of classes, which is never opened" : "holds no tensors that are read",
          isFileBeside: true
        )
      )
    }
    return try JoinedArchive(path: path, parts, extras: extras)
  }

  private static func isSafetensors(_ name: String) -> Bool {
    [".safetensors", ".safetensors.index.json"].contains { name.hasSuffix($0) }
  }

  /// Throws unless each file holds what the index says.
  private static func check(
    _ index: OrderedDictionary<String, String>,
    _ parts: [JoinedArchive.Part],
    at path: FilePath
  ) throws(FlywheelError) {
    let readers = Dictionary(
      parts.map { ($0.reader.path.lastComponent?.string ?? "", $0.reader) },
      uniquingKeysWith: { first, _ in first }
    )
    for (key, name) in index where try readers[name]?.member(key) == nil {
      throw FlywheelError.malformed(
        found: "'\(name)' without the tensor",
        expected: "it there, as the index says",
        at: .init(path: path, tensor: key)
      )
    }
  }

  /// Which of the files beside it the index of a model in several of PyTorch's says that each tensor is in.
  private static func index(
    _ path: FilePath
  ) throws(FlywheelError) -> OrderedDictionary<String, String> {
    let bytes = try OpenFile.contents(of: path)
    return try FlywheelError.locating(path: path) { () throws(FlywheelError) in
      var index = try JSONObject(JSONValue(parsing: bytes.rawBytes))
      var map = try index.object("weight_map")
      var files: OrderedDictionary<String, String> = [:]
      for key in map.names {
        let name = try map.string(key)
        guard !name.utf8.contains(UInt8(ascii: "/")), !states.contains(where: { $0.0 == name }),
          FilePath(name).lastComponent?.kind == .regular
        else {
          throw FlywheelError.malformed(
            found: "the file '\(name)'",
            expected: "the name of one beside the index",
            at: .init(tensor: key)
          )
        }
        files[key] = name
      }
      return files
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
