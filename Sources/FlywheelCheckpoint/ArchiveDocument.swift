package import FlywheelCore
package import OrderedCollections

/// What a plain archive says besides its tensors, as a JSON document for containers that have no room of
/// their own for it: attributes, empty groups, and the dtypes that the container has no name for.
package struct ArchiveDocument {
  /// The dtypes of tensors that the container holds as bytes of no type, by key.
  package var dtypes: OrderedDictionary<String, DType>
  /// The attributes and the empty groups; obstacles are not kept.
  package var metadata: ArchiveMetadata

  /// The version of the layout that this Flywheel writes, and the newest that it reads.
  static let schema = 1

  package init(
    dtypes: OrderedDictionary<String, DType> = [:],
    metadata: ArchiveMetadata = ArchiveMetadata()
  ) {
    self.dtypes = dtypes
    self.metadata = metadata
  }

  /// Whether there is nothing to say.
  package var isEmpty: Bool {
    dtypes.isEmpty && metadata.emptyGroups.isEmpty
      && metadata.attributes.values.allSatisfy(\.isEmpty)
  }

  /// The tensor that holds the document.
  ///
  /// - Throws: `limitExceeded` if it would be too long to be read again, or there is no memory for it.
  package func tensor() throws(FlywheelError) -> Tensor {
    let attributes = metadata.attributes.filter { !$0.value.isEmpty }
    let document = CheckpointDocument(members: [
      "format": JSONValue(CheckpointDocument.Kind.archive.rawValue),
      "schema": JSONValue(Self.schema),
      "tensors": .object(dtypes.mapValues { ["dtype": JSONValue($0.rawValue)] }),
      "attributes": .object(attributes.mapValues { .object($0.mapValues(\.json)) }),
      "groups": .array(metadata.emptyGroups.map { JSONValue($0) }),
    ])
    return try document.tensor()
  }

  /// Reads the document that a tensor holds.
  ///
  /// - Parameter tensor: The tensor under `CheckpointKey.document`.
  /// - Throws: `corrupted` if its checksum does not match, `unsupported` for a newer schema, `malformed` or
  ///   `notFound` if it is damaged.
  package init(_ tensor: Tensor?) throws(FlywheelError) {
    let document = try CheckpointDocument(tensor, as: .archive)
    dtypes = [:]
    metadata = ArchiveMetadata()
    do throws(FlywheelError) {
      try read(document)
    } catch {
      throw error.located(tensor: CheckpointKey.document)
    }
  }

  private mutating func read(_ document: CheckpointDocument) throws(FlywheelError) {
    var root = try JSONObject(.object(document.members))
    _ = try root.string("format")
    _ = try root.integer("schema")
    var tensors = try root.object("tensors")
    for key in tensors.names {
      var entry = try tensors.object(key)
      dtypes[key] = try DType(named: try entry.string("dtype"), by: "The document")
      try entry.refuseOtherMembers()
    }
    var owners = try root.object("attributes")
    for owner in owners.names {
      var object = try owners.object(owner)
      for name in object.names {
        metadata.attributes[owner, default: [:]][name] = try AttributeValue(
          try object.value(name),
          path: "\(object.path)/\(name)"
        )
      }
    }
    metadata.emptyGroups = try root.strings("groups")
    try root.refuseOtherMembers()
  }
}

extension DType {
  /// The dtype that a document names.
  init(named name: String, by source: String) throws(FlywheelError) {
    guard let dtype = DType(rawValue: name) else {
      throw FlywheelError(
        .unsupported,
        "\(source) names dtype '\(name)', which this Flywheel does not know."
      )
    }
    self = dtype
  }
}

extension AttributeValue {
  /// The value with its kind: texts, integers and floating-point numbers as JSON has them, tensors with
  /// their bytes in hexadecimal digits.
  fileprivate var json: JSONValue {
    switch self {
    case .string(let text): .string(text)
    case .integer(let number): .integer(number)
    case .double(let number): JSONValue(number)
    case .strings(let texts): .array(texts.map { .string($0) })
    case .tensor(let tensor):
      [
        "dtype": JSONValue(tensor.dtype.rawValue),
        "shape": .array(tensor.shape.extents.map { JSONValue($0) }),
        "bytes": JSONValue(Hexadecimal.digits(of: tensor.bytes)),
      ]
    }
  }

  fileprivate init(_ value: JSONValue, path: String) throws(FlywheelError) {
    // What JSON has no numeral for is an object of one member; a tensor has three.
    var wrapped = try JSONObject(["value": value], path: path)
    switch value {
    case .string(let text): self = .string(text)
    case .integer(let number): self = .integer(number)
    case .double(let number): self = .double(number)
    case .array: self = .strings(try wrapped.strings("value"))
    case .object(let members) where members.count == 1: self = .double(try wrapped.double("value"))
    default: self = .tensor(try Self.tensor(try wrapped.object("value")))
    }
  }

  private static func tensor(_ source: JSONObject) throws(FlywheelError) -> Tensor {
    var object = source
    let dtype = try DType(named: try object.string("dtype"), by: source.path)
    let shape = try Shape(try object.integers("shape", in: 0...))
    let digits = try object.string("bytes")
    try object.refuseOtherMembers()
    guard let bytes = Hexadecimal.bytes(of: digits), try shape.byteCount(of: dtype) == bytes.count
    else {
      throw FlywheelError.malformed(
        found: "\(digits.utf8.count) characters in \(source.path)/bytes",
        expected: "two hexadecimal digits for each byte of \(dtype.rawValue) \(shape)"
      )
    }
    let storage = try TensorStorage(byteCount: bytes.count) { output in
      for byte in bytes { output.append(byte) }
    }
    return try Tensor(dtype: dtype, shape: shape, storage: storage)
  }
}
