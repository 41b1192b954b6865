public import FlywheelCore
import FlywheelOptim
public import OrderedCollections

extension Checkpoint {
  /// The keys of all tensors of the checkpoint, the document among them.
  public var keys: [String] {
    var keys = parameters.keys.map { CheckpointKey.parameter($0) }
    keys += parameters.filter { $0.value.master != nil }.keys.map { CheckpointKey.master($0) }
    for (slot, buffers) in optimizer.slots {
      keys += buffers.keys.map { CheckpointKey.slot(slot, of: $0) }
    }
    keys += random.keys.map { CheckpointKey.randomStream($0) }
    if !history.metrics.isEmpty { keys.append(CheckpointKey.historySteps) }
    keys += history.metrics.keys.map { CheckpointKey.metric($0) }
    if let layout { keys = keys.map { layout.places[$0]?.key ?? $0 } + layout.counters.keys }
    return keys + [CheckpointKey.document]
  }

  /// The checkpoint as an archive: tensors under their keys, or as its layout has them, and the JSON
  /// document.
  ///
  /// - Throws: `limitExceeded` if there is no memory for the tensors made here, or the document would be too
  ///   long to be read; `invalidArgument` or `mismatch` for a layout that does not fit.
  /// - Returns: The archive, with a few attributes that repeat the document for people.
  public func archive() throws(FlywheelError) -> Archive { try indexedArchive().archive }

  /// The same, with the index that its document has.
  package func indexedArchive() throws(FlywheelError) -> (archive: Archive, index: TensorIndex) {
    var tensors: OrderedDictionary<String, Tensor> = [:]
    for (name, parameter) in parameters {
      tensors[CheckpointKey.parameter(name)] = parameter.value
    }
    for (name, parameter) in parameters {
      if let master = parameter.master { tensors[CheckpointKey.master(name)] = master }
    }
    for (slot, buffers) in optimizer.slots {
      for (name, buffer) in buffers { tensors[CheckpointKey.slot(slot, of: name)] = buffer }
    }
    for (stream, words) in random {
      tensors[CheckpointKey.randomStream(stream)] = try Tensor(vector: words)
    }
    if !history.metrics.isEmpty {
      tensors[CheckpointKey.historySteps] = try Tensor(vector: history.steps)
      for (name, values) in history.metrics {
        tensors[CheckpointKey.metric(name)] = try Tensor(vector: values)
      }
    }
    let layout = try layout?.of(Array(tensors.keys), dialect: optimizer.dialect)
    if let layout { tensors = try layout.stored(tensors) }
    let index = TensorIndex(of: tensors)
    let document = CheckpointDocument(members: members(index: index, layout))
    tensors[CheckpointKey.document] = try document.tensor()
    return (Archive(tensors: tensors, attributes: attributes), index)
  }

  /// Understands the tensors of a file as a checkpoint.
  ///
  /// - Parameters:
  ///   - verification: How far to check it.
  ///   - tensor: Gives the tensor under a key; nil if there is none. Called once for the document,
  ///     then once for each tensor that its index lists.
  /// - Throws: `invalidArgument` if there is no document, `unsupported` for a newer schema,
  ///   `corrupted`, `mismatch`, `notFound` or `malformed` for a damaged checkpoint, naming the tensor.
  public init(
    verification: Verification = .checksums,
    reading tensor: (String) throws(FlywheelError) -> Tensor?
  ) throws(FlywheelError) {
    try self.init(try tensor(CheckpointKey.document), verification) {
      (index) throws(FlywheelError) in
      try index.entries.keys.map { (key) throws(FlywheelError) in try tensor(key) }
    }
  }

  /// Understands what a file holds as a checkpoint, and loads it with all processors where that is faster.
  ///
  /// - Parameters:
  ///   - reader: The file.
  ///   - verification: How far to check it.
  /// - Throws: As `init(verification:reading:)`, with the path.
  public init(
    from reader: any ArchiveReader,
    verification: Verification = .checksums
  ) throws(FlywheelError) {
    do throws(FlywheelError) {
      try self.init(try reader.document(), verification) { (index) throws(FlywheelError) in
        try reader.tensors(of: index)
      }
    } catch {
      throw error.located(path: reader.path)
    }
  }

  private init(
    _ document: Tensor?,
    _ verification: Verification,
    _ fetch: TensorIndex.Fetch
  ) throws(FlywheelError) {
    let document = try CheckpointDocument(document, as: .checkpoint)
    do throws(FlywheelError) {
      try self.init(document, verification, fetch)
    } catch {
      throw error.located(tensor: CheckpointKey.document)
    }
  }

