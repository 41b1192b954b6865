import FlywheelCore

extension StepDump {
  /// Checks that something moves from dump to dump.
  ///
  /// - Throws: `invalidArgument` if every dump has the same weights: a rule would be named from nothing.
  func requireChange() throws(FlywheelError) {
    let isStill = series.allSatisfy { series in
      zip(series.weights, series.weights.dropFirst()).allSatisfy { $0.hasSameBytes(as: $1) }
    }
    guard isStill, !series.isEmpty else { return }
    throw FlywheelError(
      .invalidArgument,
      "No weight changes between these \(series[0].count) dumps. Is it one file several times, or were "
        + "arrays kept without a copy, so that all dumps hold the last one?"
    )
  }
}
