public import FlywheelCore
import FlywheelZip
import OrderedCollections
public import SystemPackage

/// Writes tensors as a PyTorch file, which `torch.load` reads, with `weights_only` and with `mmap` too: a zip
/// archive with a member for each tensor's elements, and a pickle that says what they are.
///
/// Names with dots become dictionaries as `Module.state_dict()` and `Optimizer.state_dict()` nest them, so that
/// `load_state_dict` takes those as they are; the numbers of an optimizer's groups, and the file's own, come as
/// metadata. Equal calls give equal bytes, whatever the file is called. Elements begin at multiples of 64 bytes.
///
/// The members `.format_version` and `.storage_alignment` of PyTorch's own files are left out: they promise the
/// layout of its own zip writer, from which PyTorch would calculate where elements lie instead of looking.
public final class TorchWriter: ArchiveWriter {
  private let path: FilePath
  /// The archive until it is finished; nil afterwards.
  private var zip: ZipWriter?
  /// The names that were asked for.
  private var asked: OrderedSet<String> = []
  /// The names of what was written.
  private var keys: OrderedSet<String> = []
  private var tensors: [String: TorchPickler.Tensor] = [:]
  /// The bytes of what may be an integer to Python, which only its place among all others tells.
  private var counts: [String: [UInt8]] = [:]
  private var metadata = ArchiveMetadata()

  /// The folder in the archive, which PyTorch takes whatever it is called.
  private static let folder = "archive"

  /// Begins a file, which appears under its name when it is finished.
  ///
  /// - Parameters:
  ///   - path: The file; one that has the name already stays until then.
  ///   - durability: What `finish()` waits for.
  /// - Throws: `notFound` if the directory is not there, `inputOutput` if it cannot be written.
  public init(
    creating path: FilePath,
    durability: AtomicFile.Durability = .durable
  ) throws(FlywheelError) {
    self.path = path
    zip = try ZipWriter(replacing: path, durability: durability)
  }

  /// Attributes are values of dictionaries.
  public var holdsMetadata: Bool { true }

  /// Throws unless PyTorch has tensors of a type.
  ///
  /// - Parameters:
  ///   - description: The array.
  ///   - key: Its name.
  /// - Throws: `unsupported`, with the reason.
  public func requireRoom(
    for description: TensorDescription,
    under key: String
  ) throws(FlywheelError) {
    _ = try type(of: description, key)
    asked.append(key)
  }

  private func type(
    of description: TensorDescription,
    _ key: String
  ) throws(FlywheelError) -> TorchType {
    let found: TorchType? =
      switch description.element {
      case .number(let dtype): .of(dtype)
      case .opaque(let type): .named(type.name)
      }
    guard let type = found else {
      throw refusal("PyTorch has no tensors of type \(description.element).", key)
    }
    guard !key.isEmpty else { throw refusal("Found an empty name; rename the array.", key) }
    return type
  }

  private func refusal(_ message: String, _ key: String) -> FlywheelError {
    FlywheelError(.unsupported, message, at: .init(path: path, tensor: key))
  }

  /// Writes an array.
  ///
  /// - Parameters:
  ///   - description: What it is.
  ///   - key: Its name.
  ///   - crc32: The CRC-32 of its bytes, if it is known: none is computed then.
  ///   - elements: Hands out its bytes.
  /// - Throws: `unsupported` as `requireRoom(for:under:)`, `alreadyExists` if the name is taken, `mismatch` if
  ///   there are more or fewer bytes than described, `inputOutput`, and what `elements` throws.
  public func write(
    _ description: TensorDescription,
    under key: String,
    crc32: UInt32?,
    _ elements: Elements
  ) throws(FlywheelError) {
    let type = try type(of: description, key)
    guard keys.append(key).inserted else {
      throw FlywheelError(
        .alreadyExists,
        "There is an array of this name already.",
        at: .init(path: path, tensor: key)
      )
    }
    if description == Self.count, key.hasSuffix(".step") {
      counts[key] = try bytes(of: key, elements)
    } else {
      try write(description, type, under: key, crc32, elements)
    }
  }

  /// What reading a file makes of a number of steps that is an integer to Python.
  private static let count = try? TensorDescription(element: .number(.int64), shape: .scalar)

  private func bytes(of key: String, _ elements: Elements) throws(FlywheelError) -> [UInt8] {
    var bytes: [UInt8] = []
    try elements { (piece) throws(FlywheelError) in
      // The bytes are copied while the piece is there.
      unsafe piece.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }
    guard bytes.count == DType.int64.byteCount else {
      throw FlywheelError(
        .mismatch,
        "An integer of 8 bytes has \(bytes.count).",
        at: .init(path: path, tensor: key)
      )
    }
    return bytes
  }

  /// Writes the member of a tensor.
  private func write(
    _ description: TensorDescription,
    _ type: TorchType,
    under key: String,
    _ crc32: UInt32?,
    _ elements: Elements
  ) throws(FlywheelError) {
    let tensor = TorchPickler.Tensor(
      type: type,
      shape: description.shape,
      storage: tensors.count
    )
    tensors[key] = tensor
    do throws(FlywheelError) {
      try zip?
        .write(
          "\(Self.folder)/data/\(tensor.storage)",
          byteCount: description.byteCount,
          crc32: crc32,
          elements
        )
    } catch {
      throw error.located(path: path, tensor: key)
    }
  }

  /// Keeps what the file says besides its tensors for the pickle.
  ///
  /// - Parameter metadata: Attributes and empty groups.
  /// - Throws: Nothing.
  public func write(_ metadata: ArchiveMetadata) throws(FlywheelError) {
    self.metadata = metadata
  }

  /// What has no place in dictionaries, beside the tensors that were asked for.
  ///
  /// - Parameter metadata: Attributes and empty groups.
  /// - Returns: What would be left out, with the reasons.
  public func obstacles(to metadata: ArchiveMetadata) -> [ArchiveMetadata.Obstacle] {
    TorchNesting(asked, metadata).obstacles
  }

  /// Writes the pickle, makes the file durable and gives it its name.
  ///
  /// - Throws: `inputOutput`; a file that had the name before is then still there.
  public func finish() throws(FlywheelError) {
    let nesting = TorchNesting(keys, metadata)
    var integers: [String: Int64] = [:]
    for key in keys {
      guard let bytes = counts[key] else { continue }
      if nesting.isOfState(key) {
        integers[key] = bytes.reversed().reduce(0) { $0 << 8 | Int64($1) }
      } else if let count = Self.count, let type = TorchType.of(.int64) {
        try write(count, type, under: key, nil) { (body) throws(FlywheelError) in
          try body(bytes.rawBytes)
        }
      }
    }
    try write("data.pkl", TorchPickler.bytes(of: nesting, tensors, integers))
    try write("byteorder", Array("little".utf8))
    try write("version", Array("3\n".utf8))
    try zip.take()?.finish()
  }

  private func write(_ name: String, _ bytes: [UInt8]) throws(FlywheelError) {
    try zip?
      .write("\(Self.folder)/\(name)", byteCount: bytes.count) { (body) throws(FlywheelError) in
        try body(bytes.rawBytes)
      }
  }
}
