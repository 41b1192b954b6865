public import FlywheelCore

/// Samples of one shape, each with the number of its class.
public struct LabelledSamples: Sendable {
  /// One row for each sample: uint8 as stored, or normalised numbers in the type that is computed in.
  public let values: Tensor
  /// The class of each sample, below `classCount`.
  public let labels: [UInt16]
  /// The number of classes.
  public let classCount: Int
  /// The type that the samples are stored in.
  public let storedType: DType
  /// The CRC-32 of all samples and then all labels as they are stored, of the whole data set if these
  /// are a part of it; in Python `zlib.crc32(labels, zlib.crc32(samples))`.
  public let checksum: UInt32

  /// The number of samples.
  public var count: Int { labels.count }
  /// The extents of one sample; none if it is a single number.
  public var sampleShape: ArraySlice<Int> { values.shape.extents.dropFirst() }
  /// The number of values of a sample.
  public var featureCount: Int { sampleShape.reduce(1, *) }

  /// Puts samples and their labels together.
  ///
  /// - Parameters:
  ///   - values: One row for each sample.
  ///   - labels: The class of each sample.
  ///   - classCount: The number of classes.
  ///   - storedType: The type that the samples are stored in.
  ///   - checksum: The CRC-32 of all samples and then all labels as they are stored.
  /// - Throws: `mismatch` if the counts do not agree or a label is not below `classCount`.
  public init(
    values: Tensor,
    labels: [UInt16],
    classCount: Int,
    storedType: DType,
    checksum: UInt32
  ) throws(FlywheelError) {
    guard values.shape.extents.first == labels.count else {
      throw FlywheelError(
        .mismatch,
        "Found \(labels.count) labels for samples of shape \(values.shape); give one label for each."
      )
    }
    if let index = labels.firstIndex(where: { Int($0) >= classCount }) {
      throw FlywheelError(
        .mismatch,
        "Sample \(index) has the label \(labels[index]), but there are only \(classCount) classes, "
          + "0 to \(classCount - 1)."
      )
    }
    self.values = values
    self.labels = labels
    self.classCount = classCount
    self.storedType = storedType
    self.checksum = checksum
  }

  /// No samples, but of the same kind as others.
  ///
  /// - Parameter others: The others.
  /// - Throws: Never in practice.
  init(noneLike others: LabelledSamples) throws(FlywheelError) {
    let none = try others.samples(0..<0)
    try self.init(
      values: none.values,
      labels: [],
      classCount: others.classCount,
      storedType: others.storedType,
      checksum: 0
    )
  }

  /// Some consecutive samples; the values are shared, the number of classes and the checksum stay.
  ///
  /// - Parameter range: Which ones.
  /// - Throws: `truncated` if the range does not lie in `0..<count`.
  /// - Returns: The samples.
  public func samples(_ range: Range<Int>) throws(FlywheelError) -> LabelledSamples {
    let rowBytes = featureCount * values.dtype.byteCount
    return try LabelledSamples(
      values: Tensor(
        dtype: values.dtype,
        shape: Shape([range.count] + sampleShape),
        storage: values.storage,
        byteOffset: values.byteOffset + range.lowerBound * rowBytes
      ),
      labels: Array(labels[range]),
      classCount: classCount,
      storedType: storedType,
      checksum: checksum
    )
  }
}
