import FlywheelCheckpoint
public import FlywheelCore
import FlywheelDialects
import OrderedCollections

/// A file of tensors on its way into another container.
///
/// What the source holds is understood and planned when the conversion is made; what the target cannot
/// hold is found before anything is written; then the arrays go by piece by piece, and only one that is
/// transposed or gets another dtype is ever held whole.
public struct Conversion {
  /// The arrays, in the order in which they are written.
  public private(set) var tensors: [ConvertedTensor]
  /// What cannot go into the target; it is left out only if the options say so.
  public private(set) var obstacles: [ArchiveMetadata.Obstacle]
  /// What a person should know besides.
  public private(set) var notes: [String] = []
  /// `checkpoint` or `trace` if the target will be one; nil for a plain archive.
  public var noun: String? { document?.noun }

  private let reader: any ArchiveReader
  private let drops: Bool
  /// The document that is copied as it is, with what it says.
  private var document: TrainingDocument?
  private let documentTensor: Tensor?
  /// What a plain archive says besides its tensors.
  private var metadata = ArchiveMetadata()

  /// Plans a conversion.
  ///
  /// - Parameters:
  ///   - reader: The source.
  ///   - options: What happens besides changing the container.
  /// - Throws: `invalidArgument` for a pattern, a rule or a renaming that is about no tensor, does not fit
  ///   one, or gives two the same name; what reading throws; and if the source is a checkpoint or a trace,
  ///   what reading its document throws, and `mismatch` or `notFound` for tensors that are not as it says.
  public init(
    of reader: any ArchiveReader,
    _ options: ConversionOptions = ConversionOptions()
  ) throws(FlywheelError) {
    self.reader = reader
    drops = options.drops
    let source = try ConversionSource(reader)
    documentTensor = source.documentTensor
    var plan = NamePlan(options)
    tensors = try plan.apply(to: source.tensors)
    obstacles = plan.selected(source.unreadable).map {
      .init(name: "the tensor '\($0.key)'", reason: $0.reason)
    }
    try plan.requireAllUsed()
    try Self.requireDistinctNames(tensors)
    let isUnchanged =
      tensors.count == source.tensors.count && tensors.allSatisfy(\.isUnchanged)
    var said = source.metadata
    if let training = source.training {
      if isUnchanged {
        try takeOver(training, said)
        return
      }
      noteLostDocument(of: training)
      // They repeat the document, and say nothing of a part of it.
      for name in training.attributes.keys { said.attributes[""]?[name] = nil }
    }
    metadata = plan.metadata(said, of: tensors, without: source.unreadable.map(\.key))
    obstacles += metadata.obstacles
  }

  /// Prepares to write a checkpoint or a trace with its document: in the order of its index, without what
  /// that does not know.
  private mutating func takeOver(
    _ training: TrainingDocument,
    _ found: ArchiveMetadata
  ) throws(FlywheelError) {
    document = training
    let known = OrderedDictionary(tensors.map { ($0.source, $0) }) { first, _ in first }
    tensors = training.index.entries.keys.compactMap { known[$0] }
    for key in known.keys where training.index.entries[key] == nil {
      let reason = "is not in the index of the \(training.noun)'s document"
      obstacles.append(.init(name: "the tensor '\(key)'", reason: reason))
    }
    let dialect = training.optimizer.flatMap { try? Dialect.named($0.state.dialect) }
    let stated = try dialect.flatMap { (dialect) throws(FlywheelError) in
      try training.optimizer.map { (state, groups) throws(FlywheelError) in
        try dialect.statement(of: state, groups, isScheduled: false)
      }
    }
    // A framework completes what it is told by what Flywheel has no name for.
    let isCovered = { dialect?.statement?.covers($0) == true }
    for (owner, attributes) in found.attributes {
      for (name, value) in attributes {
        let expected = owner.isEmpty ? training.attributes[name] : stated?[owner]?[name]
        if expected == nil, isCovered(owner) { continue }
        guard expected.map({ value.saysTheSame(as: $0) }) != true else { continue }
        let place = owner.isEmpty ? "" : " of '\(owner)'"
        let reason =
          expected.map { "is \(value), which is not what the document says: \($0)" }
          ?? "is not what the document of a \(training.noun) says"
        obstacles.append(.init(name: "the attribute '\(name)'\(place)", reason: reason))
      }
    }
    for group in found.emptyGroups where !isCovered(group) {
      let reason = "is no part of a \(training.noun)"
      obstacles.append(.init(name: "the empty group '\(group)'", reason: reason))
    }
    obstacles += found.obstacles
  }

