import FlywheelCore

extension SeriesSample {
  /// The largest |gradient| of an element at any dump; nil without gradients.
  mutating func largestGradient() throws(FlywheelError) -> Double? {
    var largest: Double?
    for place in series.gradients.indices {
      for value in try elements(.gradient, at: place) ?? [] {
        largest = max(largest ?? 0, abs(value))
      }
    }
    return largest
  }

  /// Whether the buffers are the same at all dumps, although gradients are not 0.
  mutating func hasStillVelocity() throws(FlywheelError) -> Bool {
    guard try largestGradient() ?? 0 > 0 else { return false }
    var first: [Double]?
    var count = 0
    for place in series.velocities.indices {
      guard let buffers = try elements(.velocity, at: place) else { continue }
      guard first.map({ $0 == buffers }) ?? true else { return false }
      first = buffers
      count += 1
    }
    return count > 1
  }

  /// The elements that never had a gradient.
  ///
  /// Whatever a rule does without a gradient, it does to all elements alike: as long as their buffers began
  /// from 0, they change by one common factor from dump to dump. Those that do, within rounding, are taken
  /// for such if there are at least 16, many more than chance would bring together.
  ///
  /// - Parameter rounding: The errors of the weights.
  /// - Throws: `limitExceeded` if there is no memory for the elements.
  /// - Returns: The elements; nil if there are none, or the numbers are too coarse to tell.
  mutating func withoutGradient(_ rounding: RoundingError) throws(FlywheelError) -> SeriesSample? {
    guard rounding.unit < 1e-5, let start = try elements(.weight, at: 0) else { return nil }
    var places = start.indices.filter { abs(start[$0]) > 1e6 * rounding.absolute }
    // The last dump first: there those with a gradient are furthest apart.
    for dump in (1..<series.count).reversed() {
      guard let weights = try elements(.weight, at: dump) else { return nil }
      let ratios = places.map { ($0, weights[$0] / start[$0]) }.sorted { $0.1 < $1.1 }
      let reach = Double(4 + 2 * dump) * rounding.unit
      guard let cluster = Self.cluster(ratios.map(\.1), reach) else { return nil }
      places = cluster.map { ratios[$0].0 }
    }
    return subset(places.sorted())
  }

  /// Where most of some sorted numbers lie within a reach: at least 16, and far more than lie beside them.
  private static func cluster(_ sorted: [Double], _ reach: Double) -> Range<Int>? {
    var best = 0..<0
    var start = 0
    for end in sorted.indices {
      while sorted[end] - sorted[start] > 2 * reach * abs(sorted[end]) { start += 1 }
      if end + 1 - start > best.count { best = start..<end + 1 }
    }
    guard best.count >= 16 else { return nil }
    let (low, high) = (sorted[best.lowerBound], sorted[best.upperBound - 1])
    let margin = 64 * reach * max(abs(low), abs(high))
    let beside = sorted.count { $0 >= low - margin && $0 <= high + margin } - best.count
    return beside <= 16 * best.count ? best : nil
  }
}
