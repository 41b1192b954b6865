/// How many elements of two tensors differ by how much: counts of Δ = a − b by the decade of |Δ|.
///
/// Of complex numbers |Δ| is the absolute value; it has no sign, so all are counted as `greater`.
public struct DifferenceHistogram: Sendable, Hashable {
  /// How many pairs have the same value; both sides are finite.
  public private(set) var zeroCount = 0
  /// How many pairs have an infinity or a NaN on a side; none of the other counts has them.
  public private(set) var nonFiniteCount = 0
  /// Every decade that float64 has, from that of 10^-324.
  private var greater: [Int] = []
  private var less: [Int] = []

  /// The differences of one decade.
  public struct Decade: Sendable, Hashable {
    /// |Δ| is at least 10 to this power, and less than ten times that.
    public var exponent: Int
    /// How many a are greater than their b.
    public var greaterCount: Int
    /// How many a are less than their b.
    public var lessCount: Int

    /// Creates a decade.
    public init(exponent: Int, greaterCount: Int, lessCount: Int) {
      self.exponent = exponent
      self.greaterCount = greaterCount
      self.lessCount = lessCount
    }

    /// How many there are.
    public var count: Int { greaterCount + lessCount }
  }

  /// Creates the histogram of no elements.
  public init() {}

  /// Takes the counts of a kernel, which begin with the lowest decade.
  init(zeroCount: Int, nonFiniteCount: Int, greater: [Int], less: [Int]) {
    self.zeroCount = zeroCount
    self.nonFiniteCount = nonFiniteCount
    self.greater = greater
    self.less = less
  }

  /// The decades from that of the smallest difference to that of the largest one, without a gap; empty if
  /// nothing differs.
  public var decades: [Decade] {
    let used = greater.indices.filter { greater[$0] + less[$0] > 0 }
    guard let first = used.first, let last = used.last else { return [] }
    return (first...last).map { index in
      Decade(
        exponent: index + Self.lowestExponent,
        greaterCount: greater[index],
        lessCount: less[index]
      )
    }
  }

  /// How many pairs of finite elements differ.
  public var differingCount: Int { greater.reduce(0, +) + less.reduce(0, +) }

  /// The number of pairs.
  public var count: Int { zeroCount + nonFiniteCount + differingCount }

  /// Adds the pairs of another histogram, such as that of the next tensor.
  ///
  /// - Parameter other: Where they are counted.
  public mutating func add(_ other: DifferenceHistogram) {
    zeroCount += other.zeroCount
    nonFiniteCount += other.nonFiniteCount
    greater = Self.sums(greater, other.greater)
    less = Self.sums(less, other.less)
  }

  private static let lowestExponent = -324

  private static func sums(_ first: [Int], _ second: [Int]) -> [Int] {
    // The histogram of no elements has no decades.
    first.isEmpty ? second : second.isEmpty ? first : zip(first, second).map(+)
  }
}
