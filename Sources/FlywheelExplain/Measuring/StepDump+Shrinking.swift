public import FlywheelCore

extension StepDump {
  /// What part of the weights changes at all if each is shrunk once and rounded.
  ///
  /// A decay of less than half a step of the trainer's type is not weak but nothing: in float32 a weight
  /// times 1 − 2e-8 is the weight.
  ///
  /// - Parameters:
  ///   - share: By what part of itself each weight is shrunk.
  ///   - dtype: The type that the trainer keeps weights in.
  /// - Throws: `limitExceeded` if there is no memory for the weights that are looked at, at most 2^18 of
  ///   each parameter.
  /// - Returns: The part, of the weights that are not 0 at the first dump; nil if there are none.
  public func shareChanged(
    byShrinking share: Double,
    in dtype: DType
  ) throws(FlywheelError) -> Double? {
    var count = 0
    var changed = 0
    for series in series where series.isWeight {
      var sample = SeriesSample(series, limit: 1 << 18)
      let weights = try sample.elements(.weight, at: 0) ?? []
      let kept = try Self.rounded(weights, to: dtype)
      let shrunk = try Self.rounded(kept.map { $0 - share * $0 }, to: dtype)
      for (old, new) in zip(kept, shrunk) where old != 0 {
        count += 1
        if new != old { changed += 1 }
      }
    }
    return count > 0 ? Double(changed) / Double(count) : nil
  }

  private static func rounded(
    _ values: [Double],
    to dtype: DType
  ) throws(FlywheelError) -> [Double] {
    try Tensor(vector: values).converted(to: dtype).converted(to: .float64).elements()
  }
}