  private mutating func noteLostDocument(of training: TrainingDocument) {
    notes.append(
      "The result is a plain archive without the \(training.noun)'s document, which describes the tensors "
        + "as they were; 'flywheel resume' and 'verify' need it."
    )
  }

  private static func requireDistinctNames(
    _ tensors: [ConvertedTensor]
  ) throws(FlywheelError) {
    var sources: [String: String] = [:]
    for tensor in tensors {
      if let other = sources.updateValue(tensor.source, forKey: tensor.target) {
        throw FlywheelError(
          .invalidArgument,
          "'\(other)' and '\(tensor.source)' would both be named '\(tensor.target)'."
        )
      }
      guard tensor.target != CheckpointKey.document, !tensor.target.isEmpty else {
        throw FlywheelError(
          .invalidArgument,
          "'\(tensor.source)' cannot be named '\(tensor.target)'; choose another name."
        )
      }
    }
  }

  // MARK: Writing

  /// Writes all that was planned, and finishes the file.
  ///
  /// - Parameters:
  ///   - writer: The target.
  ///   - progress: Called with the number of bytes that have been read so far; what it throws ends the work.
  /// - Throws: `unsupported` before anything is written, naming all that the target cannot hold, unless it
  ///   may be left out; `corrupted` for a tensor whose bytes are not those that the source's document is
  ///   about; `invalidArgument` for a number that does not fit its new dtype; and what reading and writing
  ///   throw. The target is not there then, or is the one that was there before.
  public mutating func write(
    to writer: any ArchiveWriter,
    progress: (Int) throws(FlywheelError) -> Void = { _ in }
  ) throws(FlywheelError) {
    let room = TargetRoom(writer)
    let misfits = room.misfits(among: tensors)
    if !misfits.isEmpty { loseDocument() }
    tensors.removeAll { misfits[$0.target] != nil }
    for name in misfits.keys { metadata.attributes[name] = nil }
    obstacles += misfits.values
    let (described, document) = try documentToWrite(writer)
    var tensor = document
    if let reason = tensor.flatMap({ room.obstacle(to: $0, under: CheckpointKey.document) }) {
      obstacles +=
        described.map { Self.contents(of: $0, reason) } ?? [
          .init(name: "the document '\(CheckpointKey.document)'", reason: reason)
        ]
      loseDocument()
      tensor = nil
    }
    let root = described?.metadata.attributes[""]?.keys ?? []
    if tensor == nil, root.contains(where: ArchiveMetadata.isTorchStructure) {
      notes.append(
        "The result does not say which dictionaries and lists the arrays were in, as PyTorch's file does."
      )
    }
    if writer.holdsMetadata { obstacles += writer.obstacles(to: metadataToWrite) }
    try requireNoObstacle()
    try write(tensor, to: writer, progress)
  }

  /// Goes on as with a plain archive.
  private mutating func loseDocument() {
    guard let training = document else { return }
    document = nil
    noteLostDocument(of: training)
  }

  private func write(
    _ document: Tensor?,
    to writer: any ArchiveWriter,
    _ progress: (Int) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    try announce(document, to: writer)
    var byteCount = 0
    for tensor in tensors {
      try FlywheelError.locating(path: reader.path, tensor: tensor.source) {
        () throws(FlywheelError) in
        if tensor.keepsBytes {
          try stream(tensor, to: writer) { (count) throws(FlywheelError) in
            try progress(byteCount + count)
          }
        } else {
          try writer.write(try changed(tensor), under: tensor.target)
        }
        byteCount += tensor.original.byteCount
        try progress(byteCount)
      }
    }
    if let document { try writer.write(document, under: CheckpointKey.document) }
    if writer.holdsMetadata { try writer.write(metadataToWrite) }
    try writer.finish()
  }

  private func announce(
    _ document: Tensor?,
    to writer: any ArchiveWriter
  ) throws(FlywheelError) {
    var arrays = OrderedDictionary(
      uniqueKeysWithValues: tensors.map { ($0.target, $0.result) }
    )
    arrays[CheckpointKey.document] = document.map { TensorDescription(of: $0) }
    let metadata = metadataToWrite
    // A part of what repeats a document would only be one more thing to compare.
    let isRepetition = self.document != nil && !writer.hasRoom(for: metadata)
    try writer.announce(arrays, isRepetition ? ArchiveMetadata() : metadata)
  }

