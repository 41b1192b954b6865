/// The solution of a linear least-squares problem in double precision, by orthogonalization.
///
/// Columns are scaled to length 1 first. A column that is 0, or that the ones before it make up, gets no
/// part: its coefficient is 0 and its variance infinite.
struct LeastSquares {
  /// The coefficient of each column.
  private(set) var coefficients: [Double]
  /// What a variance of 1 of each element of the target makes of the coefficients, as rows.
  private(set) var covariance: [[Double]]
  /// Σ residual².
  private(set) var residualSquare: Double
  /// Σ target².
  let targetSquare: Double
  /// How many equations there are.
  let rowCount: Int
  /// The condition number of the columns that got a part, each scaled to length 1.
  private(set) var condition: Double

  /// From this part of a column's length on, what earlier columns leave of it is no more than rounding.
  private static let smallest = 1e-13

  /// Solves a problem.
  ///
  /// - Parameters:
  ///   - columns: The columns, all as long as the target.
  ///   - target: What they shall make up.
  init(columns: [[Double]], target: [Double]) {
    rowCount = target.count
    targetSquare = Self.dot(target, target)
    coefficients = columns.map { _ in 0 }
    covariance = columns.indices.map { row in
      columns.indices.map { $0 == row ? .infinity : 0 }
    }
    var basis: [[Double]] = []
    var kept: [(place: Int, length: Double)] = []
    // Column j of R: what of each basis vector is in the j-th kept column.
    var triangle: [[Double]] = []
    for (place, column) in columns.enumerated() {
      let length = Self.dot(column, column).squareRoot()
      guard length > 0, length.isFinite else { continue }
      var rest = column.map { $0 / length }
      var parts = [Double](repeating: 0, count: basis.count)
      // Once more takes away what rounding left the first time.
      for _ in 0..<2 {
        for (index, vector) in basis.enumerated() {
          let part = Self.dot(vector, rest)
          parts[index] += part
          Self.add(-part, vector, to: &rest)
        }
      }
      let size = Self.dot(rest, rest).squareRoot()
      guard size > Self.smallest else { continue }
      basis.append(rest.map { $0 / size })
      triangle.append(parts + [size])
      kept.append((place, length))
    }
    let inverse = Self.inverse(triangle)
    var rest = target
    // The second time corrects what rounding of the first left.
    for _ in 0..<2 {
      let parts = basis.map { Self.dot($0, rest) }
      for (row, column) in kept.enumerated() {
        var share = 0.0
        for index in row..<kept.count { share += inverse[row][index] * parts[index] }
        coefficients[column.place] += share / column.length
        Self.add(-share / column.length, columns[column.place], to: &rest)
      }
    }
    residualSquare = Self.dot(rest, rest)
    for (row, one) in kept.enumerated() {
      for (column, other) in kept.enumerated() {
        covariance[one.place][other.place] =
          Self.dot(inverse[row], inverse[column]) / (one.length * other.length)
      }
    }
    condition = Self.condition(triangle)
  }

  /// The standard error of a coefficient.
  ///
  /// - Parameters:
  ///   - place: The place of its column.
  ///   - deviation: The standard deviation of an element of the target.
  /// - Returns: The error.
  func standardError(_ place: Int, deviation: Double) -> Double {
    covariance[place][place].squareRoot() * deviation
  }
}

extension LeastSquares {
  private static func dot(_ left: [Double], _ right: [Double]) -> Double {
    let count = min(left.count, right.count)
    // Four sums are faster, and round less than one.
    var (a, b, c, d) = (0.0, 0.0, 0.0, 0.0)
    var index = 0
    while index + 4 <= count {
      a += left[index] * right[index]
      b += left[index + 1] * right[index + 1]
      c += left[index + 2] * right[index + 2]
      d += left[index + 3] * right[index + 3]
      index += 4
    }
    while index < count {
      a += left[index] * right[index]
      index += 1
    }
    return (a + b) + (c + d)
  }

  private static func add(_ factor: Double, _ vector: [Double], to sum: inout [Double]) {
    for index in 0..<min(vector.count, sum.count) { sum[index] += factor * vector[index] }
  }

  /// The inverse of an upper triangle that is given by columns; by rows.
  private static func inverse(_ triangle: [[Double]]) -> [[Double]] {
    let count = triangle.count
    var inverse = [[Double]](repeating: [Double](repeating: 0, count: count), count: count)
    for column in 0..<count {
      inverse[column][column] = 1 / triangle[column][column]
      for row in stride(from: column - 1, through: 0, by: -1) {
        var sum = 0.0
        for index in (row + 1)...column { sum += triangle[index][row] * inverse[index][column] }
        inverse[row][column] = -sum / triangle[row][row]
      }
    }
    return inverse
  }

  /// The largest over the smallest singular value of an upper triangle that is given by columns, by
  /// rotating pairs of columns until all are at right angles.
  private static func condition(_ triangle: [[Double]]) -> Double {
    let count = triangle.count
    guard count > 1 else { return 1 }
    var columns = triangle.map { $0 + [Double](repeating: 0, count: count - $0.count) }
    for _ in 0..<30 {
      var isDone = true
      for one in 0..<count {
        for other in (one + 1)..<max(count, one + 1) {
          let (x, y) = (columns[one], columns[other])
          let (xx, yy, xy) = (dot(x, x), dot(y, y), dot(x, y))
          guard abs(xy) > 1e-15 * (xx * yy).squareRoot() else { continue }
          isDone = false
          let slope = (yy - xx) / (2 * xy)
          let tangent = (slope < 0 ? -1 : 1) / (abs(slope) + (1 + slope * slope).squareRoot())
          let cosine = 1 / (1 + tangent * tangent).squareRoot()
          let sine = cosine * tangent
          for row in 0..<count {
            columns[one][row] = cosine * x[row] - sine * y[row]
            columns[other][row] = sine * x[row] + cosine * y[row]
          }
        }
      }
      if isDone { break }
    }
    let lengths = columns.map { dot($0, $0).squareRoot() }
    return (lengths.max() ?? 1) / (lengths.min() ?? 1)
  }
}
