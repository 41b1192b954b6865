import FlywheelCheckpoint
public import FlywheelCore
import SystemPackage

/// The images of a run, split into what is trained on, what is watched, and what is kept for the end.
public struct DataSet: Sendable {
  /// Images that are trained on.
  public let training: LabelledImages
  /// Images that are held out to watch training.
  public let validation: LabelledImages
  /// Images that are not looked at before the end.
  public let test: LabelledImages
  /// What kind of data it is: `digits` or `idx`.
  public let source: String
  /// A checksum of all pixels and labels before the split.
  public let digest: String

  /// The name of the data that need no file.
  public static let builtIn = "digits"
  /// How many built-in digits there are to train on and hold out, and to test with.
  static let builtInCounts = (training: 24_000, test: 4000)

  /// A source that means the same from every directory.
  static func absolute(_ source: String) -> String {
    source == builtIn ? source : FileSystem.absolute(FilePath(source)).string
  }

  /// Loads and splits the data that a configuration asks for.
  ///
  /// - Parameter configuration: The configuration.
  /// - Throws: `notFound`, `truncated`, `malformed` or `corrupted` for files; `invalidArgument` if
  ///   the split, the batch or the network does not fit the data.
  public init(_ configuration: TrainingConfiguration) throws(FlywheelError) {
    let settings = configuration.data
    let whole: LabelledImages
    if settings.source == Self.builtIn {
      let counts = Self.builtInCounts
      whole = DigitGenerator.generate(count: counts.training, seed: 0, stream: 2)
      test = DigitGenerator.generate(count: counts.test, seed: 0, stream: 3)
      source = Self.builtIn
    } else {
      (whole, test) = try IDXFile.mnist(in: FilePath(settings.source))
      source = "idx"
    }
    digest =
      "crc32:\(CRC32.hexadecimal(whole.checksum)),\(CRC32.hexadecimal(test.checksum))"
    let held = settings.validation ?? whole.count / 6
    let trained = settings.training ?? whole.count - held
    guard trained > 0, held >= 0, held <= whole.count, trained <= whole.count - held else {
      throw FlywheelError(
        .invalidArgument,
        "There are \(whole.count) images; \(settings.training.map { "\($0)" } ?? "some") to train on "
          + "and \(held) to hold out for validation do not fit. The default is to hold out a sixth; "
          + "a validation of 0 holds out none."
      )
    }
    guard settings.batchSize <= trained else {
      throw FlywheelError(
        .invalidArgument,
        "The batch size is \(settings.batchSize), but there are only \(trained) images to train on."
      )
    }
    training = whole[0..<trained]
    validation = whole[whole.count - held..<whole.count]
    try Self.require(configuration.network, fits: whole)
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
      dtype: .uint8,
      normalization: Normalization(scale: 1.0 / 255),
      lastBatch: configuration.data.lastBatch
    )
  }

  private static func require(
    _ network: NetworkShape,
    fits images: LabelledImages
  ) throws(FlywheelError) {
    guard network.layers.first == images.featureCount, network.layers.last == images.classCount
    else {
      throw FlywheelError(
        .mismatch,
        "The images have \(images.width) x \(images.height) = \(images.featureCount) pixels and "
          + "\(images.classCount) classes; the layers are "
          + "\(network.layers.map(String.init).joined(separator: "-")). "
          + "Give layers that start and end with these."
      )
    }
  }
}
