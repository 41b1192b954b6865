import FlywheelCore
import FlywheelHDF5
import FlywheelZip
import OrderedCollections
import SystemPackage

/// What a file of Keras holds, named.
struct KerasContents {
  /// The HDF5 files in it.
  let files: [HDF5ArchiveReader]
  /// Where each array lies, by its name.
  private(set) var places: OrderedDictionary<String, KerasArchiveReader.Place> = [:]
  /// What it says besides.
  let metadata: ArchiveMetadata
  /// Whether the model's layers are in the order in which it calls them.
  private(set) var tellsOrder = false
  /// Whether the bytes of all arrays were compared with a checksum.
  private(set) var hasChecksums = false

  /// The names of a .keras archive's members, which are also the names of its JSON documents here.
  enum Name {
    static let configuration = "config.json"
    static let versions = "metadata.json"
    static let variables = "model.weights.h5"
  }

  init(of path: FilePath) throws(FlywheelError) {
    switch try KerasFile.Kind(of: path) {
    case .archive: try self.init(archive: path)
    case .directory: try self.init(directory: path)
    case .shards: try self.init(shards: path)
    case .legacy: try self.init(legacy: HDF5ArchiveReader(opening: path))
    case .other(let program): throw Self.refusal(of: program)
    case nil:
      throw FlywheelError(
        .malformed,
        "This is no file of Keras: neither \(Name.configuration) beside \(Name.variables) nor a list of layers "
          + "is in it. 'flywheel inspect' takes plain HDF5 files too."
      )
    }
  }

  private static func refusal(of program: String) -> FlywheelError {
    FlywheelError(
      .unsupported,
      "This is \(program), which is not read here. Load it where it was made and save it with "
        + "model.save('model.keras') or model.save_weights('model.weights.h5')."
    )
  }

  // MARK: .keras

  private init(archive path: FilePath) throws(FlywheelError) {
    let zip = try ZipReader(opening: path)
    guard let variables = zip.entry(named: Name.variables) else {
      throw Self.noVariables(among: zip.entries.map(\.name))
    }
    let stored: HDF5ArchiveReader
    if let range = try zip.storedRange(of: variables) {
      try zip.verify(variables)
      stored = try HDF5ArchiveReader(TensorStorage(range, of: zip.bytes), path: path)
    } else {
      let size = variables.compressedByteCount
      stored = try HDF5ArchiveReader(inflated: zip.contents(of: variables), from: size, path: path)
    }
    var documents: OrderedDictionary<String, [UInt8]> = [:]
    for name in [Name.configuration, Name.versions] {
      guard let entry = zip.entry(named: name) else { continue }
      try Self.checkSize(entry.byteCount, of: name)
      let contents = try zip.contents(of: entry)
      documents[name] = unsafe contents.bytes.withUnsafeBytes { unsafe Array($0) }
    }
    let read = Set(documents.keys).union([Name.variables])
    try self.init(
      stored: stored,
      documents,
      besides: zip.entries.filter { !$0.isFolder && !read.contains($0.name) }.map(\.name)
    )
    hasChecksums = true
  }

  private init(directory path: FilePath) throws(FlywheelError) {
    let names = try FileSystem.names(in: path)
    guard names.contains(Name.variables) else { throw Self.noVariables(among: names) }
    var documents: OrderedDictionary<String, [UInt8]> = [:]
    for name in [Name.configuration, Name.versions] where names.contains(name) {
      let file = try MappedFile(path: path.appending(name))
      try Self.checkSize(file.byteCount, of: name)
      documents[name] = unsafe file.bytes.withUnsafeBytes { unsafe Array($0) }
    }
    let read = Set(documents.keys).union([Name.variables])
    try self.init(
      stored: HDF5ArchiveReader(opening: path.appending(Name.variables)),
      documents,
      in: path,
      besides: names.filter { !read.contains($0) }
    )
  }

  private static func noVariables(among names: [String]) -> FlywheelError {
    guard names.contains("model.weights.npz") else {
      return FlywheelError(
        .notFound,
        "There is no \(Name.variables) in it, which holds a model's variables; save the model again."
      )
    }
    return FlywheelError(
      .unsupported,
      "Its variables are in model.weights.npz, as pickled Python objects: Keras itself cannot read them back, "
        + "and here none are run. Save the model where it is loaded; Keras writes \(Name.variables) by itself."
    )
  }

