import FlywheelCore

/// The elements of a parameter that are looked at, at each of its dumps.
///
/// Of a large parameter they are evenly spread; they are read when they are asked for, and only those of a
/// few dumps are kept.
struct SeriesSample {
  /// Arrays of a parameter.
  enum Kind: Sendable, Hashable, CaseIterable {
    case weight
    case gradient
    case velocity
  }

  let series: TensorSeries
  /// The indices of the elements; nil for all.
  private let indices: [Int]?
  private var kept: [Key: [Double]] = [:]

  private struct Key: Hashable {
    var kind: Kind
    var place: Int
  }

  /// Takes at most so many elements of a parameter.
  init(_ series: TensorSeries, limit: Int) {
    self.series = series
    let count = series.weights.first?.shape.elementCount ?? 0
    // The step is no multiple of a row's length more often than others are.
    indices =
      count > limit ? (0..<limit).map { $0 * (count / limit) + $0 * (count % limit) / limit } : nil
  }

  /// Takes some elements of a parameter.
  init(_ series: TensorSeries, indices: [Int]) {
    self.series = series
    self.indices = indices
  }

  /// Some of the elements that are looked at.
  func subset(_ places: [Int]) -> SeriesSample {
    SeriesSample(series, indices: places.map { indices?[$0] ?? $0 })
  }

  /// The number of elements that are looked at.
  var count: Int { indices?.count ?? series.weights.first?.shape.elementCount ?? 0 }

  /// The number of elements that there are.
  var totalCount: Int { series.weights.first?.shape.elementCount ?? 0 }

  /// The array of a kind at a dump; nil if there is none.
  func tensor(_ kind: Kind, at place: Int) -> Tensor? {
    let row: [Tensor?] =
      switch kind {
      case .weight: series.weights
      case .gradient: series.gradients
      case .velocity: series.velocities
      }
    return row.indices.contains(place) ? row[place] : nil
  }

  /// The elements of a kind at a dump.
  ///
  /// - Throws: `limitExceeded` if there is no memory for them.
  /// - Returns: The elements; nil if there are none.
  mutating func elements(_ kind: Kind, at place: Int) throws(FlywheelError) -> [Double]? {
    let key = Key(kind: kind, place: place)
    if let elements = kept[key] { return elements }
    guard let tensor = tensor(kind, at: place) else { return nil }
    let picked = try indices.map { (indices) throws(FlywheelError) in try tensor.picking(indices) }
    let elements: [Double] = try (picked ?? tensor).converted(to: .float64).elements()
    if kept.count > 24 { kept = kept.filter { abs($0.key.place - place) < 4 } }
    kept[key] = elements
    return elements
  }

  /// The buffers before there were any: zeros, if those of the next dump are the first.
  mutating func velocity(at place: Int) throws(FlywheelError) -> [Double]? {
    if let elements = try elements(.velocity, at: place) { return elements }
    guard place >= 0, tensor(.velocity, at: place + 1) != nil,
      !series.velocities[..<place].contains(where: { $0 != nil })
    else { return nil }
    return [Double](repeating: 0, count: count)
  }
}
