public import FlywheelCore

/// What becomes of a stored value before a network sees it: (value · scale − mean) / deviation.
public struct Normalization: Sendable, Hashable {
  /// What the stored value is multiplied by first, for example 1/255 for the bytes of an image.
  public var scale: Double
  /// What is subtracted then.
  public var mean: Double
  /// What the difference is divided by; not 0.
  public var deviation: Double

  /// Creates a normalisation; by default it changes nothing.
  public init(scale: Double = 1, mean: Double = 0, deviation: Double = 1) {
    self.scale = scale
    self.mean = mean
    self.deviation = deviation
  }

  /// Checks that the numbers make sense.
  ///
  /// - Throws: `invalidArgument`, naming the number and its range.
  public func validate() throws(FlywheelError) {
    for (name, value) in [("scale", scale), ("mean", mean), ("deviation", deviation)] {
      guard value.isFinite, value != 0 || name == "mean" else {
        throw FlywheelError(
          .invalidArgument,
          "The normalization's \(name) is \(value); it must be a finite number"
            + (name == "mean" ? "." : " other than 0.")
        )
      }
    }
  }
}
