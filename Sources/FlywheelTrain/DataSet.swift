public import FlywheelCheckpoint
public import FlywheelCore
import FlywheelFormats
import SystemPackage

/// The samples of a run, split into what is trained on, what is watched, and what is kept for the end.
public struct DataSet: Sendable {
  /// Samples that are trained on.
  public let training: LabelledSamples
  /// Samples that are held out to watch training.
  public let validation: LabelledSamples
  /// Samples that are not looked at before the end.
  public let test: LabelledSamples
  /// What kind of data it is: `digits`, `idx` or `arrays`.
  public let source: String
  /// A checksum of all samples and labels before the split.
  public let digest: String
  /// What becomes of each stored value.
  public let normalization: Normalization

  /// The name of the data that need no file.
  public static let builtIn = "digits"
  /// How many built-in digits there are to train on and hold out, and to test with.
  static let builtInCounts = (training: 24_000, test: 4000)

  /// The built-in digits, all of them.
  private static func digits() throws(FlywheelError) -> (
    training: LabelledSamples, test: LabelledSamples
  ) {
    (
      try DigitGenerator.generate(count: builtInCounts.training, seed: 0, stream: 2),
      try DigitGenerator.generate(count: builtInCounts.test, seed: 0, stream: 3)
    )
  }

  /// The built-in digits as arrays under the names of Keras' `mnist.npz`, which any archive can hold and
  /// any program can read, this one too.
  ///
  /// - Throws: `limitExceeded` if there is no memory for them.
  /// - Returns: Samples and labels, uint8, by their names.
  public static func builtInArrays() throws(FlywheelError) -> [(name: String, array: Tensor)] {
    let (training, test) = try digits()
    func labels(_ samples: LabelledSamples) throws(FlywheelError) -> Tensor {
      try Tensor(vector: samples.labels.map { UInt8($0) })
    }
    return [
      ("x_train", training.values), ("y_train", try labels(training)),
      ("x_test", test.values), ("y_test", try labels(test)),
    ]
  }

  /// A source that means the same from every directory.
  static func absolute(_ source: String) -> String {
    source == builtIn ? source : FileSystem.absolute(FilePath(source)).string
  }

  /// Loads and splits the data that a configuration asks for.
  ///
  /// - Parameter configuration: The configuration.
  /// - Throws: `notFound`, `truncated`, `malformed` or `corrupted` for files; `mismatch` if their arrays
  ///   do not go together; `invalidArgument` if the split, the batch or the network does not fit the data.
  public init(_ configuration: TrainingConfiguration) throws(FlywheelError) {
    let settings = configuration.data
    let whole: LabelledSamples
    if settings.source == Self.builtIn {
      (whole, test) = try Self.digits()
      source = Self.builtIn
    } else {
      let stored: StoredDataSet
      (stored, source) = try Self.stored(at: FilePath(settings.source))
      switch configuration.precision {
      case .float32: (whole, test) = try stored.load(as: Float.self, settings.normalization)
      case .float64: (whole, test) = try stored.load(as: Double.self, settings.normalization)
      }
    }
    normalization = settings.normalization.resolved(for: whole.storedType)
    digest =
      "crc32:\(CRC32.hexadecimal(whole.checksum)),\(CRC32.hexadecimal(test.checksum))"
    let held = settings.validation ?? whole.count / 6
    let trained = settings.training ?? whole.count - held
    guard trained > 0, held >= 0, held <= whole.count, trained <= whole.count - held else {
      throw FlywheelError(
        .invalidArgument,
        "There are \(whole.count) samples; \(settings.training.map { "\($0)" } ?? "some") to train on "
          + "and \(held) to hold out for validation do not fit. The default is to hold out a sixth; "
          + "a validation of 0 holds out none."
      )
    }
    guard settings.batchSize <= trained else {
      throw FlywheelError(
        .invalidArgument,
        "The batch size is \(settings.batchSize), but there are only \(trained) samples to train on."
      )
    }
    training = try whole.samples(0..<trained)
    validation = try whole.samples(whole.count - held..<whole.count)
    try Self.require(configuration.network, fits: whole)
  }

  /// The arrays at a path, and what kind of data they are.
  private static func stored(
    at path: FilePath
  ) throws(FlywheelError) -> (StoredDataSet, source: String) {
    if !IDXDirectory.recognizes(path), let archive = try archive(at: path) {
      return (try ArchivedDataSet(archive).read(), "arrays")
    }
    return (try IDXDirectory(path).read(), "idx")
  }

  /// The archive at a path; nil if what is there is none.
  private static func archive(at path: FilePath) throws(FlywheelError) -> (any ArchiveReader)? {
    let format: FileFormat
    do throws(FlywheelError) {
      format = try FileFormat.of(contentsOf: path)
    } catch {
      // What should be there instead is known to `IDXDirectory`.
      guard [.notFound, .malformed, .invalidArgument].contains(error.code) else { throw error }
      return nil
    }
    return try format.open(path)
  }

  /// What a checkpoint says about these data.
  ///
  /// - Parameter configuration: How they are used.
  /// - Returns: The description.
  func description(_ configuration: TrainingConfiguration) -> DataDescription {
    DataDescription(
      source: source,
      digest: digest,
      training: training.count,
      validation: validation.count,
      test: test.count,
      dtype: training.storedType,
      normalization: normalization,
      lastBatch: configuration.data.lastBatch
    )
  }

  private static func require(
    _ network: NetworkShape,
    fits samples: LabelledSamples
  ) throws(FlywheelError) {
    guard network.layers.first == samples.featureCount, network.layers.last == samples.classCount
    else {
      let extents = samples.sampleShape.map(String.init).joined(separator: " x ")
      throw FlywheelError(
        .mismatch,
        "The samples have \(samples.sampleShape.count > 1 ? "\(extents) = " : "")"
          + "\(samples.featureCount) values and \(samples.classCount) classes; the layers are "
          + "\(network.layers.map(String.init).joined(separator: "-")). "
          + "Give layers that start and end with these."
      )
    }
  }
}