  private static func checkSize(_ byteCount: Int, of name: String) throws(FlywheelError) {
    let limit = 64 << 20
    guard byteCount <= limit else {
      throw FlywheelError(
        .limitExceeded,
        "'\(name)' has \(byteCount) bytes; a model's description of more than \(limit) is not read."
      )
    }
  }

  private init(
    stored file: HDF5ArchiveReader,
    _ documents: OrderedDictionary<String, [UInt8]>,
    in directory: FilePath? = nil,
    besides others: [String]
  ) throws(FlywheelError) {
    var texts: OrderedDictionary<String, AttributeValue> = [:]
    var model: KerasModel?
    for (name, bytes) in documents {
      let location = FlywheelError.Location(
        path: directory?.appending(name),
        tensor: directory == nil ? name : nil
      )
      let value = try KerasText.object(bytes, at: location)
      if name == Name.configuration { model = KerasModel(configuration: value) }
      texts[name] = .string(String(decoding: bytes, as: UTF8.self))
    }
    let names = StoredNames(
      of: try file.members(),
      try file.metadata(),
      model
    )
    var metadata = names.metadata
    metadata.attributes[""] = texts.merging(metadata.attributes[""] ?? [:]) { text, _ in text }
    metadata.obstacles += others.map {
      .init(name: "the file '\($0)'", reason: "is no array")
    }
    files = [file]
    tellsOrder = model?.tellsOrder ?? false
    self.metadata = Self.withoutRepetition(metadata, of: names.keys)
    try place(names.keys)
  }

  // MARK: Others

  private init(legacy file: HDF5ArchiveReader) throws(FlywheelError) {
    let facts = try file.metadata()
    let model = try KerasDocuments.object(KerasDocuments.Attribute.model, in: facts)
    _ = try KerasDocuments.object(KerasDocuments.Attribute.training, in: facts)
    let names = try LegacyNames(of: file.members(), facts)
    files = [file]
    tellsOrder = model.map { KerasModel(configuration: $0).tellsOrder } ?? false
    metadata = Self.withoutRepetition(names.metadata, of: names.keys)
    try place(names.keys)
  }

  private init(shards path: FilePath) throws(FlywheelError) {
    let shards = try ShardMap(path)
    var files: [HDF5ArchiveReader] = []
    var metadata = ArchiveMetadata()
    for file in shards.files {
      let reader = try HDF5ArchiveReader(opening: file)
      let index = files.count
      files.append(reader)
      let found = try reader.metadata()
      for (owner, attributes) in found.attributes {
        metadata.attributes[owner, default: [:]].merge(attributes) { first, _ in first }
      }
      metadata.obstacles += found.obstacles
      for member in try reader.members() {
        let place = KerasArchiveReader.Place(file: index, key: member.key)
        guard places.updateValue(place, forKey: member.key) == nil else {
          throw FlywheelError.malformed(
            found: "two shards with an array of this name",
            expected: "each array in one",
            at: .init(path: file, tensor: member.key)
          )
        }
      }
    }
    try shards.requireAll(Array(places.keys))
    self.files = files
    self.metadata = metadata
  }

  /// Leaves out what Keras is told of the model where Flywheel's own document is there, which says all of it.
  private static func withoutRepetition(
    _ metadata: ArchiveMetadata,
    of keys: OrderedDictionary<String, String>
  ) -> ArchiveMetadata {
    guard keys["flywheel.metadata"] != nil else { return metadata }
    var metadata = metadata
    let names =
      [Name.configuration, Name.versions, KerasDocuments.Attribute.model]
      + [KerasDocuments.Attribute.training] + KerasDocuments.origin.keys
    for name in names { metadata.attributes[""]?[name] = nil }
    return metadata
  }

  /// Places the arrays of the only file; those that would share a name keep their paths.
  private mutating func place(_ keys: OrderedDictionary<String, String>) throws(FlywheelError) {
    var counts: [String: Int] = [:]
    for key in keys.values { counts[key, default: 0] += 1 }
    for (path, key) in keys {
      let name = counts[key] == 1 ? key : path
      guard places.updateValue(.init(file: 0, key: path), forKey: name) == nil else {
        throw FlywheelError.malformed(
          found: "two arrays that would be named '\(name)'",
          expected: "layers whose names are their own",
          at: .init(tensor: path)
        )
      }
    }
  }
}
