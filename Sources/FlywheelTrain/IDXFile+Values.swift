import FlywheelCheckpoint
import FlywheelCore

/// The elements of an IDX file as training wants them.
extension IDXFile {
  /// The samples: bytes as they are, because a batch is normalised when it is used, which is a quarter
  /// of the memory; numbers of other types normalised in float64 and rounded once.
  ///
  /// - Parameters:
  ///   - type: The type that is computed in.
  ///   - normalization: What becomes of each number.
  /// - Throws: `malformed` for a number that is not finite, `limitExceeded` if there is no memory.
  /// - Returns: A row for each sample, uint8 or `Scalar`.
  func values<Scalar: TrainingScalar>(
    _ type: Scalar.Type,
    _ normalization: Normalization
  ) throws(FlywheelError) -> Tensor {
    switch dtype {
    case .int8: try numbers(type, normalization) { (value: Int8) in Double(value) }
    case .int16: try numbers(type, normalization) { (value: Int16) in Double(value) }
    case .int32: try numbers(type, normalization) { (value: Int32) in Double(value) }
    case .float32:
      try numbers(type, normalization) { (bits: UInt32) in Double(Float(bitPattern: bits)) }
    case .float64:
      try numbers(type, normalization) { (bits: UInt64) in Double(bitPattern: bits) }
    default: try byteValues()
    }
  }

  /// The labels.
  ///
  /// - Throws: `malformed` for one that is negative or too large.
  /// - Returns: The labels.
  func labels() throws(FlywheelError) -> [UInt16] {
    switch dtype {
    case .int8: try labels(Int8.self)
    case .int16: try labels(Int16.self)
    case .int32: try labels(Int32.self)
    default: try labels(UInt8.self)
    }
  }

  private func byteValues() throws(FlywheelError) -> Tensor {
    let shape = try Shape(extents)
    // A decompressed file is in memory already. A mapped one is copied: samples are read in random
    // order, and for that memory of large pages is the better place.
    guard storage.isMapped else { return try Tensor(dtype: dtype, shape: shape, storage: storage) }
    let copy = try unsafe TensorStorage(
      byteCount: bytes.byteCount,
      unsafeFilledBy: { buffer throws(FlywheelError) in
        unsafe bytes.withUnsafeBytes { unsafe buffer.copyMemory(from: $0) }
      }
    )
    return try Tensor(dtype: dtype, shape: shape, storage: copy)
  }

  private func numbers<Scalar: TrainingScalar, Stored: FixedWidthInteger & BitwiseCopyable>(
    _ type: Scalar.Type,
    _ normalization: Normalization,
    _ number: (Stored) -> Double
  ) throws(FlywheelError) -> Tensor {
    let shape = try Shape(extents)
    let byteCount = try shape.byteCount(of: Scalar.dtype)
    let storage = try unsafe TensorStorage(
      byteCount: byteCount,
      unsafeFilledBy: { buffer throws(FlywheelError) in
        let output = unsafe buffer.bindMemory(to: Scalar.self)
        for index in 0..<shape.elementCount {
          let stored = number(element(index))
          let value = Scalar(
            (stored * normalization.scale - normalization.mean) / normalization.deviation
          )
          guard value.isFinite else { throw notFinite(stored, index, Scalar.dtype) }
          unsafe output[index] = value
        }
      }
    )
    return try Tensor(dtype: Scalar.dtype, shape: shape, storage: storage)
  }

  private func labels<Stored: FixedWidthInteger & BitwiseCopyable>(
    _ type: Stored.Type
  ) throws(FlywheelError) -> [UInt16] {
    var labels: [UInt16] = []
    labels.reserveCapacity(extents[0])
    for index in 0..<extents[0] {
      let stored: Stored = element(index)
      guard let label = UInt16(exactly: stored) else {
        throw FlywheelError.malformed(
          found: "the label \(stored) of sample \(index)",
          expected: "one from 0 to \(UInt16.max)",
          at: place(of: index)
        )
      }
      labels.append(label)
    }
    return labels
  }

  private func element<Stored: FixedWidthInteger & BitwiseCopyable>(_ index: Int) -> Stored {
    // Within the bytes: every caller counts to the number of elements that the header declares, which
    // has been compared with the size of the file.
    unsafe Stored(
      bigEndian: bytes.unsafeLoadUnaligned(
        fromByteOffset: index * MemoryLayout<Stored>.size,
        as: Stored.self
      )
    )
  }

  private func notFinite(_ stored: Double, _ index: Int, _ type: DType) -> FlywheelError {
    let size = extents.dropFirst().reduce(1, *)
    return FlywheelError(
      .malformed,
      "Value \(index % size) of sample \(index / size) is \(stored), which is no finite "
        + "\(type.rawValue) when it is normalised; a network cannot learn from it. Mend the data.",
      at: place(of: index)
    )
  }

  /// Where an element begins in the file, or in the decompressed one.
  private func place(of index: Int) -> FlywheelError.Location {
    .init(byteOffset: UInt64(4 + 4 * extents.count + index * dtype.byteCount))
  }
}
