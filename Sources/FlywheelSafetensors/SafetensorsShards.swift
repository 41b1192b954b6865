public import FlywheelCore
import OrderedCollections
public import SystemPackage

/// A safetensors archive in several files, open for reading, as transformers splits large models: an index
/// `model.safetensors.index.json`, and the files that it names, which lie beside it.
///
/// Opening reads the index and all headers. They must agree: each tensor is in the file that the index names, and
/// in no other. Tensors that the index does not know are obstacles.
public final class SafetensorsShards: ArchiveReader {
  /// The index.
  public let path: FilePath

  /// The files, in the order of their names.
  private let files: [SafetensorsFile]
  /// In which of them each tensor lies.
  private let places: [String: Int]
  private let index: SafetensorsIndex

  /// Opens an archive.
  ///
  /// - Parameter path: The index.
  /// - Throws: `notFound` if the index is not there, or a file or a tensor that it names; `malformed` if it names
  ///   other files than it may, or a tensor is in several; and what opening the files throws.
  public init(index path: FilePath) throws(FlywheelError) {
    self.path = path
    index = try SafetensorsIndex(reading: path)
    (files, places) = try Self.open(index, at: path)
  }

  /// The files that an archive consists of: an index, and those that it names.
  ///
  /// - Parameter path: The index, or a directory.
  /// - Returns: Their paths; only the one that was given if it is no index.
  public static func files(of path: FilePath) -> [FilePath] {
    guard !FileSystem.isDirectory(path), let index = try? SafetensorsIndex(reading: path) else {
      return [path]
    }
    let names = Set(index.places.values.map(\.file)).sorted()
    return [path] + names.map { path.removingLastComponent().appending($0) }
  }

  private static func open(
    _ index: SafetensorsIndex,
    at path: FilePath
  ) throws(FlywheelError) -> ([SafetensorsFile], [String: Int]) {
    var firsts: [String: String] = [:]
    for (key, place) in index.places where firsts[place.file] == nil { firsts[place.file] = key }
    var files: [SafetensorsFile] = []
    var numbers: [String: Int] = [:]
    for name in firsts.keys.sorted() {
      let file = path.removingLastComponent().appending(name)
      guard FileSystem.exists(file) else {
        let key = firsts[name]
        throw FlywheelError(
          .notFound,
          "The index names the file '\(name)', which is not beside it; copy it there, or ask for it again.",
          at: location(key, index, path)
        )
      }
      numbers[name] = files.count
      files.append(try SafetensorsFile(path: file))
    }
    var places: [String: Int] = [:]
    places.reserveCapacity(index.places.count)
    for (key, place) in index.places { places[key] = numbers[place.file] }
    for (number, file) in files.enumerated() {
      for key in file.keys {
        guard let other = places[key], other != number, files[other].holds(key) else { continue }
        throw FlywheelError(
          .malformed,
          "The tensor is in '\(files[other].name)', as the index says, and in '\(file.name)' again; remove the file "
            + "that does not belong to the others.",
          at: location(key, index, path)
        )
      }
    }
    for (key, place) in index.places {
      guard let number = places[key], !files[number].holds(key) else { continue }
      let actual = files.first { $0.holds(key) }.map { "'\($0.name)' does" } ?? "nor does another"
      throw FlywheelError(
        .notFound,
        "The file '\(place.file)' does not hold this tensor, as the index says; \(actual).",
        at: location(key, index, path)
      )
    }
    return (files, places)
  }

  private static func location(
    _ key: String?,
    _ index: SafetensorsIndex,
    _ path: FilePath
  ) -> FlywheelError.Location {
    let offset = key.flatMap { index.places[$0]?.offset }
    return .init(path: path, tensor: key, byteOffset: offset.map { UInt64($0) })
  }

  /// The format's own library sorts tensors by type and name: their order says nothing of a model.
  public var origin: ArchiveOrigin { ArchiveOrigin(order: .lost) }

