package import FlywheelCore
package import OrderedCollections

/// The index of a checkpoint's tensors: what each must look like, and its checksum.
package struct TensorIndex {
  /// What one tensor must look like.
  package struct Entry: Hashable {
    package var dtype: DType
    package var shape: Shape
    package var crc32: UInt32
  }

  /// Gives the tensors of an index in its order, nil for one that is not there.
  typealias Fetch = (TensorIndex) throws(FlywheelError) -> [Tensor?]

  package var entries: OrderedDictionary<String, Entry> = [:]

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
      guard Self.isReadable(key) else {
        throw FlywheelError.malformed(
          found: "the key '\(key)' in the index",
          expected: "up to eight components, none of them empty, and not the document's own",
          at: .init(tensor: key)
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

  /// Whether a key may be in an index.
  static func isReadable(_ key: String) -> Bool {
    // Flywheel's own have two components or three, other programs' a few more; deep ones would only cost
    // stack.
    let components = key.pathComponents
    return (1...8).contains(components.count) && !components.contains("")
      && key != CheckpointKey.document
  }

  /// Fetches the tensors of the index and checks each against it.
  ///
  /// - Parameters:
  ///   - verification: Whether to read every byte for its checksum.
  ///   - fetch: Gives the tensors.
  /// - Throws: `notFound`, `mismatch` or `corrupted`, naming the tensor, and what `fetch` throws.
  /// - Returns: The tensors in the order of the index.
  func tensors(
    _ verification: Verification,
    _ fetch: Fetch
  ) throws(FlywheelError) -> OrderedDictionary<String, Tensor> {
    var tensors: OrderedDictionary<String, Tensor> = [:]
    tensors.reserveCapacity(entries.count)
    for ((key, entry), tensor) in zip(entries, try fetch(self)) {
      guard let tensor else { throw Self.missing(key) }
      try entry.check(TensorDescription(of: tensor), under: key)
      if verification == .checksums { try entry.check(crc32: tensor.crc32, of: key) }
      tensors[key] = tensor
    }
    return tensors
  }

  /// A tensor that is listed is not there.
  package static func missing(_ key: String) -> FlywheelError {
    FlywheelError(
      .notFound,
      "The index lists a tensor that is not in the file; the checkpoint is incomplete.",
      at: .init(tensor: key)
    )
  }
}

extension TensorIndex.Entry {
  /// Checks that an array is what the index says.
  ///
  /// - Throws: `mismatch`, with both.
  package func check(
    _ found: TensorDescription,
    under key: String
  ) throws(FlywheelError) {
    guard found.element != .number(dtype) || found.shape != shape else { return }
    throw FlywheelError(
      .mismatch,
      "Found \(found.element) \(found.shape), the index says \(dtype.rawValue) \(shape).",
      at: .init(tensor: key)
    )
  }

  /// Checks that an array's bytes are those that the index is about.
  ///
  /// - Throws: `corrupted`, with both checksums.
  package func check(crc32 found: UInt32, of key: String) throws(FlywheelError) {
    guard found != crc32 else { return }
    throw FlywheelError(
      .corrupted,
      "Found CRC-32 \(CRC32.hexadecimal(found)), the index says "
        + "\(CRC32.hexadecimal(crc32)): the bytes have changed since they were written. "
        + "Use another checkpoint of the run.",
      at: .init(tensor: key)
    )
  }
}
