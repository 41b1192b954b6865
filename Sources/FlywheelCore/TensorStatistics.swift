internal import CFlywheelKernels

/// What is known about a tensor's numbers as a whole; of complex numbers, about their absolute values.
///
/// All is computed in float64, to which 64-bit integers are rounded. Sums are taken in a fixed order,
/// so that equal bytes have equal statistics on every machine.
public struct TensorStatistics: Sendable, Hashable {
  /// The number of elements.
  public let count: Int
  /// How many of them are zero, or -0.
  public let zeroCount: Int
  /// How many are NaN.
  public let nanCount: Int
  /// How many are infinity.
  public let positiveInfinityCount: Int
  /// How many are -infinity.
  public let negativeInfinityCount: Int
  /// The least of the finite elements; nil if there is none.
  public let minimum: Double?
  /// The greatest of the finite elements; nil if there is none.
  public let maximum: Double?
  /// The mean of the finite elements; nil if there is none.
  public let mean: Double?
  /// The root of the mean squared difference of the finite elements from their mean (the divisor is
  /// their number, not one less); nil if there is none.
  public let standardDeviation: Double?
  /// The root of the sum of the squares of the finite elements.
  public let norm: Double

  /// The number of elements that are neither infinite nor NaN.
  public var finiteCount: Int {
    count - nanCount - positiveInfinityCount - negativeInfinityCount
  }
}

extension Tensor {
  /// Computes the statistics of the elements, in one pass over them.
  ///
  /// A `bool` counts as the number in its byte, so that a maximum above 1 shows bytes that are no truth
  /// value. An absolute value that is too large for float64 counts as infinity.
  ///
  /// - Complexity: O(elements). Numbers beyond 2^480, or all below 2^-400, are read twice.
  /// - Returns: The statistics.
  public func statistics() -> TensorStatistics {
    let counted = scaledStatistics(by: 1)
    let count = Double(counted.finite)
    let largest = counted.finite > 0 ? max(counted.maximum, -counted.minimum) : 0
    // Squares would overflow, or vanish; a power of two changes nothing but the exponents.
    let isExtreme = largest > 0x1p480 || largest > 0 && largest < 0x1p-400
    let exponent = isExtreme ? max(-1000, min(1000, Int(largest.exponent))) : 0
    let unit = Double(sign: .plus, exponent: exponent, significand: 1)
    let sums = isExtreme ? scaledStatistics(by: 1 / unit) : counted
    let isEmpty = counted.finite == 0
    return TensorStatistics(
      count: shape.elementCount,
      zeroCount: Int(counted.zeros),
      nanCount: Int(counted.nans),
      positiveInfinityCount: Int(counted.positive_infinities),
      negativeInfinityCount: Int(counted.negative_infinities),
      // Which of 0 and -0 comes first is not worth showing.
      minimum: isEmpty ? nil : counted.minimum + 0,
      maximum: isEmpty ? nil : counted.maximum + 0,
      mean: isEmpty ? nil : sums.sum / count * unit + 0,
      standardDeviation: isEmpty ? nil : (sums.deviations / count).squareRoot() * unit,
      norm: sums.squares.squareRoot() * unit
    )
  }

  private func scaledStatistics(by scale: Double) -> fw_statistics {
    let steps = ConversionRoute.statisticsSteps(from: dtype)
    return unsafe bytes.withUnsafeBytes { source in
      // The steps begin with this tensor's dtype, of which there are `elementCount` elements.
      unsafe fw_statistics_of(steps, steps.count, source.baseAddress, shape.elementCount, scale)
    }
  }
}
