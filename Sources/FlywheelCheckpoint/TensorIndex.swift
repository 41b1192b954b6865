import FlywheelCore
import OrderedCollections

/// The index of a checkpoint's tensors: what each must look like, and its checksum.
struct TensorIndex {
  struct Entry: Hashable {
    var dtype: DType
    var shape: Shape
    var crc32: UInt32
  }

  var entries: OrderedDictionary<String, Entry> = [:]

  /// The index of tensors as they are.
  init(of tensors: OrderedDictionary<String, Tensor>) {
    for (key, tensor) in tensors {
      entries[key] = Entry(dtype: tensor.dtype, shape: tensor.shape, crc32: tensor.crc32)
    }
  }

  var json: JSONValue {
    .object(
      entries.mapValues { entry in
        [
          "dtype": JSONValue(entry.dtype.rawValue),
          "shape": .array(entry.shape.extents.map { JSONValue($0) }),
          "crc32": JSONValue(CRC32.hexadecimal(entry.crc32)),
        ]
      }
    )
  }

  init(_ source: JSONObject) throws(FlywheelError) {
    var object = source
    for key in object.names {
      // Every key of a checkpoint has two components or three; deeper ones would only cost stack.
      let components = key.pathComponents
      guard (2...3).contains(components.count), !components.contains("") else {
        throw FlywheelError.malformed(
          found: "a key of \(components.count) components in the index",
          expected: "two or three, none of them empty"
        )
      }
      var entry = try object.object(key)
      let name = try entry.string("dtype")
      guard let dtype = DType(rawValue: name) else {
        throw FlywheelError(
          .unsupported,
          "The index names dtype '\(name)', which this Flywheel does not know.",
          at: .init(tensor: key)
        )
      }
      let digits = try entry.string("crc32")
      guard let crc = UInt32(digits, radix: 16), CRC32.hexadecimal(crc) == digits else {
        throw FlywheelError.malformed(
          found: "crc32 '\(digits)'",
          expected: "eight lower-case hexadecimal digits",
          at: .init(tensor: key)
        )
      }
      entries[key] = Entry(
        dtype: dtype,
        shape: try Shape(try entry.integers("shape", in: 0...)),
        crc32: crc
      )
      try entry.refuseOtherMembers()
    }
  }

  /// Fetches the tensors of the index and checks each against it.
  ///
  /// - Parameters:
  ///   - verification: Whether to read every byte for its checksum.
  ///   - tensor: Gives the tensor under a key; nil if there is none.
  /// - Throws: `notFound`, `mismatch` or `corrupted`, naming the tensor, and what `tensor` throws.
  /// - Returns: The tensors in the order of the index.
  func tensors(
    _ verification: Verification,
    _ tensor: (String) throws(FlywheelError) -> Tensor?
  ) throws(FlywheelError) -> OrderedDictionary<String, Tensor> {
    var tensors: OrderedDictionary<String, Tensor> = [:]
    tensors.reserveCapacity(entries.count)
    for (key, entry) in entries {
      guard let tensor = try tensor(key) else {
        throw FlywheelError(
          .notFound,
          "The index lists a tensor that is not in the file; the checkpoint is incomplete.",
          at: .init(tensor: key)
        )
      }
      guard tensor.dtype == entry.dtype, tensor.shape == entry.shape else {
        throw FlywheelError(
          .mismatch,
          "Found \(tensor.dtype.rawValue) \(tensor.shape), the index says "
            + "\(entry.dtype.rawValue) \(entry.shape).",
          at: .init(tensor: key)
        )
      }
      if verification == .checksums { try Self.check(tensor, key, entry.crc32) }
      tensors[key] = tensor
    }
    return tensors
  }

  private static func check(
    _ tensor: Tensor,
    _ key: String,
    _ expected: UInt32
  ) throws(FlywheelError) {
    let crc = tensor.crc32
    guard crc != expected else { return }
    throw FlywheelError(
      .corrupted,
      "Found CRC-32 \(CRC32.hexadecimal(crc)), the index says "
        + "\(CRC32.hexadecimal(expected)): the bytes have changed since they were written. "
        + "Use another checkpoint of the run.",
      at: .init(tensor: key)
    )
  }
}