  private func stream(
    _ tensor: ConvertedTensor,
    to writer: any ArchiveWriter,
    _ progress: (Int) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    try writer.write(tensor.result, under: tensor.target, crc32: tensor.entry?.crc32) {
      (body) throws(FlywheelError) in
      // A writer may ask for the bytes more than once.
      var crc: UInt32 = 0
      var count = 0
      try reader.read(tensor.source) { (piece) throws(FlywheelError) in
        if tensor.entry != nil { crc = CRC32.checksum(piece, continuing: crc) }
        try body(piece)
        count += piece.byteCount
        try progress(count)
      }
      try tensor.entry?.check(crc32: crc, of: tensor.source)
    }
  }

  private func changed(_ tensor: ConvertedTensor) throws(FlywheelError) -> Tensor {
    let original = try reader.tensor(tensor.source, as: tensor.original)
    if let entry = tensor.entry { try entry.check(crc32: original.crc32, of: tensor.source) }
    return try tensor.change.apply(to: original)
  }

  // MARK: What goes besides the tensors

  private var metadataToWrite: ArchiveMetadata {
    if let document { return ArchiveMetadata(attributes: ["": document.attributes]) }
    // A group whose tensors have all gone elsewhere still has its attributes.
    guard metadata.attributes.keys.contains(where: { !$0.isEmpty }) else { return metadata }
    var places = Set(tensors.map(\.target) + metadata.emptyGroups + [""])
    for tensor in tensors { places.formUnion(TargetRoom.groups(above: tensor.target)) }
    var metadata = metadata
    metadata.emptyGroups += metadata.attributes.keys.filter { !places.contains($0) }
    return metadata
  }

  /// The document that the target needs, as what it is if Flywheel makes it, and as a tensor.
  private func documentToWrite(
    _ writer: any ArchiveWriter
  ) throws(FlywheelError) -> (ArchiveDocument?, Tensor?) {
    if document != nil { return (nil, documentTensor) }
    let described = ArchiveDocument(
      dtypes: writer.namesEveryDType ? [:] : unnamedDTypes,
      metadata: writer.hasRoom(for: metadata) ? ArchiveMetadata() : metadata
    )
    return described.isEmpty ? (nil, nil) : (described, try described.tensor())
  }

  /// The dtypes that not every format has a name for, by the tensors' names in the target.
  private var unnamedDTypes: OrderedDictionary<String, DType> {
    OrderedDictionary(
      uniqueKeysWithValues: tensors.compactMap { tensor in
        guard let dtype = tensor.result.element.dtype, dtype.isOnlyBytesInNumPy else { return nil }
        return (tensor.target, dtype)
      }
    )
  }

  /// What a document holds, by name, for a target that cannot take it.
  private static func contents(
    of document: ArchiveDocument,
    _ reason: String
  ) -> [ArchiveMetadata.Obstacle] {
    let dtypes = document.dtypes.map { "the dtype \($1.rawValue) of '\($0)'" }
    let attributes = document.metadata.attributes.flatMap { owner, values in
      // Of use to PyTorch alone, it is only noted.
      values.keys.filter { !owner.isEmpty || !ArchiveMetadata.isTorchStructure($0) }
        .map { "the attribute '\($0)'" + (owner.isEmpty ? "" : " of '\(owner)'") }
    }
    let groups = document.metadata.emptyGroups.map { "the empty group '\($0)'" }
    return (dtypes + attributes + groups).map { .init(name: $0, reason: reason) }
  }

  private func requireNoObstacle() throws(FlywheelError) {
    let obstacles = obstacles.filter { !$0.isFileBeside }
    guard !drops, !obstacles.isEmpty else { return }
    let shown = obstacles.prefix(4).map { obstacle in
      "\n  \(FlywheelError.oneLine(obstacle.name)): \(obstacle.reason)"
    }.joined()
    let rest = obstacles.count > 4 ? "\n  … and \(obstacles.count - 4) more" : ""
    throw FlywheelError(
      .unsupported,
      "Not everything can go into the target; --drop leaves it out:\(shown)\(rest)",
      at: .init(path: reader.path)
    )
  }
}
