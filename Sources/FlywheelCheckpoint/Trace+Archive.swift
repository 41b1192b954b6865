public import FlywheelCore
public import OrderedCollections

extension Trace {
  /// The keys of all tensors of the trace, the document among them.
  public var keys: [String] {
    var keys = [CheckpointKey.traceSteps]
    keys += parameters.keys.map { CheckpointKey.parameter($0) }
    for (slot, buffers) in optimizer.slots {
      keys += buffers.keys.map { CheckpointKey.slot(slot, of: $0) }
    }
    keys += parameters.keys.map { CheckpointKey.gradient($0) }
    return keys + [CheckpointKey.document]
  }

  /// The trace as an archive: tensors under their keys, and the JSON document.
  ///
  /// - Throws: `limitExceeded` if there is no memory for the small tensors made here, or the document
  ///   would be too long to be read.
  /// - Returns: The archive.
  public func archive() throws(FlywheelError) -> Archive { try indexedArchive().archive }

  /// The same, with the index that its document has.
  package func indexedArchive() throws(FlywheelError) -> (archive: Archive, index: TensorIndex) {
    var tensors: OrderedDictionary<String, Tensor> = [:]
    tensors[CheckpointKey.traceSteps] = try Tensor(vector: rows.map { Int64($0.step) })
    for (name, parameter) in parameters {
      tensors[CheckpointKey.parameter(name)] = parameter.values
    }
    for (slot, buffers) in optimizer.slots {
      for (name, buffer) in buffers { tensors[CheckpointKey.slot(slot, of: name)] = buffer }
    }
    for (name, parameter) in parameters {
      tensors[CheckpointKey.gradient(name)] = parameter.gradients
    }
    let index = TensorIndex(of: tensors)
    let document = CheckpointDocument(members: members(index: index))
    tensors[CheckpointKey.document] = try document.tensor()
    return (Archive(tensors: tensors, attributes: attributes), index)
  }

  /// What people who open the file with h5py or h5dump look for first; it repeats the document.
  public var attributes: OrderedDictionary<String, AttributeValue> {
    Self.attributes(optimizer, rowCount: rows.count)
  }

  /// The attributes of the trace that a document describes.
  static func attributes(
    of document: CheckpointDocument
  ) throws(FlywheelError) -> OrderedDictionary<String, AttributeValue> {
    var root = try JSONObject(.object(document.members))
    return attributes(
      try OptimizerState(try root.object("optimizer")),
      rowCount: try root.objects("rows").count
    )
  }

  private static func attributes(
    _ optimizer: OptimizerState,
    rowCount: Int
  ) -> OrderedDictionary<String, AttributeValue> {
    [
      "step": .integer(Int64(optimizer.step)), "rows": .integer(Int64(rowCount)),
      "rule": .string(optimizer.rule),
    ]
  }

  /// Whether a tensor is the document of a trace.
  ///
  /// - Parameter tensor: The tensor under `CheckpointKey.document`; nil if there is none.
  /// - Returns: Whether it is, as its `format` says and its checksum confirms.
  public static func isDocument(_ tensor: Tensor?) -> Bool {
    CheckpointDocument.kind(of: tensor) == .trace
  }

  /// The document of a trace as JSON, its checksum verified, for people who look at it.
  ///
  /// - Parameter tensor: The tensor under `CheckpointKey.document`; nil if there is none.
  /// - Throws: As `init(verification:reading:)`.
  /// - Returns: The document, the checksum its last member.
  public static func documentJSON(_ tensor: Tensor?) throws(FlywheelError) -> JSONValue {
    try CheckpointDocument.json(tensor, as: .trace)
  }

  /// Understands the tensors of a file as a trace.
  ///
  /// - Parameters:
  ///   - verification: How far to check it.
  ///   - tensor: Gives the tensor under a key; nil if there is none. Called once for the document,
  ///     then once for each tensor that its index lists.
  /// - Throws: `invalidArgument` if there is no document, `unsupported` for a newer schema,
  ///   `corrupted`, `mismatch`, `notFound` or `malformed` for a damaged trace, naming the tensor.
  public init(
    verification: Verification = .checksums,
    reading tensor: (String) throws(FlywheelError) -> Tensor?
  ) throws(FlywheelError) {
    try self.init(try tensor(CheckpointKey.document), verification) {
      (index) throws(FlywheelError) in
      try index.entries.keys.map { (key) throws(FlywheelError) in try tensor(key) }
    }
  }

