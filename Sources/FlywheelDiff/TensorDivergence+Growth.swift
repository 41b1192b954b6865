#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension TensorDivergence {
  /// How fast a difference grows while it grows evenly.
  public struct Growth: Sendable, Hashable {
    /// What the root mean square of the difference is multiplied by in each step.
    public var factor: Double
    /// The steps over which it does so.
    public var steps: ClosedRange<Int>

    /// In how many steps the difference doubles, or halves if it shrinks; infinite if it stays.
    public var doubling: Double { factor == 1 ? .infinity : abs(log(2) / log(factor)) }
  }

  /// How fast the difference grows from its first step on; nil where that cannot be said.
  ///
  /// It is the slope of a line that is fitted to the logarithm of the root mean square over the steps, by
  /// least squares. It is said only if the line passes within a factor of two of three points at least:
  /// all of them, or if those do not lie on a line, as when growth comes to its end, the first half, or
  /// the first quarter, and so on.
  public var growth: Growth? {
    let sizes = points.map { (step: $0.step, size: $0.difference.rootMeanSquare) }
      .drop { $0.size == 0 }
    var count = sizes.prefix { $0.size > 0 && $0.size.isFinite }.count
    while count >= 3 {
      if let growth = Self.growth(of: sizes.prefix(count)) { return growth }
      count /= 2
    }
    return nil
  }

  private static func growth(of sizes: ArraySlice<(step: Int, size: Double)>) -> Growth? {
    guard let first = sizes.first?.step, let last = sizes.last?.step else { return nil }
    let xs = sizes.map { Double($0.step - first) }
    let ys = sizes.map { log($0.size) }
    let count = Double(sizes.count)
    let (meanX, meanY) = (xs.reduce(0, +) / count, ys.reduce(0, +) / count)
    let spread = xs.reduce(0) { $0 + ($1 - meanX) * ($1 - meanX) }
    let slope = zip(xs, ys).reduce(0) { $0 + ($1.0 - meanX) * ($1.1 - meanY) } / spread
    let isEven = zip(xs, ys).allSatisfy { x, y in
      abs(y - meanY - slope * (x - meanX)) <= log(2)
    }
    return isEven ? Growth(factor: exp(slope), steps: first...last) : nil
  }
}
