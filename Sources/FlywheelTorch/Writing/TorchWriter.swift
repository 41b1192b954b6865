public import FlywheelCore
import FlywheelZip
public import OrderedCollections
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
  /// What may be a number to Python, which only its place among all others tells: its type and its bytes.
  private var counts: OrderedDictionary<String, (description: TensorDescription, bytes: [UInt8])> =
    [:]
  /// The names of tensors that are said to be one, and the name for all of them.
  private var ties: [String: String] = [:]
  /// The first tensor of those that are said to be one, with the checksum of its bytes, by that name.
  private var written: [String: (tensor: TorchPickler.Tensor, crc32: UInt32)] = [:]
  private var storageCount = 0
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
    if TorchNesting.canBeNumber(description) {
      counts[key] = (description, try bytes(of: key, elements))
    } else {
      try store(description, type, under: key, crc32, elements)
    }
  }

  /// Takes from what is said of the whole which tensors are one, as PyTorch's own files can have them.
  ///
  /// - Parameters:
  ///   - arrays: What will be written.
  ///   - metadata: What the file will say besides.
  /// - Throws: Nothing.
  public func announce(
    _ arrays: OrderedDictionary<String, TensorDescription>,
    _ metadata: ArchiveMetadata
  ) throws(FlywheelError) {
    for (key, other) in TorchStructure(in: metadata, count: arrays.count)?.ties ?? [:] {
      ties[key] = other
      ties[other] = other
    }
  }

  private func bytes(of key: String, _ elements: Elements) throws(FlywheelError) -> [UInt8] {
    var bytes: [UInt8] = []
    try elements { (piece) throws(FlywheelError) in
      // The bytes are copied while the piece is there.
      unsafe piece.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }
    guard bytes.count == DType.int64.byteCount else {
      throw FlywheelError(
        .mismatch,
        "A number of 8 bytes has \(bytes.count).",
        at: .init(path: path, tensor: key)
      )
    }
    return bytes
  }

  /// Writes a tensor, unless it is said to be another one and has the same elements still.
  private func store(
    _ description: TensorDescription,
    _ type: TorchType,
    under key: String,
    _ crc32: UInt32?,
    _ elements: Elements
  ) throws(FlywheelError) {
    guard let tie = ties[key] else {
      try write(description, type, under: key, crc32, elements)
      return
    }
    var sum: UInt32 = 0
    try elements { (piece) throws(FlywheelError) in
      sum = CRC32.checksum(piece, continuing: sum)
    }
    if let (tensor, other) = written[tie], tensor.type == type,
      tensor.shape == description.shape, other == sum
    {
      tensors[key] = tensor
      return
    }
    try write(description, type, under: key, sum, elements)
    if written[tie] == nil { written[tie] = tensors[key].map { ($0, sum) } }
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
      storage: storageCount
    )
    storageCount += 1
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
    var numbers: [String: TorchValue] = [:]
    for (key, (description, bytes)) in counts {
      if nesting.isNumber(key, description) {
        let bits = bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
        numbers[key] =
          description.element == .number(.float64)
          ? .double(Double(bitPattern: bits)) : .integer(Int64(bitPattern: bits))
      } else {
        let type = try type(of: description, key)
        try store(description, type, under: key, nil) { (body) throws(FlywheelError) in
          try body(bytes.rawBytes)
        }
      }
    }
    try write("data.pkl", TorchPickler.bytes(of: nesting, tensors, numbers))
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