  /// Understands what a file holds as a trace, and loads it with all processors where that is faster.
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
    let document = try CheckpointDocument(document, as: .trace)
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
    saved = try Checkpoint.Saved(try root.object("saved"))
    optimizer = try OptimizerState(try root.object("optimizer"))
    rows = []
    parameters = [:]
    for row in try root.objects("rows") { try readRow(row) }
    let records = try ParameterRecord.list(
      try root.objects("parameters"),
      groupCount: optimizer.groups.count
    )
    for record in records { try addParameter(record, &tensors) }
    try root.refuseOtherMembers()
    try checkSteps(tensors.removeValue(forKey: CheckpointKey.traceSteps))
    for (key, tensor) in tensors { try placeBuffer(tensor, key) }
  }

  private func members(index: TensorIndex) -> OrderedDictionary<String, JSONValue> {
    [
      "format": JSONValue(CheckpointDocument.Kind.trace.rawValue),
      "schema": JSONValue(Self.schema),
      "writer": JSONValue(writer),
      "saved": ["run": JSONValue(saved.run), "time": JSONValue(saved.time)],
      "parameters": .array(
        parameters.map { ParameterRecord(name: $0, group: $1.group, axes: $1.axes).json }
      ),
      "optimizer": optimizer.json,
      "rows": .array(
        rows.map { row in
          [
            "step": JSONValue(row.step),
            "learning_rates": .array(row.learningRates.map { JSONValue($0) }),
          ]
        }
      ),
      "tensors": index.json,
    ]
  }

  private mutating func readRow(_ source: JSONObject) throws(FlywheelError) {
    var object = source
    let row = Row(
      step: try object.integer("step", in: Counter.range),
      learningRates: try object.doubles("learning_rates")
    )
    try object.refuseOtherMembers()
    let expected = optimizer.step + rows.count
    guard row.step == expected, row.learningRates.count == optimizer.groups.count else {
      throw FlywheelError.malformed(
        found: "step \(row.step) with \(row.learningRates.count) learning rates in \(source.path)",
        expected: "step \(expected) with one for each of \(optimizer.groups.count) groups"
      )
    }
    rows.append(row)
  }

  private mutating func addParameter(
    _ record: ParameterRecord,
    _ tensors: inout OrderedDictionary<String, Tensor>
  ) throws(FlywheelError) {
    let key = CheckpointKey.parameter(record.name)
    let gradientKey = CheckpointKey.gradient(record.name)
    let axes = record.axes
    for needed in [key, gradientKey] where tensors[needed] == nil {
      throw FlywheelError(
        .notFound,
        "The document lists a parameter that its index does not list.",
        at: .init(tensor: needed)
      )
    }
    guard let values = tensors.removeValue(forKey: key),
      let gradients = tensors.removeValue(forKey: gradientKey)
    else { return }
    guard values.shape.extents.first == rows.count, values.shape.rank == axes.count + 1 else {
      throw FlywheelError(
        .mismatch,
        "The values have shape \(values.shape); expected \(rows.count) rows of \(axes.count) axes.",
        at: .init(tensor: key)
      )
    }
    guard gradients.shape == values.shape, gradients.dtype == values.dtype else {
      throw FlywheelError(
        .mismatch,
        "The gradients are \(gradients.dtype.rawValue) \(gradients.shape), the values "
          + "\(values.dtype.rawValue) \(values.shape).",
        at: .init(tensor: gradientKey)
      )
    }
    parameters[record.name] = TracedParameter(
      values: values,
      gradients: gradients,
      group: record.group,
      axes: axes
    )
  }

  /// Puts a tensor of the index, which can only be a buffer, where its key says it belongs.
  private mutating func placeBuffer(_ tensor: Tensor, _ key: String) throws(FlywheelError) {
    let components = key.pathComponents
    guard components.count == 3, components[0] == CheckpointKey.optimizer,
      let slot = CheckpointKey.name(fromComponent: components[1]),
      let name = CheckpointKey.name(fromComponent: components[2]),
      let values = parameters[name]?.values
    else {
      throw FlywheelError(
        .malformed,
        "The document gives this tensor no place: it is neither a listed parameter's nor a slot.",
        at: .init(tensor: key)
      )
    }
    guard tensor.shape.extents.dropFirst() == values.shape.extents.dropFirst(),
      let count = tensor.shape.extents.first, (1...max(1, rows.count)).contains(count)
    else {
      throw FlywheelError(
        .mismatch,
        "The buffers have shape \(tensor.shape), the values of their parameter \(values.shape).",
        at: .init(tensor: key)
      )
    }
    optimizer.slots[slot, default: [:]][name] = tensor
  }

  private func checkSteps(_ tensor: Tensor?) throws(FlywheelError) {
    let location = FlywheelError.Location(tensor: CheckpointKey.traceSteps)
    guard let tensor else {
      throw FlywheelError(
        .notFound,
        "The index does not list the steps of the trace.",
        at: location
      )
    }
    let steps: [Int64] = try FlywheelError.locating(tensor: CheckpointKey.traceSteps) {
      () throws(FlywheelError) in
      try tensor.elements()
    }
    guard steps == rows.map({ Int64($0.step) }), tensor.shape.rank == 1 else {
      throw FlywheelError(
        .mismatch,
        "The steps are not those of the document's rows.",
        at: location
      )
    }
  }
}
