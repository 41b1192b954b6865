/// The solution of a linear least-squares problem whose right side is as exact in every equation.
///
/// Directions in which no equation says anything have no part in it: the solution is the shortest one, in
/// units of the columns' lengths, and the variances of the unknowns that lie in them are infinite.
struct LeastSquares {
  /// The coefficient of each column.
  private(set) var coefficients: [Double]
  /// What a variance of 1 of each element of the target makes of each coefficient.
  private(set) var variances: [Double]
  /// Σ residual².
  private(set) var residualSquare: Double
  /// The condition number of the columns, each scaled to length 1, in the directions that have a part.
  let condition: Double

  /// From this part of the longest direction on, the others are no more than rounding.
  private static let smallest = 1e-13
  /// From this part in such a direction on, a coefficient is not told.
  private static let loose = 1e-4

  /// Solves a problem.
  ///
  /// - Parameters:
  ///   - columns: The columns, all as long as the target.
  ///   - target: What they shall make up.
  init(columns: [[Double]], target: [Double]) {
    self.init(roughly: columns, target: target)
    // Where equations are of very different size, only what is left of them shows how far it was off.
    let correction = LeastSquares(roughly: columns, target: residuals(columns, target))
    for place in coefficients.indices { coefficients[place] += correction.coefficients[place] }
    residualSquare = residuals(columns, target).reduce(0) { $0 + $1 * $1 }
  }

  private func residuals(_ columns: [[Double]], _ target: [Double]) -> [Double] {
    var rest = target
    for (column, coefficient) in zip(columns, coefficients) where coefficient != 0 {
      for index in rest.indices { rest[index] -= coefficient * column[index] }
    }
    return rest
  }

  /// Solves it once: as exact as the largest of the equations.
  private init(roughly columns: [[Double]], target: [Double]) {
    let count = columns.count
    let width = count + 1
    let equations = Equations(
      columns + [target],
      noise: [Double](repeating: 0, count: width),
      unit: 0
    )
    let element = { (row: Int, column: Int) in equations.triangle[row * width + column] }
    let lengths = columns.indices.map { equations.squares($0).squareRoot() }
    let used = columns.indices.filter { lengths[$0] > 0 && lengths[$0].isFinite }
    let decomposition = SingularValues(
      used.map { column in
        columns.indices.map { $0 <= column ? element($0, column) / lengths[column] : 0 }
      }
    )
    let side = columns.indices.map { element($0, count) }
    let largest = decomposition.values.max() ?? 1
    var (scaled, squares) = (used.map { _ in 0.0 }, used.map { _ in 0.0 })
    for (index, value) in decomposition.values.enumerated() {
      let direction = decomposition.directions[index]
      let isNull = value <= Self.smallest * largest
      let share =
        isNull ? 0 : SingularValues.product(decomposition.turned[index], side) / (value * value)
      for place in used.indices {
        scaled[place] += share * direction[place]
        if !isNull {
          squares[place] += direction[place] * direction[place] / (value * value)
        } else if abs(direction[place]) > Self.loose {
          squares[place] = .infinity
        }
      }
    }
    coefficients = columns.map { _ in 0 }
    variances = columns.map { _ in .infinity }
    for (place, column) in used.enumerated() {
      coefficients[column] = scaled[place] / lengths[column]
      variances[column] = squares[place] / (lengths[column] * lengths[column])
    }
    var residual = element(count, count) * element(count, count)
    for row in columns.indices {
      var rest = side[row]
      for (place, column) in used.enumerated() where row <= column {
        rest -= element(row, column) / lengths[column] * scaled[place]
      }
      residual += rest * rest
    }
    residualSquare = residual
    let told = decomposition.values.filter { $0 > Self.smallest * largest }
    condition = largest / (told.min() ?? largest)
  }

  /// The standard error of a coefficient.
  ///
  /// - Parameters:
  ///   - place: The place of its column.
  ///   - deviation: The standard deviation of an element of the target.
  /// - Returns: The error.
  func standardError(_ place: Int, deviation: Double) -> Double {
    variances[place].squareRoot() * deviation
  }
}
