/// A small square matrix as turned columns: A V = U Σ, by Jacobi's rotations of one side.
///
/// They find small singular values of matrices with columns of one length as accurately as the matrix says
/// them.
struct SingularValues {
  /// U Σ, column by column.
  private(set) var turned: [[Double]]
  /// V, column by column.
  private(set) var directions: [[Double]]
  /// Σ.
  private(set) var values: [Double]

  /// Decomposes a matrix that is given column by column.
  init(_ columns: [[Double]]) {
    turned = columns
    directions = columns.indices.map { column in
      columns.indices.map { $0 == column ? 1 : 0 }
    }
    values = []
    for _ in 0..<60 where rotateAll() {}
    values = turned.map { Self.product($0, $0).squareRoot() }
  }

  /// Rotates each pair of columns until they are perpendicular; whether any was not.
  private mutating func rotateAll() -> Bool {
    var isTurned = false
    for first in turned.indices {
      for second in turned.indices where second > first {
        let (one, other) = (turned[first], turned[second])
        let (length, otherLength) = (Self.product(one, one), Self.product(other, other))
        let shared = Self.product(one, other)
        guard abs(shared) > 0x1p-51 * (length * otherLength).squareRoot() else { continue }
        isTurned = true
        let slope = (otherLength - length) / (2 * shared)
        let sign: Double = slope < 0 ? -1 : 1
        let tangent = sign / (abs(slope) + (1 + slope * slope).squareRoot())
        let cosine = 1 / (1 + tangent * tangent).squareRoot()
        Self.rotate(&turned, first, second, cosine, cosine * tangent)
        Self.rotate(&directions, first, second, cosine, cosine * tangent)
      }
    }
    return isTurned
  }

  private static func rotate(
    _ columns: inout [[Double]],
    _ first: Int,
    _ second: Int,
    _ cosine: Double,
    _ sine: Double
  ) {
    for row in columns[first].indices {
      let (x, y) = (columns[first][row], columns[second][row])
      columns[first][row] = cosine * x - sine * y
      columns[second][row] = sine * x + cosine * y
    }
  }

  /// Σ x y.
  static func product(_ left: [Double], _ right: [Double]) -> Double {
    var sum = 0.0
    for row in left.indices { sum += left[row] * right[row] }
    return sum
  }
}
