import FlywheelCheckpoint
import FlywheelCore
import SystemPackage

/// An array of a data set as a file holds it: samples, or their labels.
struct StoredArray {
  /// The elements, the bytes of each in the file's order.
  let stored: Tensor
  /// Whether the first byte of an element is the highest.
  let isBigEndian: Bool
  /// The file, and the array's name if it has one.
  let location: FlywheelError.Location
  /// Where in the file, or in the decompressed one, the first element begins; nil if that is not known.
  let byteOffset: UInt64?

  /// How many elements are converted at a time: as many as a processor's second cache holds.
  private static let blockSize = 1 << 14

  var dtype: DType { stored.dtype }

  /// What errors call it.
  var name: String { location.tensor.map { "'\($0)'" } ?? location.path?.string ?? "the array" }

  /// The samples: bytes as they are, because a batch is normalised when it is used, which is a quarter
  /// of the memory; numbers of other types normalised in float64 and rounded once.
  ///
  /// - Parameters:
  ///   - type: The type that is computed in.
  ///   - normalization: What becomes of each number.
  /// - Throws: `malformed` for a number that is not finite, `unsupported` for complex ones,
  ///   `limitExceeded` if there is no memory.
  /// - Returns: A row for each sample, uint8 or `Scalar`.
  func samples<Scalar: TrainingScalar>(
    as type: Scalar.Type,
    _ normalization: Normalization
  ) throws(FlywheelError) -> Tensor {
    guard dtype != .uint8 else { return try inMemory() }
    guard dtype.kind != .complex else {
      throw FlywheelError(
        .unsupported,
        "The samples are \(dtype.rawValue); a network takes real numbers. Store both parts, or the "
          + "magnitude.",
        at: location
      )
    }
    let count = stored.shape.elementCount
    let byteCount = try stored.shape.byteCount(of: Scalar.dtype)
    let storage = try TensorStorage(byteCount: byteCount) { (output) throws(FlywheelError) in
      for start in stride(from: 0, to: count, by: Self.blockSize) {
        let block = start..<min(start + Self.blockSize, count)
        let numbers: [Double] = try converted(block, to: .float64).elements()
        for (index, number) in numbers.enumerated() {
          let value = Scalar(
            (number * normalization.scale - normalization.mean) / normalization.deviation
          )
          guard value.isFinite else { throw notFinite(number, start + index, Scalar.dtype) }
          unsafe output.append(value, as: Scalar.self)
        }
      }
    }
    return try Tensor(dtype: Scalar.dtype, shape: stored.shape, storage: storage)
  }

  /// The labels.
  ///
  /// - Throws: `malformed` if they are no integers, or for one that is negative or too large.
  /// - Returns: The labels.
  func labels() throws(FlywheelError) -> [UInt16] {
    guard [.signedInteger, .unsignedInteger].contains(dtype.kind) else {
      throw FlywheelError.malformed(
        found: "labels of type \(dtype.rawValue)",
        expected: "the number of each sample's class, an integer,",
        at: location
      )
    }
    let all = 0..<stored.shape.elementCount
    let numbers: [Int64] = try converted(all, to: .int64).elements()
    var labels: [UInt16] = []
    labels.reserveCapacity(numbers.count)
    for (index, number) in numbers.enumerated() {
      guard let label = UInt16(exactly: number) else {
        throw FlywheelError.malformed(
          found: "the label \(number) of sample \(index)",
          expected: "one from 0 to \(UInt16.max)",
          at: place(of: index)
        )
      }
      labels.append(label)
    }
    return labels
  }

  /// The elements in memory.
  private func inMemory() throws(FlywheelError) -> Tensor {
    // A mapped file is copied: samples are read in random order, and for that memory of large pages is
    // the better place.
    guard stored.storage.isMapped else { return stored }
    let copy = try unsafe TensorStorage(
      byteCount: stored.byteCount,
      unsafeFilledBy: { buffer throws(FlywheelError) in
        unsafe stored.bytes.withUnsafeBytes { unsafe buffer.copyMemory(from: $0) }
      }
    )
    return try Tensor(dtype: dtype, shape: stored.shape, storage: copy)
  }

  /// Some consecutive elements in another type.
  private func converted(
    _ range: Range<Int>,
    to target: DType
  ) throws(FlywheelError) -> Tensor {
    do throws(FlywheelError) {
      let block = try Tensor(
        dtype: dtype,
        shape: Shape(vector: range.count),
        storage: stored.storage,
        byteOffset: stored.byteOffset + range.lowerBound * dtype.byteCount
      )
      return try (isBigEndian ? block.byteSwapped() : block).converted(to: target)
    } catch {
      throw FlywheelError(error.code, error.message, at: location)
    }
  }

  private func notFinite(_ number: Double, _ index: Int, _ type: DType) -> FlywheelError {
    let size = stored.shape.extents.dropFirst().reduce(1, *)
    return FlywheelError(
      .malformed,
      "Value \(index % size) of sample \(index / size) is \(number), which is no finite "
        + "\(type.rawValue) when it is normalised; a network cannot learn from it. Mend the data.",
      at: place(of: index)
    )
  }

  /// Where an element is.
  private func place(of index: Int) -> FlywheelError.Location {
    var place = location
    place.byteOffset = byteOffset.map { $0 + UInt64(index * dtype.byteCount) }
    return place
  }
}
