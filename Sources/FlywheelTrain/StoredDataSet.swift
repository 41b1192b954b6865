import FlywheelCheckpoint
import FlywheelCore

/// The arrays of a data set as files hold them, before they are normalised.
struct StoredDataSet {
  /// What is trained on and held out.
  let training: Part
  /// What is not looked at before the end; nil if there is none.
  let test: Part?
  /// The directory or the archive that they are in.
  let location: FlywheelError.Location

  /// Samples and their labels.
  struct Part {
    /// One row for each sample.
    var samples: StoredArray
    /// A vector with a number for each sample.
    var labels: StoredArray
  }

  /// The samples, normalised.
  ///
  /// - Parameters:
  ///   - type: The type that the network computes in.
  ///   - settings: How the samples are normalised.
  /// - Throws: `mismatch` if the arrays do not go together, and what `StoredArray` throws.
  /// - Returns: The training and the test samples, with the same shape, type and number of classes.
  func load<Scalar: TrainingScalar>(
    as type: Scalar.Type,
    _ settings: NormalizationSettings
  ) throws(FlywheelError) -> (training: LabelledSamples, test: LabelledSamples) {
    let training = try labelled(self.training, type, settings, classCount: nil)
    guard let part = self.test else {
      return (training, try LabelledSamples(noneLike: training))
    }
    let test = try labelled(part, type, settings, classCount: training.classCount)
    guard test.sampleShape == training.sampleShape, test.storedType == training.storedType else {
      throw FlywheelError(
        .mismatch,
        "The test samples are \(test.storedType.rawValue) of \(Self.text(test.sampleShape)), the "
          + "training samples \(training.storedType.rawValue) of "
          + "\(Self.text(training.sampleShape)); both must come from one data set.",
        at: location
      )
    }
    return (training, test)
  }

  /// The samples of one part; without `classCount` the largest label decides it.
  private func labelled<Scalar: TrainingScalar>(
    _ part: Part,
    _ type: Scalar.Type,
    _ settings: NormalizationSettings,
    classCount: Int?
  ) throws(FlywheelError) -> LabelledSamples {
    let (samples, labels) = (part.samples, part.labels)
    let (count, labelCount) = (samples.stored.shape.extents.first, labels.stored.shape.elementCount)
    guard count == labelCount else {
      throw FlywheelError(
        .mismatch,
        "Found \(labelCount) labels for the \(count ?? 0) samples in \(samples.name); both must come "
          + "from one data set.",
        at: labels.location
      )
    }
    let classes = try labels.labels()
    let values = try samples.samples(as: type, settings.resolved(for: samples.dtype))
    let (path, tensor) = (labels.location.path, labels.location.tensor)
    return try FlywheelError.locating(path: path, tensor: tensor) { () throws(FlywheelError) in
      try LabelledSamples(
        values: values,
        labels: classes,
        classCount: classCount ?? Int(classes.max() ?? 0) + 1,
        storedType: samples.dtype,
        checksum: CRC32.checksum(
          labels.stored.bytes,
          continuing: CRC32.checksum(samples.stored.bytes)
        )
      )
    }
  }

  private static func text(_ shape: ArraySlice<Int>) -> String {
    shape.isEmpty ? "one number" : shape.map(String.init).joined(separator: " x ")
  }
}