  private init(
    _ document: CheckpointDocument,
    _ verification: Verification,
    _ fetch: TensorIndex.Fetch
  ) throws(FlywheelError) {
    var root = try JSONObject(.object(document.members))
    _ = try root.string("format")
    _ = try root.integer("schema")
    var tensors = try TensorIndex(try root.object("tensors")).tensors(verification, fetch)

    writer = try root.string("writer")
    saved = try Saved(try root.object("saved"))
    optimizer = try OptimizerState(try root.object("optimizer"))
    if let layout = try root.nullableObject("layout") {
      self.layout = try CheckpointLayout(layout, restoring: &tensors, dialect: optimizer.dialect)
    }
    progress = try Progress(try root.object("progress"))
    if var schedule = try root.nullableObject("schedule") {
      self.schedule = try Self.schedule(&schedule, optimizer, progress)
    }
    var random = try root.object("random")
    generator = try random.string("generator")
    try random.refuseOtherMembers()
    data = try root.nullableObject("data").map(DataDescription.init)
    backend = try root.nullableObject("backend").map(Backend.init)
    trainer = try root.nullableObject("trainer") == nil ? .null : root.value("trainer")
    parameters = [:]
    self.random = [:]
    history = History()
    let records = try ParameterRecord.list(
      try root.objects("parameters"),
      groupCount: optimizer.groups.count
    )
    for record in records { try addParameter(record, from: tensors) }
    try root.refuseOtherMembers()
    for (key, tensor) in tensors {
      try FlywheelError.locating(tensor: key) { () throws(FlywheelError) in try place(tensor, key) }
    }
    try checkHistory()
  }

  /// The document of a checkpoint as JSON, its checksum verified, for people who look at it.
  ///
  /// - Parameter tensor: The tensor under `CheckpointKey.document`; nil if there is none.
  /// - Throws: As `init(verification:reading:)`.
  /// - Returns: The document, the checksum its last member.
  public static func documentJSON(_ tensor: Tensor?) throws(FlywheelError) -> JSONValue {
    try CheckpointDocument.json(tensor, as: .checkpoint)
  }

  private func members(
    index: TensorIndex,
    _ layout: CheckpointLayout?
  ) -> OrderedDictionary<String, JSONValue> {
    [
      "format": "flywheel.checkpoint",
      "schema": JSONValue(Self.schema),
      "writer": JSONValue(writer),
      "saved": ["run": JSONValue(saved.run), "time": JSONValue(saved.time)],
      "parameters": .array(
        parameters.map { ParameterRecord(name: $0, group: $1.group, axes: $1.axes).json }
      ),
      "optimizer": optimizer.json,
      "schedule": schedule.map { Self.json($0, optimizer, progress) } ?? .null,
      "progress": progress.json,
      "random": ["generator": JSONValue(generator)],
      "data": data?.json ?? .null,
      "backend": backend?.json ?? .null,
      "trainer": trainer,
      "layout": layout?.json ?? .null,
      "tensors": index.json,
    ]
  }

  /// What people who open the file with h5py or h5dump look for first; it repeats the document.
  public var attributes: OrderedDictionary<String, AttributeValue> {
    Self.attributes(optimizer, progress, axes: parameters.values.map(\.axes))
  }

  /// The attributes of the checkpoint that a document describes.
  static func attributes(
    of document: CheckpointDocument
  ) throws(FlywheelError) -> OrderedDictionary<String, AttributeValue> {
    var root = try JSONObject(.object(document.members))
    let optimizer = try OptimizerState(try root.object("optimizer"))
    let records = try ParameterRecord.list(
      try root.objects("parameters"),
      groupCount: optimizer.groups.count
    )
    return attributes(
      optimizer,
      try Progress(try root.object("progress")),
      axes: records.map(\.axes)
    )
  }

  /// The optimizer that a document describes, without its buffers, and the group of each parameter by its key in
  /// the file.
  static func optimizer(
    of document: CheckpointDocument
  ) throws(FlywheelError) -> (state: OptimizerState, groups: OrderedDictionary<String, Int>) {
    var root = try JSONObject(.object(document.members))
    let optimizer = try OptimizerState(try root.object("optimizer"))
    let records = try ParameterRecord.list(
      try root.objects("parameters"),
      groupCount: optimizer.groups.count
    )
    var layout = try root.nullableObject("layout")
    var places = try layout?.object("tensors")
    let moved = Set(places?.names ?? [])
    var groups: OrderedDictionary<String, Int> = [:]
    for record in records {
      let key = CheckpointKey.parameter(record.name)
      var place = moved.contains(key) ? try places?.object(key) : nil
      groups[try place?.string("tensor") ?? key] = record.group
    }
    return (optimizer, groups)
  }

  private static func attributes(
    _ optimizer: OptimizerState,
    _ progress: Progress,
    axes: [[String]]
  ) -> OrderedDictionary<String, AttributeValue> {
    var attributes: OrderedDictionary<String, AttributeValue> = [
      "step": .integer(Int64(optimizer.step)),
      "epoch": .integer(Int64(progress.epoch)),
      "rule": .string(optimizer.rule),
    ]
    for name in [Hyperparameter.learningRate, .momentum, .weightDecay] {
      guard case .number(let number)? = optimizer.groups.first?.hyperparameters[name] else {
        continue
      }
      attributes[name.rawValue] = .double(number)
    }
    let kinds = Set(axes.map { "(" + $0.joined(separator: ", ") + ")" }).sorted()
    attributes["axes"] = .string(kinds.joined(separator: " "))
    return attributes
  }

