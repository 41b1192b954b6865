public import FlywheelCheckpoint
public import FlywheelConvert
public import FlywheelCore
public import FlywheelDialects
import FlywheelFormats
import FlywheelRun
import OrderedCollections
public import SystemPackage

/// One side of a comparison: what a file holds, understood as far as is known.
public struct DiffInput: Sendable {
  /// The file that was read.
  public let path: FilePath
  /// What it is.
  public internal(set) var kind: Kind
  /// Whose names and shapes it has; nil if its arrays only go by their names.
  public internal(set) var dialect: Dialect?
  /// Whether the dialect was recognised rather than said, by the file or by a person.
  public internal(set) var isRecognised = false
  /// The training state; nil if the file does not say enough to be one.
  public internal(set) var checkpoint: Checkpoint?
  /// Whether it is known how many steps the state has behind it.
  public internal(set) var knowsStep = true
  /// What counters say of a side that is no whole state.
  var counted: DialectReading.Numbers?
  /// Its arrays.
  public internal(set) var tensors: [DiffTensor]
  /// What a person should know besides.
  public internal(set) var notes: [String]

  /// What a side's arrays are read from, to be understood once more in a dialect; nil for what is.
  let archive: Source?

  /// What a file is.
  public enum Kind: String, Sendable, Hashable {
    /// A training state with its document.
    case checkpoint
    /// Consecutive steps with their document.
    case trace
    /// Arrays.
    case archive
  }

  /// A file of arrays without a document.
  struct Source: Sendable {
    let reader: any ArchiveReader
    let arrays: [ConvertedTensor]
    let naming: ConversionOptions
    /// What it says besides its arrays.
    let metadata: ArchiveMetadata
    /// Whether the file says of itself what optimizer it was trained with.
    let tellsOptimizer: Bool
  }

  /// Reads a file of any format.
  ///
  /// - Parameters:
  ///   - path: The file, or a directory of .npy files.
  ///   - naming: New names, shapes and types that its arrays get first.
  /// - Throws: What `FileFormat.open` throws, `corrupted` and the like for a checkpoint or trace that is not
  ///   whole, `invalidArgument` for a renaming that is about nothing.
  public init(
    reading path: FilePath,
    naming: ConversionOptions = ConversionOptions()
  ) throws(FlywheelError) {
    let format = try FileFormat.of(contentsOf: path)
    let reader = try format.open(path, checking: .structure)
    guard let training = try reader.trainingDocument() else {
      // The container's own checksums are all there are.
      try self.init(archive: try format.open(path), naming)
      return
    }
    if training.noun == "checkpoint" {
      try self.init(try CheckpointFile.read(path), from: path, naming)
    } else {
      try self.init(trace: reader, training, naming)
    }
  }

  /// Reads the newest checkpoint of a run that is whole.
  ///
  /// - Parameters:
  ///   - run: The run's directory.
  ///   - naming: New names, shapes and types that its arrays get first.
  /// - Throws: As `RunDirectory.newest(in:)`, and for a renaming as `init(reading:naming:)`.
  public init(
    newestOf run: FilePath,
    naming: ConversionOptions = ConversionOptions()
  ) throws(FlywheelError) {
    let newest = try RunDirectory.newest(in: run)
    try self.init(newest.checkpoint, from: newest.path, naming)
    for skipped in newest.skipped { notes.append("passed over \(skipped.path): \(skipped.reason)") }
  }

  /// Takes a training state that is in memory.
  ///
  /// - Parameters:
  ///   - checkpoint: The state.
  ///   - path: Where it comes from.
  ///   - naming: New names, shapes and types that its arrays get first.
  /// - Throws: As `init(reading:naming:)` for a renaming.
  public init(
    _ checkpoint: Checkpoint,
    from path: FilePath,
    _ naming: ConversionOptions = ConversionOptions()
  ) throws(FlywheelError) {
    self.path = path
    kind = .checkpoint
    dialect = try Dialect.named(checkpoint.layout?.dialect ?? Dialect.flywheel.name)
    self.checkpoint = checkpoint
    notes = []
    archive = nil
    tensors = try Self.renamed(Self.tensors(of: checkpoint), naming)
    try requireNamesOnce()
  }

  private init(
    trace reader: any ArchiveReader,
    _ training: TrainingDocument,
    _ naming: ConversionOptions
  ) throws(FlywheelError) {
    path = reader.path
    kind = .trace
    notes = []
    archive = nil
    _ = try Trace(from: reader)
    tensors = try Self.renamed(
      try training.index.entries.map { (key, entry) throws(FlywheelError) in
        Self.tensor(
          key,
          try TensorDescription(element: .number(entry.dtype), shape: entry.shape),
          in: reader
        )
      },
      naming
    )
    try requireNamesOnce()
  }

