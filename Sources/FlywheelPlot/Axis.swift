/// One direction of a chart: which values it spans, where they lie, and which of them are marked.
///
/// Everything follows from the values alone, so that equal data give equal charts.
public struct Axis: Sendable, Hashable {
  /// How values are spread.
  public let scale: Scale
  /// The value at the start.
  public let lower: Double
  /// The value at the end; larger than `lower`.
  public let upper: Double
  /// The values that are marked, in ascending order.
  public let ticks: [Tick]

  /// How values are spread over an axis.
  public enum Scale: Sendable, Hashable {
    /// Equal differences are equal lengths.
    case linear
    /// Equal ratios are equal lengths; values that are not positive have no place.
    case logarithmic
  }

  /// How far an axis goes.
  public enum Extent: Sendable, Hashable {
    /// From the smallest value to the largest.
    case data
    /// From a mark to a mark, the values between them.
    case marks
  }

  /// A value that is marked.
  public struct Tick: Sendable, Hashable {
    /// The value.
    public var value: Double
    /// What stands beside it.
    public var label: String
  }

  /// Values beyond this are gaps like infinities: differences of larger ones overflow.
  private static let limit = 1e300

  /// Spans values.
  ///
  /// - Parameters:
  ///   - values: The values; those that have no place on the scale are left out.
  ///   - scale: How they are spread.
  ///   - extent: How far the axis goes.
  ///   - tickCount: About how many marks there should be; at least 1.
  ///   - isWhole: Whether only whole numbers are marked.
  public init(
    spanning values: some Sequence<Double>,
    scale: Scale = .linear,
    extent: Extent = .marks,
    tickCount: Int = 5,
    isWhole: Bool = false
  ) {
    var range: (lower: Double, upper: Double)?
    for value in values where Self.isDrawable(value, scale) {
      range = (min(range?.lower ?? value, value), max(range?.upper ?? value, value))
    }
    let found = range ?? (scale == .linear ? (0, 1) : (1, 10))
    let spread = Self.spread(found.lower, found.upper, scale)
    let marks =
      switch scale {
      case .linear:
        Self.linearMarks(spread.lower, spread.upper, max(1, tickCount), isWhole: isWhole)
      case .logarithmic: Self.logarithmicMarks(spread.lower, spread.upper, max(1, tickCount))
      }
    self.scale = scale
    switch extent {
    case .data:
      (lower, upper) = spread
      ticks = marks.filter { spread.lower <= $0.value && $0.value <= spread.upper }
    case .marks:
      lower = min(spread.lower, marks.first?.value ?? spread.lower)
      upper = max(spread.upper, marks.last?.value ?? spread.upper)
      ticks = marks
    }
  }

  /// Where a value lies, from 0 at the start to 1 at the end.
  ///
  /// - Parameter value: The value.
  /// - Returns: The place; nil for what has none, such as NaN, infinities, or 0 on a logarithmic axis.
  public func position(of value: Double) -> Double? {
    guard Self.isDrawable(value, scale) else { return nil }
    switch scale {
    case .linear: return (value - lower) / (upper - lower)
    case .logarithmic:
      let start = Decade.logarithm(lower)
      return (Decade.logarithm(value) - start) / (Decade.logarithm(upper) - start)
    }
  }

  private static func isDrawable(_ value: Double, _ scale: Scale) -> Bool {
    value.magnitude <= limit && (scale == .linear || value >= 1 / limit)
  }

  /// The range, widened if it is too small to tell its ends apart.
  private static func spread(
    _ lower: Double,
    _ upper: Double,
    _ scale: Scale
  ) -> (lower: Double, upper: Double) {
    let magnitude = max(lower.magnitude, upper.magnitude)
    guard upper - lower <= 1e-9 * magnitude || magnitude < 1 / limit else { return (lower, upper) }
    guard magnitude >= 1 / limit else { return (-1, 1) }
    switch scale {
    case .linear: return (lower - magnitude / 10, upper + magnitude / 10)
    case .logarithmic: return (max(lower / 2, 1 / limit), min(upper * 2, limit))
    }
  }

  /// Multiples of 1, 2 or 5 times a power of ten, from the last below the range to the first above it.
  private static func linearMarks(
    _ lower: Double,
    _ upper: Double,
    _ count: Int,
    isWhole: Bool
  ) -> [Tick] {
    let ideal = (upper - lower) / Double(count)
    var exponent = Decade.below(ideal)
    // A few marks more than asked for are better than half as many.
    var factor = [1, 2, 5].first { Numeral.value($0, exponent: exponent) >= 0.7 * ideal }
    if factor == nil {
      factor = 1
      exponent += 1
    }
    if isWhole && exponent < 0 {
      factor = 1
      exponent = 0
    }
    let step = Numeral.value(factor ?? 1, exponent: exponent)
    let first = Int((lower / step + 1e-9).rounded(.down))
    let last = Int((upper / step - 1e-9).rounded(.up))
    let numbers = (first...max(first, last)).map { $0 * (factor ?? 1) }
    return marks(numbers.map { ($0, exponent) })
  }

  /// Powers of ten, with 2 and 5 times them between if there are few.
  private static func logarithmicMarks(_ lower: Double, _ upper: Double, _ count: Int) -> [Tick] {
    let lowest = Decade.below(lower)
    let last = Decade.below(upper) + 1
    let stride = max(1, (last - lowest + count - 1) / count)
    // Of powers that are left out between marks, 1 is not one.
    let first = Int((Double(lowest) / Double(stride)).rounded(.down)) * stride
    let factors = Double(last - first) <= Double(count) / 2 ? [1, 2, 5] : [1]
    var pairs: [(Int, Int)] = []
    for exponent in Swift.stride(from: first, through: last + stride - 1, by: stride) {
      pairs += factors.map { ($0, exponent) }
    }
    let all = marks(pairs.filter { isDrawable(Numeral.value($0.0, exponent: $0.1), .logarithmic) })
    // From the last mark that is not above the range to the first that is not below it.
    let start = all.lastIndex { $0.value <= lower } ?? 0
    let end = all.firstIndex { $0.value >= upper } ?? all.count - 1
    return Array(all[start...max(start, end)])
  }

  /// Marks in one common form, so that they compare at a glance.
  private static func marks(_ numbers: [(factor: Int, exponent: Int)]) -> [Tick] {
    let values = numbers.map { Numeral.value($0.factor, exponent: $0.exponent) }
    let largest = values.reduce(0) { max($0, $1.magnitude) }
    let finest = numbers.reduce(0) { min($0, $1.exponent) }
    let isPlain = Numeral.isPlain(largest: largest, exponent: finest)
    return zip(numbers, values).map { number, value in
      Tick(
        value: value,
        label: isPlain
          ? Numeral.plain(number.factor, exponent: number.exponent)
          : Numeral.scientific(number.factor, exponent: number.exponent)
      )
    }
  }
}
