public import FlywheelCheckpoint
public import FlywheelCore

/// How samples are normalised, as far as a user says: (value · scale − mean) / deviation.
public struct NormalizationSettings: Sendable, Hashable {
  /// The factor on each stored value; nil for what suits its type.
  public var scale: Double?
  /// What is subtracted then.
  public var mean: Double
  /// What the difference is divided by.
  public var deviation: Double

  /// Creates settings; by default only what suits the type is done.
  public init(scale: Double? = nil, mean: Double = 0, deviation: Double = 1) {
    self.scale = scale
    self.mean = mean
    self.deviation = deviation
  }

  /// The numbers for samples of one type.
  ///
  /// - Parameter dtype: The type that the samples are stored in.
  /// - Returns: The numbers; without a `scale`, bytes are multiplied by 1/255 and others by 1.
  public func resolved(for dtype: DType) -> Normalization {
    Normalization(
      scale: scale ?? (dtype == .uint8 ? 1.0 / 255 : 1),
      mean: mean,
      deviation: deviation
    )
  }
}
