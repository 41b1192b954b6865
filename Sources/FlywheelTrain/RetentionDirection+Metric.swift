public import FlywheelCore
public import FlywheelRun

extension Retention.Best.Direction {
  /// Which values of a metric are better, as far as its name says: a loss should fall, an accuracy rise.
  public init?(ofMetric name: String) {
    if name.hasSuffix("loss") {
      self = .min
    } else if name.hasSuffix("accuracy") {
      self = .max
    } else {
      return nil
    }
  }

  /// Which values of a metric are better, as a user or else its name says.
  ///
  /// - Parameters:
  ///   - given: What a user said.
  ///   - metric: The metric's name.
  /// - Throws: `invalidArgument` if neither says it.
  public init(_ given: Self?, ofMetric metric: String) throws(FlywheelError) {
    guard let direction = given ?? Self(ofMetric: metric) else {
      throw FlywheelError(
        .invalidArgument,
        "Nothing says which values of a metric '\(metric)' are better. A run measures training_loss, "
          + "training_accuracy, validation_loss and validation_accuracy; of any other give a "
          + "direction, min or max."
      )
    }
    self = direction
  }
}
