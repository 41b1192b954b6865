public import FlywheelCore

/// Which data a run is trained on, and how they are used.
public struct DataDescription: Sendable, Hashable {
  /// What kind of data it is, for example `digits`, `idx` or `arrays`.
  public var source: String
  /// Checksums of all pixels and labels, for example `crc32:0a1b2c3d,4e5f6071`: other data are noticed.
  public var digest: String
  /// The number of samples trained on.
  public var training: Int
  /// The number of samples held out to watch training.
  public var validation: Int
  /// The number of samples never looked at before the end.
  public var test: Int
  /// The type of the stored values, in the words of `DType`.
  public var dtype: DType
  /// What becomes of a stored value before the network sees it.
  public var normalization: Normalization
  /// What happens to the last batch of an epoch if it is short.
  public var lastBatch: LastBatch

  /// What happens to the last batch of an epoch if it is short.
  public enum LastBatch: String, Sendable, Hashable, CaseIterable {
    /// It is trained on; its gradient is the mean over its own samples.
    case keep
    /// It is left out.
    case drop
  }

  /// Creates a description.
  public init(
    source: String,
    digest: String,
    training: Int,
    validation: Int,
    test: Int,
    dtype: DType,
    normalization: Normalization,
    lastBatch: LastBatch
  ) {
    self.source = source
    self.digest = digest
    self.training = training
    self.validation = validation
    self.test = test
    self.dtype = dtype
    self.normalization = normalization
    self.lastBatch = lastBatch
  }

  package var json: JSONValue {
    [
      "source": JSONValue(source),
      "digest": JSONValue(digest),
      "training": JSONValue(training),
      "validation": JSONValue(validation),
      "test": JSONValue(test),
      "dtype": JSONValue(dtype.rawValue),
      "scale": JSONValue(normalization.scale),
      "mean": JSONValue(normalization.mean),
      "deviation": JSONValue(normalization.deviation),
      "last_batch": JSONValue(lastBatch.rawValue),
    ]
  }

  init(_ source: JSONObject) throws(FlywheelError) {
    var object = source
    self.source = try object.string("source")
    digest = try object.string("digest")
    training = try object.integer("training", in: 1...Counter.range.upperBound)
    validation = try object.integer("validation", in: Counter.range)
    test = try object.integer("test", in: Counter.range)
    let name = try object.string("dtype")
    guard let dtype = DType(rawValue: name) else {
      throw FlywheelError.malformed(found: "dtype '\(name)'", expected: "one of numpy's names")
    }
    self.dtype = dtype
    normalization = Normalization(
      scale: try object.double("scale"),
      mean: try object.double("mean"),
      deviation: try object.double("deviation")
    )
    do throws(FlywheelError) {
      try normalization.validate()
    } catch {
      throw FlywheelError(.malformed, "In \(object.path): \(error.message)")
    }
    let policy = try object.string("last_batch")
    guard let lastBatch = LastBatch(rawValue: policy) else {
      throw FlywheelError.malformed(found: "last_batch '\(policy)'", expected: "'keep' or 'drop'")
    }
    self.lastBatch = lastBatch
    try object.refuseOtherMembers()
  }
}
