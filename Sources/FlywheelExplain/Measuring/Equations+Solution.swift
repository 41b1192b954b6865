extension Equations {
  /// The least-squares solution for one right side.
  struct Solution {
    /// The unknowns; nil for those that the equations do not tell.
    var estimates: [Estimate?]
    /// How well it fits.
    var fit: Measurement.Fit
    /// Σ residual², and Σ of the right side's squares.
    var squares: (residual: Double, total: Double)
  }

  /// What the arithmetic of float64 leaves of a column, relative to its length: a few steps.
  private static let arithmetic = 0x1p-50

  /// How much larger an error is than if all equations had errors of one size: rounding errors are larger
  /// where the numbers are larger, and those have more say.
  private static let unevenness = 1.5

  /// What part of a right side may be distorted because each number is rounded to a step, not at random.
  ///
  /// Normal numbers of deviation σ, rounded to steps of s, come out 2 exp(−2π² σ²/s²) off at most. The step
  /// of the largest is twice the mean, and 0.29 of it is the root mean square of the error.
  private static func distortion(noise: Double, total: Double) -> Double {
    guard noise > 0, total > 0 else { return 0 }
    let exponent = 0.415 * total / noise
    // The first terms of the exponential's series: never less than its inverse, and without a library.
    let power = 1 + exponent * (1 + exponent / 2 * (1 + exponent / 3 * (1 + exponent / 4)))
    return min(1, 2 / power)
  }

  /// Solves the equations.
  ///
  /// An unknown is not told if its column is 0, or if, within what rounding makes of the columns, a
  /// combination of columns that it takes part in is 0. The standard error of one that is told is made of
  ///
  /// - what the residual makes of it, and at least what the rounding of the right side does;
  /// - the bias that errors of the columns themselves cause: (XᵀX)⁻¹ E β with their squares in E;
  /// - where a change is not much larger than the rounding of what changes, its unevenness: numbers are then
  ///   not rounded at random, but small changes to none;
  /// - the arithmetic here, times the condition;
  /// - one rounding of the number itself, which the trainer may hold in its own precision.
  ///
  /// - Parameters:
  ///   - unknowns: The number of columns of unknowns; they are the first.
  ///   - target: The column of the right side.
  ///   - shared: The columns whose errors the right side has too.
  /// - Returns: The solution; nil if there are not more equations than unknowns, or squares overflow.
  func solution(unknowns: Int, target: Int, sharing shared: [Int] = []) -> Solution? {
    let total = squares(target)
    let lengths = (0..<unknowns).map { squares($0).squareRoot() }
    let used = (0..<unknowns).filter { lengths[$0] > 0 }
    guard count > used.count, (lengths + noise + [total]).allSatisfy(\.isFinite) else { return nil }
    let decomposition = SingularValues(
      used.map { column in
        (0..<unknowns).map { row in
          row <= column ? triangle[row * width + column] / lengths[column] : 0
        }
      }
    )
    let ratios = used.map { noise[$0] / (lengths[$0] * lengths[$0]) }
    let isNull = used.indices.map { index in
      let direction = decomposition.directions[index]
      let squares = zip(direction, ratios).reduce(0) { $0 + $1.0 * $1.0 * $1.1 }
      return decomposition.values[index] <= max(4 * squares.squareRoot(), 16 * Self.arithmetic)
    }
    let side = (0..<unknowns).map { triangle[$0 * width + target] }
    let kept = used.indices.filter { !isNull[$0] }
    // In units of the columns' lengths.
    var scaled = [Double](repeating: 0, count: used.count)
    var inverse = used.map { _ in used.map { _ in 0.0 } }
    for index in kept {
      let value = decomposition.values[index]
      let direction = decomposition.directions[index]
      let share = SingularValues.product(decomposition.turned[index], side) / (value * value)
      for row in used.indices {
        scaled[row] += share * direction[row]
        for column in used.indices {
          inverse[row][column] += direction[row] * direction[column] / (value * value)
        }
      }
    }
    var residual = 0.0
    for row in used.isEmpty ? 0..<0 : 0..<unknowns {
      var rest = side[row]
      for (place, column) in used.enumerated() where row <= column {
        rest -= triangle[row * width + column] / lengths[column] * scaled[place]
      }
      residual += rest * rest
    }
    for row in (used.isEmpty ? 0 : unknowns)...target {
      residual += triangle[row * width + target] * triangle[row * width + target]
    }
    let freedom = Double(count - kept.count)
    let variance = max(residual / freedom, noise[target] / Double(count))
    let arithmetic =
      Self.arithmetic * (total.squareRoot() + scaled.reduce(0) { $0 + abs($1) })
    let distortion =
      Self.distortion(noise: noise[target], total: total) * total.squareRoot()
    let biases = zip(ratios, used.indices).map { ratio, place in
      ratio * (abs(scaled[place]) + (shared.contains(used[place]) ? lengths[used[place]] : 0))
    }
    var estimates = [Estimate?](repeating: nil, count: unknowns)
    for (place, column) in used.enumerated() {
      let loose = used.indices.filter { isNull[$0] }.map {
        abs(decomposition.directions[$0][place])
      }
      let looseness = loose.max() ?? 0
      guard looseness < 1e-4 else { continue }
      let spread = inverse[place][place].squareRoot()
      let bias = zip(inverse[place], biases).reduce(0) { $0 + abs($1.0) * $1.1 }
      let parts = [
        Self.unevenness * variance.squareRoot() * spread, bias, arithmetic * spread,
        unit * abs(scaled[place]),
        distortion * spread, looseness * total.squareRoot(),
      ]
      let error = SingularValues.product(parts, parts).squareRoot() / lengths[column]
      let value = scaled[place] / lengths[column]
      guard value.isFinite, error.isFinite else { continue }
      estimates[column] = Estimate(value, standardError: error)
    }
    let columnNoise = zip(ratios, scaled).reduce(0) { $0 + $1.0 * $1.1 * $1.1 }
    let expected = noise[target] + columnNoise + arithmetic * arithmetic
    let largest = decomposition.values.max() ?? 1
    let smallest = decomposition.values.min() ?? 1
    return Solution(
      estimates: estimates,
      fit: Measurement.Fit(
        residual: total > 0 ? (residual / freedom * Double(count) / total).squareRoot() : 0,
        rounding: total > 0 ? (expected / total).squareRoot() : 0,
        condition: largest / max(smallest, largest * 0x1p-52)
      ),
      squares: (residual / freedom * Double(count), total)
    )
  }
}
