/// The least-squares solution of a few columns for one right side, with what it does not depend on left out.
struct LeastSquaresStep {
  /// What each column is to be multiplied by; 0 for an open one.
  let step: [Double]
  /// The standard deviation of each factor if those of the residuals are 1.
  let deviations: [Double]
  /// The columns that are 0, or sums of those before them.
  let open: [Int]

  init(columns: [[Double]], residuals: [Double]) {
    var kept: [(place: Int, scale: Double, column: [Double])] = []
    var orthogonal: [[Double]] = []
    var open: [Int] = []
    for (place, column) in columns.enumerated() {
      let scale = Self.product(column, column).squareRoot()
      let unit = scale > 0 ? column.map { $0 / scale } : column
      let rest = orthogonal.reduce(unit) { rest, other in
        let share = Self.product(rest, other)
        return zip(rest, other).map { $0 - share * $1 }
      }
      let length = Self.product(rest, rest).squareRoot()
      guard scale > 0, scale.isFinite, length > 1e-6 else {
        open.append(place)
        continue
      }
      kept.append((place, scale, unit))
      orthogonal.append(rest.map { $0 / length })
    }
    let inverse = Self.inverse(
      kept.map { row in kept.map { Self.product(row.column, $0.column) } }
    )
    let sides = kept.map { Self.product($0.column, residuals) }
    var step = columns.map { _ in 0.0 }
    var deviations = step
    for (row, entry) in zip(inverse, kept.enumerated()) {
      step[entry.element.place] = Self.product(row, sides) / entry.element.scale
      deviations[entry.element.place] =
        max(row[entry.offset], 0).squareRoot() / entry.element.scale
    }
    (self.step, self.deviations, self.open) = (step, deviations, open)
  }

  private static func product(_ left: [Double], _ right: [Double]) -> Double {
    zip(left, right).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// The inverse of a small positive definite matrix.
  private static func inverse(_ matrix: [[Double]]) -> [[Double]] {
    let count = matrix.count
    var rows = matrix.enumerated().map { place, row in
      row + (0..<count).map { $0 == place ? 1.0 : 0.0 }
    }
    for place in 0..<count {
      let pivot = rows[place][place]
      rows[place] = rows[place].map { $0 / pivot }
      for other in 0..<count where other != place {
        let factor = rows[other][place]
        rows[other] = zip(rows[other], rows[place]).map { $0 - factor * $1 }
      }
    }
    return rows.map { Array($0.suffix(count)) }
  }
}