  private init(
    archive reader: any ArchiveReader,
    _ naming: ConversionOptions
  ) throws(FlywheelError) {
    path = reader.path
    kind = .archive
    notes = []
    let source = try ConversionSource(reader)
    var plan = NamePlan(naming)
    let arrays = try plan.apply(to: source.tensors)
    try plan.requireAllUsed()
    tensors = try arrays.map { (array) throws(FlywheelError) in
      Self.changed(Self.tensor(array.source, array.original, in: reader), by: array)
    }
    tensors += source.unreadable.map { DiffTensor(name: $0.key, key: $0.key, obstacle: $0.reason) }
    archive = Source(
      reader: reader,
      arrays: arrays,
      naming: naming,
      metadata: source.metadata,
      tellsOptimizer: try FoundOptimizer.find(in: source.metadata) != nil
    )
    try requireNamesOnce()
  }

  // MARK: Arrays

  /// The arrays of a checkpoint under Flywheel's own names.
  static func tensors(of checkpoint: Checkpoint) -> [DiffTensor] {
    var tensors: [DiffTensor] = []
    let places = checkpoint.layout?.places ?? [:]
    func add(_ name: String, _ role: DiffTensor.Role, _ tensor: Tensor) {
      tensors.append(DiffTensor(name: name, key: places[name]?.key ?? name, role: role, tensor))
    }
    for (name, parameter) in checkpoint.parameters {
      add(CheckpointKey.parameter(name), .parameter(name), parameter.value)
    }
    for (name, parameter) in checkpoint.parameters {
      if let master = parameter.master {
        add(CheckpointKey.master(name), .master(of: name), master)
      }
    }
    for (slot, buffers) in checkpoint.optimizer.slots {
      for (name, buffer) in buffers {
        add(CheckpointKey.slot(slot, of: name), .slot(slot, of: name), buffer)
      }
    }
    guard !checkpoint.history.metrics.isEmpty else { return tensors }
    if let steps = try? Tensor(vector: checkpoint.history.steps) {
      add(CheckpointKey.historySteps, .history, steps)
    }
    for (name, values) in checkpoint.history.metrics {
      if let values = try? Tensor(vector: values) {
        add(CheckpointKey.metric(name), .history, values)
      }
    }
    return tensors
  }

  /// A member of a file.
  private static func tensor(
    _ key: String,
    _ description: TensorDescription,
    in reader: any ArchiveReader
  ) -> DiffTensor {
    DiffTensor(name: key, key: key, description: description) { () throws(FlywheelError) in
      try FlywheelError.locating(path: reader.path, tensor: key) { () throws(FlywheelError) in
        try reader.tensor(key, as: try description.readable)
      }
    }
  }

  /// An array as a plan of names has it.
  private static func changed(_ tensor: DiffTensor, by plan: ConvertedTensor) -> DiffTensor {
    var tensor = tensor
    if plan.change != TensorChange() {
      tensor = tensor.changed(to: plan.result, "changed by a rule") {
        (original) throws(FlywheelError) in
        try plan.change.apply(to: original)
      }
    }
    return plan.target == tensor.name ? tensor : tensor.named(plan.target, as: tensor.role)
  }

  private static func renamed(
    _ tensors: [DiffTensor],
    _ naming: ConversionOptions
  ) throws(FlywheelError) -> [DiffTensor] {
    guard !naming.map.isEmpty || !naming.renames.isEmpty else { return tensors }
    var plan = NamePlan(naming)
    let planned = try plan.apply(
      to: tensors.compactMap { tensor in
        tensor.description.map { ConvertedTensor(tensor.name, $0) }
      }
    )
    try plan.requireAllUsed()
    return zip(tensors, planned).map { changed($0, by: $1) }
  }

  private func requireNamesOnce() throws(FlywheelError) {
    var keys: [String: String] = [:]
    for tensor in tensors {
      guard let other = keys.updateValue(tensor.key ?? "", forKey: tensor.name) else { continue }
      throw FlywheelError(
        .invalidArgument,
        "'\(other)' and '\(tensor.key ?? "")' would both be named '\(tensor.name)'.",
        at: .init(path: path)
      )
    }
  }
}

extension TensorDescription {
  /// The array as a tensor can hold it: elements that are no numbers as their bytes.
  fileprivate var readable: TensorDescription {
    get throws(FlywheelError) {
      guard case .opaque(let type) = element else { return self }
      return try TensorDescription(
        element: .number(.uint8),
        shape: try Shape(shape.extents + [type.byteCount])
      )
    }
  }
}
