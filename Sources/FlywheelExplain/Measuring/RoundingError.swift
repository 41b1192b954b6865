import FlywheelCore

/// How far numbers of a type are from those that were rounded to it.
struct RoundingError: Sendable, Hashable {
  /// The type whose precision the numbers have; they may be kept in a wider one.
  let dtype: DType
  /// The root mean square of the error, relative to the number.
  let relative: Double
  /// The root mean square of the error of the smallest numbers.
  let absolute: Double
  /// The largest relative error of one rounding: half a step above 1.
  let unit: Double

  /// The errors of a type.
  ///
  /// An error is even over a step, so its root mean square is the step / √12. Over all significands between
  /// 1 and 2, as frequent as those of physical numbers are, that is 0.21 of the step above 1.
  init(_ dtype: DType) {
    self.dtype = dtype
    let (fractionBits, smallest): (Int, Int) =
      switch dtype {
      case .float8E5M2: (2, -16)
      case .float8E4M3FN: (3, -9)
      case .bfloat16: (7, -133)
      case .float16: (10, -24)
      case .float32: (23, -149)
      default: (52, -1074)
      }
    let step = Double(sign: .plus, exponent: -fractionBits, significand: 1)
    relative = 0.21 * step
    absolute = 0.29 * Double(sign: .plus, exponent: smallest, significand: 1)
    unit = step / 2
  }

  /// Σ error² to be expected of numbers.
  func squares(_ values: [Double]) -> Double {
    var sum = 0.0
    for value in values { sum += value * value }
    return relative * relative * sum + absolute * absolute * Double(values.count)
  }
}
