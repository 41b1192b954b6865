import FlywheelCore
import OrderedCollections

/// The JSON document of a checkpoint, a trace or a plain archive: everything that is not a tensor, and an
/// index of tensors.
///
/// It ends in its own CRC-32, which covers every byte before `,"crc32":`, so that the document is
/// self-verifying in every container. Every future schema ends in it too.
struct CheckpointDocument {
  /// The members of the document except `crc32`, in order, as the newest schema has them.
  var members: OrderedDictionary<String, JSONValue>

  /// What a document describes.
  enum Kind: String {
    /// One state of a training.
    case checkpoint = "flywheel.checkpoint"
    /// Consecutive states of a training, with gradients.
    case trace = "flywheel.trace"
    /// What a container has no room for of a set of tensors.
    case archive = "flywheel.archive"

    var noun: String {
      switch self {
      case .checkpoint: "checkpoint"
      case .trace: "trace"
      case .archive: "archive"
      }
    }

    /// The version of the layout that this Flywheel writes, and the newest that it reads.
    var schema: Int {
      switch self {
      case .checkpoint: Checkpoint.schema
      case .trace: Trace.schema
      case .archive: ArchiveDocument.schema
      }
    }
  }

  private static let tailStart = Array(",\"crc32\":\"".utf8)
  private static let tailEnd = Array("\"}".utf8)
  private static var tailCount: Int { tailStart.count + 8 + tailEnd.count }

  /// The document's bytes as they are written, with the checksum as its last member.
  var bytes: [UInt8] { body + Self.tailStart + Array(crc32.utf8) + Self.tailEnd }

  /// The tensor that holds the document.
  ///
  /// - Throws: `limitExceeded` if it would be too long to be read again, or there is no memory for it.
  func tensor() throws(FlywheelError) -> Tensor {
    let bytes = bytes
    try CheckpointKey.requireReadableDocument(elementCount: bytes.count)
    return try Tensor(vector: bytes)
  }

  /// The document's checksum.
  var crc32: String { CRC32.hexadecimal(CRC32.checksum(body.rawBytes)) }

  /// What the checksum covers: all but the closing brace, which comes after it.
  private var body: [UInt8] { JSONValue.object(members).canonicalBytes.dropLast() }

  /// Checks and parses the document that a tensor holds.
  ///
  /// - Throws: `invalidArgument` if there is none, and what `init(verifying:as:)` throws.
  init(_ tensor: Tensor?, as kind: Kind) throws(FlywheelError) {
    guard let tensor else {
      throw FlywheelError(
        .invalidArgument,
        "This is no Flywheel \(kind.noun): it has no '\(CheckpointKey.document)'. "
          + "'flywheel inspect' shows what it holds."
      )
    }
    guard tensor.dtype == .uint8, tensor.shape.rank == 1 else {
      throw FlywheelError.malformed(
        found: "\(tensor.dtype.rawValue) \(tensor.shape)",
        expected: "a uint8 vector",
        at: .init(tensor: CheckpointKey.document)
      )
    }
    try CheckpointKey.requireReadableDocument(elementCount: tensor.shape.elementCount)
    try self.init(verifying: try tensor.elements(as: UInt8.self), as: kind)
  }

  /// The document that a tensor holds as it is stored, its checksum the last member.
  static func json(_ tensor: Tensor?, as kind: Kind) throws(FlywheelError) -> JSONValue {
    _ = try CheckpointDocument(tensor, as: kind)
    return try JSONValue(parsing: try tensor?.elements(as: UInt8.self) ?? [])
  }

  /// Checks the checksum and parses the document.
  ///
  /// - Throws: `corrupted` if the checksum does not match, `unsupported` for a newer schema,
  ///   `malformed` if the document describes something else.
  init(verifying bytes: [UInt8], as kind: Kind) throws(FlywheelError) {
    let location = FlywheelError.Location(tensor: CheckpointKey.document)
    guard Self.hasValidChecksum(bytes) else {
      throw FlywheelError(
        .corrupted,
        "The document does not match its own CRC-32: its bytes have changed since they were "
          + "written. Use another checkpoint of the run.",
        at: location
      )
    }
    let value = try FlywheelError.locating(tensor: CheckpointKey.document) {
      () throws(FlywheelError) in
      try JSONValue(parsing: bytes)
    }
    var root = try JSONObject(value)
    try Self.requireReadableSchema(&root, kind)
    guard case .object(var members) = value else {
      throw FlywheelError.malformed(found: "no object", expected: "an object", at: location)
    }
    members.removeValue(forKey: "crc32")
    self.members = kind == .checkpoint ? try CheckpointUpgrade.toNewest(members) : members
  }

  init(members: OrderedDictionary<String, JSONValue>) {
    self.members = members
  }

  /// Whether the document's last member is the checksum of what comes before it.
  private static func hasValidChecksum(_ bytes: [UInt8]) -> Bool {
    guard bytes.count > tailCount else { return false }
    let body = Array(bytes.dropLast(tailCount))
    let crc = CRC32.hexadecimal(CRC32.checksum(body.rawBytes))
    return Array(bytes.suffix(tailCount)) == tailStart + Array(crc.utf8) + tailEnd
  }

  /// The kind of the document that a tensor holds, if its checksum is right; nil for any other tensor.
  static func kind(of tensor: Tensor?) -> Kind? {
    guard let tensor, tensor.shape.rank == 1, let bytes = try? tensor.elements(as: UInt8.self),
      hasValidChecksum(bytes),
      let value = try? JSONValue(parsing: bytes), case .object(let members) = value,
      case .string(let format)? = members["format"]
    else { return nil }
    return Kind(rawValue: format)
  }

  private static func requireReadableSchema(
    _ root: inout JSONObject,
    _ kind: Kind
  ) throws(FlywheelError) {
    let format = try root.string("format")
    guard format == kind.rawValue else {
      throw FlywheelError.malformed(
        found: "a document of format '\(format)'",
        expected: "'\(kind.rawValue)'",
        at: .init(tensor: CheckpointKey.document)
      )
    }
    let schema = try root.integer("schema", in: 1...)
    guard schema <= kind.schema else {
      throw FlywheelError(
        .unsupported,
        "The \(kind.noun) has schema \(schema); this Flywheel (\(Flywheel.version)) reads up to "
          + "\(kind.schema). Install a newer Flywheel.",
        at: .init(tensor: CheckpointKey.document)
      )
    }
  }
}
