import ArgumentParser
import FlywheelTrain

/// What becomes of stored values, as flags: (value · scale − mean) / deviation.
struct NormalizationOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: "Factor on each stored value. (default: 1/255 for bytes, 1 for other types)"
  )
  var scale: Double?

  @Option(
    parsing: .unconditional,
    help: "Subtracted from scaled values. \(TrainingOptions.saying(\.data.normalization.mean))"
  )
  var mean: Double?

  @Option(
    parsing: .unconditional,
    help: """
      What the difference is divided by. \
      \(TrainingOptions.saying(\.data.normalization.deviation))
      """
  )
  var deviation: Double?

  /// Puts what the flags say into settings.
  func apply(to settings: inout NormalizationSettings) {
    settings.scale = scale ?? settings.scale
    settings.mean = mean ?? settings.mean
    settings.deviation = deviation ?? settings.deviation
  }
}