  private mutating func addParameter(
    _ record: ParameterRecord,
    from tensors: OrderedDictionary<String, Tensor>
  ) throws(FlywheelError) {
    let key = CheckpointKey.parameter(record.name)
    guard let value = tensors[key] else {
      throw FlywheelError(
        .notFound,
        "The document lists a parameter that its index does not list.",
        at: .init(tensor: key)
      )
    }
    guard record.axes.count == value.shape.rank else {
      throw FlywheelError(
        .mismatch,
        "The document names other axes than the tensor's \(value.shape.rank).",
        at: .init(tensor: key)
      )
    }
    parameters[record.name] = Parameter(value: value, group: record.group, axes: record.axes)
  }

  /// Puts a tensor of the index where its key says it belongs.
  private mutating func place(_ tensor: Tensor, _ key: String) throws(FlywheelError) {
    let components = key.pathComponents
    let names = components.dropFirst().map { CheckpointKey.name(fromComponent: $0) }
    switch (components.first, names.count) {
    case (CheckpointKey.model, 1):
      guard let name = names[0], parameters[name] != nil else { break }
      return
    case (CheckpointKey.master, 1):
      guard let name = names[0], let value = parameters[name]?.value else { break }
      guard tensor.shape == value.shape, tensor.dtype.isFloatingPoint else {
        throw FlywheelError(
          .mismatch,
          "The master weight is \(tensor.dtype.rawValue) \(tensor.shape), its parameter "
            + "\(value.dtype.rawValue) \(value.shape)."
        )
      }
      parameters[name]?.master = tensor
      return
    case (CheckpointKey.optimizer, 2):
      guard let slot = names[0], let name = names[1], let parameter = parameters[name]
      else { break }
      guard tensor.shape == parameter.value.shape else {
        throw FlywheelError(
          .mismatch,
          "The buffer has shape \(tensor.shape), its parameter \(parameter.value.shape)."
        )
      }
      optimizer.slots[slot, default: [:]][name] = tensor
      return
    case (CheckpointKey.random, 1):
      guard let stream = names[0] else { break }
      let words: [UInt64] = try tensor.elements()
      if generator == Self.philox { _ = try Philox(words: words) }
      random[stream] = words
      return
    case (CheckpointKey.history, 1):
      guard let metric = names[0] else { break }
      if key == CheckpointKey.historySteps {
        history.steps = try tensor.elements()
      } else {
        history.metrics[metric] = try tensor.elements()
      }
      return
    default: break
    }
    throw FlywheelError(
      .malformed,
      "The document gives this tensor no place: it is neither a listed parameter's, nor a slot, "
        + "a master weight, a random stream or a metric."
    )
  }

  private func checkHistory() throws(FlywheelError) {
    guard history.steps.isEmpty || !history.metrics.isEmpty else {
      throw FlywheelError(
        .malformed,
        "There are \(history.steps.count) steps of a history, but no metric.",
        at: .init(tensor: CheckpointKey.historySteps)
      )
    }
    for (name, values) in history.metrics where values.count != history.steps.count {
      throw FlywheelError(
        .mismatch,
        "The metric has \(values.count) values for \(history.steps.count) steps.",
        at: .init(tensor: CheckpointKey.metric(name))
      )
    }
  }

  /// How much of what a schedule counts is done: its whole state.
  private static func position(
    _ schedule: Schedule,
    _ optimizer: OptimizerState,
    _ progress: Progress
  ) -> Int {
    switch schedule.unit {
    case .step: optimizer.step
    case .epoch: progress.epoch
    }
  }

  private static func json(
    _ schedule: Schedule,
    _ optimizer: OptimizerState,
    _ progress: Progress
  ) -> JSONValue {
    guard case .object(var members) = schedule.json else { return .null }
    members["position"] = JSONValue(position(schedule, optimizer, progress))
    return .object(members)
  }

  private static func schedule(
    _ object: inout JSONObject,
    _ optimizer: OptimizerState,
    _ progress: Progress
  ) throws(FlywheelError) -> Schedule {
    let schedule: Schedule
    do throws(FlywheelError) {
      schedule = try Schedule(reading: &object)
    } catch {
      guard error.code == .invalidArgument else { throw error }
      // In a file it is not the user's argument that is wrong.
      throw FlywheelError(.malformed, "In \(object.path): \(error.message)")
    }
    let found = try object.integer("position", in: Counter.range)
    let expected = position(schedule, optimizer, progress)
    guard found == expected else {
      throw FlywheelError.malformed(
        found: "position \(found) in \(object.path)",
        expected: "\(expected), the \(schedule.unit.rawValue)s done"
      )
    }
    try object.refuseOtherMembers()
    return schedule
  }
}
