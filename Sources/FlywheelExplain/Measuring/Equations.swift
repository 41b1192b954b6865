/// Linear equations in a few unknowns, many or few, as the triangle that is left of them.
///
/// The triangle of a QR decomposition says of the columns all that least squares ask, and two of them are put
/// together by decomposing one upon the other: so equations of any number of tensors and steps take
/// no memory, and no accuracy is lost to squares as in normal equations. Halves are put together before
/// wholes: the errors of the arithmetic then stay a few steps of float64, however many equations there are.
struct Equations: Sendable {
  /// The number of columns: those of the unknowns, then right sides.
  let width: Int
  /// The triangle, row by row.
  private(set) var triangle: [Double]
  /// The number of equations.
  private(set) var count: Int
  /// Σ error² that the rounding of the numbers leads to expect of each column.
  private(set) var noise: [Double]
  /// The largest relative error of a number that the trainer computes with, such as its momentum.
  private(set) var unit: Double

  private static let blockSize = 256

  /// Takes equations by columns of one length.
  ///
  /// - Parameters:
  ///   - columns: The columns.
  ///   - noise: Σ error² to be expected of each.
  ///   - unit: The largest relative error of a number that the trainer computes with.
  init(_ columns: [[Double]], noise: [Double], unit: Double) {
    width = columns.count
    count = columns.first?.count ?? 0
    self.noise = noise
    self.unit = unit
    triangle = Self.triangle(columns, 0..<count)
  }

  /// Puts equations of one kind together; nil if there are none.
  static func joined(_ parts: some RandomAccessCollection<Equations>) -> Equations? {
    guard parts.count > 1 else { return parts.first }
    let middle = parts.index(parts.startIndex, offsetBy: parts.count / 2)
    guard var left = joined(parts[..<middle]), let right = joined(parts[middle...]) else {
      return nil
    }
    left.triangle = stacked(left.triangle, right.triangle, left.width)
    left.count += right.count
    for column in left.noise.indices { left.noise[column] += right.noise[column] }
    left.unit = max(left.unit, right.unit)
    return left
  }

  /// Σ x² of a column.
  func squares(_ column: Int) -> Double {
    var sum = 0.0
    for row in 0...column {
      let element = triangle[row * width + column]
      sum += element * element
    }
    return sum
  }

  // MARK: Decomposition

  private static func triangle(_ columns: [[Double]], _ range: Range<Int>) -> [Double] {
    let width = columns.count
    guard range.count > blockSize else {
      var block: [Double] = []
      block.reserveCapacity(range.count * width)
      for column in columns { block += column[range] }
      return decomposed(&block, rows: range.count, width)
    }
    let middle = range.lowerBound + range.count / 2
    return stacked(
      triangle(columns, range.lowerBound..<middle),
      triangle(columns, middle..<range.upperBound),
      width
    )
  }

  private static func stacked(_ upper: [Double], _ lower: [Double], _ width: Int) -> [Double] {
    var block: [Double] = []
    block.reserveCapacity(2 * width * width)
    for column in 0..<width {
      for half in [upper, lower] {
        for row in 0..<width { block.append(half[row * width + column]) }
      }
    }
    return decomposed(&block, rows: 2 * width, width)
  }

  /// Reflects the columns of a block, one after the other in memory, until only a triangle is left.
  private static func decomposed(_ block: inout [Double], rows: Int, _ width: Int) -> [Double] {
    for pivot in 0..<min(rows, width) {
      let start = pivot * rows
      var squares = 0.0
      for row in pivot..<rows { squares += block[start + row] * block[start + row] }
      guard squares > 0 else { continue }
      let diagonal = block[start + pivot]
      let norm = diagonal > 0 ? -squares.squareRoot() : squares.squareRoot()
      block[start + pivot] = diagonal - norm
      // Half of the reflecting vector's squared length.
      let half = -norm * block[start + pivot]
      if pivot + 1 < width, half > 0 {
        for column in pivot + 1..<width {
          let other = column * rows
          var product = 0.0
          for row in pivot..<rows { product += block[start + row] * block[other + row] }
          let share = product / half
          for row in pivot..<rows { block[other + row] -= share * block[start + row] }
        }
      }
      block[start + pivot] = norm
    }
    var triangle = [Double](repeating: 0, count: width * width)
    for column in 0..<width {
      for row in 0..<min(column + 1, rows) {
        triangle[row * width + column] = block[column * rows + row]
      }
    }
    return triangle
  }
}
