public import FlywheelCore
import FlywheelHDF5
import FlywheelZip
public import OrderedCollections
public import SystemPackage

/// Writes arrays as a file that Keras loads: a .keras archive, a legacy .h5, or a .weights.h5.
///
/// The names are those under which `KerasArchiveReader` lists them, and the model's configuration must be among
/// the attributes of the whole: `config.json`, or `model_config` and `training_config`. What Keras does not know,
/// Flywheel's document for example, lies in the HDF5 file under its own name, and Keras passes over it.
///
/// A .weights.h5 holds no model: its configuration only tells the numbers of variables. Without one the arrays
/// keep their names, which are then to be those of `save_weights` already.
public final class KerasArchiveWriter: ArchiveWriter {
  /// What to write.
  public enum Container: Sendable {
    /// A .keras file.
    case archive
    /// A legacy .h5, which Keras 2 and 3 load.
    case legacy
    /// A .weights.h5, for `load_weights`.
    case weights
  }

  private let path: FilePath
  private let container: Container
  private let durability: AtomicFile.Durability
  /// The HDF5 file; of an archive it is a temporary one, until it goes in.
  private let file: FilePath
  private let inner: HDF5ArchiveWriter
  private var plan: KerasPlan?
  private var isFinished = false

  /// Begins a file, which appears under its name when it is finished.
  ///
  /// - Parameters:
  ///   - path: The file; one that has the name already stays until then.
  ///   - container: What to write.
  ///   - durability: What `finish()` waits for.
  /// - Throws: `notFound` if the directory is not there, `inputOutput` if it cannot be written.
  public init(
    creating path: FilePath,
    as container: Container,
    durability: AtomicFile.Durability = .durable
  ) throws(FlywheelError) {
    self.path = path
    self.container = container
    self.durability = durability
    switch container {
    case .legacy, .weights:
      file = path
      inner = try HDF5ArchiveWriter(replacing: path, durability: durability)
    case .archive:
      let unique = String(UInt64.random(in: .min ... .max), radix: 36)
      let temporary = path.removingLastComponent().appending(
        ".\(unique).h5\(AtomicFile.temporarySuffix)"
      )
      file = temporary
      inner = try FlywheelError.naming(path) { () throws(FlywheelError) in
        try HDF5ArchiveWriter(replacing: temporary, durability: .cached)
      }
    }
  }

  deinit {
    if container == .archive, isFinished { try? FileSystem.removeFile(file) }
  }

  /// HDF5 has attributes and groups.
  public var holdsMetadata: Bool { true }

  /// Throws unless HDF5 can hold an array under a name.
  ///
  /// - Parameters:
  ///   - description: The array.
  ///   - key: Its name.
  /// - Throws: `unsupported`, with the reason.
  public func requireRoom(
    for description: TensorDescription,
    under key: String
  ) throws(FlywheelError) {
    try FlywheelError.naming(path) { () throws(FlywheelError) in
      try inner.requireRoom(for: description, under: key)
    }
  }

  /// Decides where everything goes.
  ///
  /// - Parameters:
  ///   - arrays: All that will be written, by name.
  ///   - metadata: The attributes, with the model's configuration among them.
  /// - Throws: `unsupported` if there is none that is needed, or for variables of layers that are not written for Keras;
  ///   `mismatch` if a variable of the model or of its optimizer is missing.
  public func announce(
    _ arrays: OrderedDictionary<String, TensorDescription>,
    _ metadata: ArchiveMetadata
  ) throws(FlywheelError) {
    plan = try FlywheelError.naming(path) { () throws(FlywheelError) in
      switch container {
      case .archive: try KerasPlan(archive: arrays, metadata)
      case .legacy: try KerasPlan(legacy: arrays, metadata)
      case .weights: try KerasPlan(weights: arrays, metadata)
      }
    }
  }

  /// Writes an array that was announced; a checksum is not needed.
  ///
  /// - Parameters:
  ///   - description: What it is.
  ///   - key: Its name.
  ///   - crc32: The CRC-32 of its bytes.
  ///   - elements: Hands out its bytes.
  /// - Throws: `invalidArgument` if it was not announced, `alreadyExists` if it was written before, `mismatch` if
  ///   there are more or fewer bytes than described, `inputOutput`, and what `elements` throws.
  public func write(
    _ description: TensorDescription,
    under key: String,
    crc32: UInt32?,
    _ elements: Elements
  ) throws(FlywheelError) {
    guard let place = plan?.paths[key] else {
      throw FlywheelError(
        .invalidArgument,
        "The array was not announced: where it goes in a file of Keras depends on the others.",
        at: .init(path: path, tensor: key)
      )
    }
    try FlywheelError.naming(path) { () throws(FlywheelError) in
      try inner.write(description, under: place, crc32: crc32, elements)
    }
  }

  /// Writes the attributes that were announced, and those that Keras looks for.
  ///
  /// - Parameter metadata: What was announced; its empty groups are written.
  /// - Throws: `inputOutput`; `invalidArgument` for a text of more than 60,000 bytes.
  public func write(_ metadata: ArchiveMetadata) throws(FlywheelError) {
    guard let plan else { return }
    try FlywheelError.naming(path) { () throws(FlywheelError) in
      try inner.write(
        ArchiveMetadata(attributes: plan.attributes, emptyGroups: metadata.emptyGroups)
      )
    }
  }

  /// Makes the file durable and gives it its name.
  ///
  /// - Throws: `unsupported` if nothing was announced, `inputOutput`; a file that had the name before is then
  ///   still there.
  public func finish() throws(FlywheelError) {
    if plan == nil { try announce([:], ArchiveMetadata()) }
    try FlywheelError.naming(path) { () throws(FlywheelError) in
      try inner.finish()
      isFinished = true
      guard container == .archive, let plan else { return }
      var zip = try ZipWriter(replacing: path, durability: durability)
      for (name, text) in plan.documents {
        let bytes = Array(text.utf8)
        try zip.write(name, byteCount: bytes.count) { (body) throws(FlywheelError) in
          try body(bytes.rawBytes)
        }
      }
      let variables = try MappedFile(path: file)
      let bytes = variables.bytes
      try zip.write(KerasContents.Name.variables, byteCount: bytes.byteCount) {
        (body) throws(FlywheelError) in
        try body(bytes)
      }
      try zip.finish()
    }
  }
}

extension FlywheelError {
  /// Gives errors the name that the file will have: a temporary one means nothing to whoever reads them.
  fileprivate static func naming<Value>(
    _ path: FilePath,
    _ body: () throws(FlywheelError) -> Value
  ) throws(FlywheelError) -> Value {
    do throws(FlywheelError) {
      return try body()
    } catch {
      var error = error
      error.location.path = path
      throw error
    }
  }
}