  /// Lists the tensors, file by file.
  ///
  /// - Throws: Nothing.
  public func members() throws(FlywheelError) -> [ArchiveMember] {
    var members: [ArchiveMember] = []
    for (number, file) in files.enumerated() {
      members += try file.members().filter { places[$0.key] == number }
    }
    return members
  }

  /// Looks at one tensor.
  ///
  /// - Parameter key: Its name.
  /// - Throws: Nothing.
  /// - Returns: What it is; nil if there is none of this name.
  public func member(_ key: String) throws(FlywheelError) -> ArchiveMember? {
    try places[key].flatMap { (number) throws(FlywheelError) in try files[number].member(key) }
  }

  /// The texts that belong to all files, and what the index says besides, as attributes; what only some files say,
  /// and tensors that the index does not know, are obstacles.
  ///
  /// - Throws: Nothing.
  public func metadata() throws(FlywheelError) -> ArchiveMetadata {
    var metadata = index.metadata
    for (number, file) in files.enumerated() {
      let found = try file.metadata()
      metadata.obstacles += found.obstacles
      for (name, value) in found.attributes[""] ?? [:] {
        guard let known = metadata.attributes["", default: [:]][name] else {
          metadata.attributes["", default: [:]][name] = value
          continue
        }
        guard known != value else { continue }
        metadata.obstacles.append(
          .init(name: "the metadata '\(name)' of '\(file.name)'", reason: "differ in other files")
        )
      }
      for key in file.keys where places[key] != number {
        metadata.obstacles.append(
          .init(name: "the tensor '\(key)' in '\(file.name)'", reason: "is not in the index")
        )
      }
    }
    return metadata
  }

  /// Reads a tensor, without a copy if it is aligned as its elements need it.
  ///
  /// - Parameter key: Its name.
  /// - Throws: As `SafetensorsFile.tensor(_:)`.
  /// - Returns: The elements; nil if there is none of this name.
  public func tensor(_ key: String) throws(FlywheelError) -> Tensor? {
    try places[key].flatMap { (number) throws(FlywheelError) in try files[number].tensor(key) }
  }

  /// Hands out a tensor's bytes where they lie.
  ///
  /// - Parameters:
  ///   - key: Its name.
  ///   - body: Takes the bytes.
  /// - Throws: As `SafetensorsFile.read(_:_:)`.
  public func read(
    _ key: String,
    _ body: (RawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    guard let number = places[key] else { throw FlywheelError.noArray(key, in: path) }
    try files[number].read(key, body)
  }
}

extension SafetensorsShards {
  /// Opens the one safetensors archive that a directory holds.
  ///
  /// - Parameter directory: The directory.
  /// - Throws: `invalidArgument` if it holds none, or several that no index joins; and what opening it throws.
  /// - Returns: The archive: what the one index in it joins, or else the one safetensors file.
  public static func open(
    directory: FilePath
  ) throws(FlywheelError) -> any ArchiveReader {
    let names = try FileSystem.names(in: directory).filter { !$0.hasPrefix(".") }
    let indexes = names.filter { $0.hasSuffix(SafetensorsIndex.suffix) }
    let found = indexes.isEmpty ? names.filter { $0.hasSuffix(".safetensors") } : indexes
    guard let name = found.first, found.count == 1 else {
      let shown = found.prefix(4).map { "'\($0)'" }.joined(separator: ", ")
      let what = indexes.isEmpty ? "safetensors files and no index that joins them" : "indexes"
      throw FlywheelError(
        .invalidArgument,
        "The directory holds \(found.count) \(what)\(found.isEmpty ? "" : ": " + shown)"
          + "\(found.count > 4 ? " …" : ""); name one of them.",
        at: .init(path: directory)
      )
    }
    let path = directory.appending(name)
    return indexes.isEmpty ? try SafetensorsFile(path: path) : try SafetensorsShards(index: path)
  }
}

extension SafetensorsFile {
  /// Its name without the directory.
  fileprivate var name: String { path.lastComponent?.string ?? path.string }
}
