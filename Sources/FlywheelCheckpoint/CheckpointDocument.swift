import FlywheelCore
import OrderedCollections

/// The JSON document of a checkpoint: everything that is not a tensor, and the index of the tensors.
///
/// It ends in its own CRC-32, which covers every byte before `,"crc32":`, so that the document is
/// self-verifying in every container. Every future schema ends in it too.
struct CheckpointDocument {
  /// The members of the document except `crc32`, in order, as the newest schema has them.
  var members: OrderedDictionary<String, JSONValue>

  private static let tailStart = Array(",\"crc32\":\"".utf8)
  private static let tailEnd = Array("\"}".utf8)
  private static var tailCount: Int { tailStart.count + 8 + tailEnd.count }

  /// The document's bytes as they are written, with the checksum as its last member.
  var bytes: [UInt8] { body + Self.tailStart + Array(crc32.utf8) + Self.tailEnd }

  /// The document's checksum.
  var crc32: String { CRC32.hexadecimal(CRC32.checksum(body.rawBytes)) }

  /// What the checksum covers: all but the closing brace, which comes after it.
  private var body: [UInt8] { JSONValue.object(members).canonicalBytes.dropLast() }

  /// Checks the checksum and parses the document.
  ///
  /// - Throws: `corrupted` if the checksum does not match, `unsupported` for a newer schema.
  init(verifying bytes: [UInt8]) throws(FlywheelError) {
    let location = FlywheelError.Location(tensor: CheckpointKey.document)
    guard Self.hasValidChecksum(bytes) else {
      throw FlywheelError(
        .corrupted,
        "The document does not match its own CRC-32: its bytes have changed since they were "
          + "written. Use another checkpoint of the run.",
        at: location
      )
    }
    let value: JSONValue
    do throws(FlywheelError) {
      value = try JSONValue(parsing: bytes)
    } catch {
      throw error.located(tensor: CheckpointKey.document)
    }
    var root = try JSONObject(value)
    try Self.requireReadableSchema(&root)
    guard case .object(var members) = value else {
      throw FlywheelError.malformed(found: "no object", expected: "an object", at: location)
    }
    members.removeValue(forKey: "crc32")
    self.members = try CheckpointUpgrade.toNewest(members)
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

  private static func requireReadableSchema(_ root: inout JSONObject) throws(FlywheelError) {
    let format = try root.string("format")
    guard format == "flywheel.checkpoint" else {
      throw FlywheelError.malformed(found: "format '\(format)'", expected: "'flywheel.checkpoint'")
    }
    let schema = try root.integer("schema", in: 1...)
    guard schema <= Checkpoint.schema else {
      throw FlywheelError(
        .unsupported,
        "The checkpoint has schema \(schema); this Flywheel (\(Flywheel.version)) reads up to "
          + "\(Checkpoint.schema). Install a newer Flywheel.",
        at: .init(tensor: CheckpointKey.document)
      )
    }
  }
}
