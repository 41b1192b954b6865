import FlywheelCheckpoint
import FlywheelCore
import OrderedCollections

/// What holds for any JSON that is read as a checkpoint's document.
enum CheckpointLaws {
  /// Reads a value as the document of a checkpoint whose tensors are as its index lists them, and all zero.
  ///
  /// - Parameters:
  ///   - value: Any value.
  ///   - attempt: The bytes that it came from.
  /// - Throws: `BrokenLaw`.
  static func check(_ value: JSONValue, _ attempt: Attempt) throws(BrokenLaw) {
    guard case .object(var members) = value, members["format"] != nil else { return }
    members.removeValue(forKey: "crc32")
    // With a checksum that is right, or nothing but that would ever be checked.
    let body = Array(JSONValue.object(members).canonicalBytes.dropLast())
    let crc32 = try attempt { () throws(FlywheelError) in try Tensor(vector: body).crc32 }
    let bytes = body + Array(",\"crc32\":\"\(CRC32.hexadecimal(crc32 ?? 0))\"}".utf8)
    let attempt = Attempt(byteCount: max(attempt.byteCount, bytes.count))
    let checkpoint = try attempt { () throws(FlywheelError) in
      try Checkpoint(verification: .structure) { (key) throws(FlywheelError) in
        if key == CheckpointKey.document { return try Tensor(vector: bytes) }
        return try zeros(key, in: members["tensors"])
      }
    }
    guard let checkpoint else { return }
    let archive = try attempt { () throws(FlywheelError) in try checkpoint.archive() }
    guard let archive else { throw BrokenLaw("a checkpoint that was read cannot be written") }
    let again = try attempt { () throws(FlywheelError) in
      try Checkpoint { (key) throws(FlywheelError) in archive.tensors[key] }.archive()
    }
    let document = archive.tensors[CheckpointKey.document]
    try BrokenLaw.unless(
      again?.tensors[CheckpointKey.document]?.crc32 == document?.crc32,
      "a checkpoint that was written reads as another one"
    )
  }

  /// A tensor of zeros with the type and shape that an index has for it; nil if it has none, or a large one.
  private static func zeros(_ key: String, in index: JSONValue?) throws(FlywheelError) -> Tensor? {
    guard let index else { return nil }
    var object = try JSONObject(index)
    var entry = try object.object(key)
    let shape = try Shape(entry.integers("shape"))
    guard let dtype = DType(rawValue: try entry.string("dtype")),
      try shape.byteCount(of: dtype) <= 1 << 16
    else { return nil }
    let storage = try TensorStorage(
      byteCount: shape.byteCount(of: dtype),
      initializingWith: { _ in }
    )
    return try Tensor(dtype: dtype, shape: shape, storage: storage)
  }
}
