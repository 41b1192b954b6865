public import OrderedCollections

/// The metrics of a run over its steps; every metric has a value at every step listed.
public struct History: Sendable, Hashable {
  /// The steps at which the metrics were taken.
  public var steps: [Int64]
  /// The metrics under their names.
  public var metrics: OrderedDictionary<String, [Double]>

  /// A history of nothing.
  public init() {
    steps = []
    metrics = [:]
  }

  /// Appends one row.
  ///
  /// - Parameters:
  ///   - step: The step it was taken at.
  ///   - values: A value for every metric; the same names in every row.
  public mutating func append(step: Int, _ values: OrderedDictionary<String, Double>) {
    precondition(
      steps.isEmpty || values.keys == metrics.keys,
      "every row of a history has the same metrics"
    )
    steps.append(Int64(step))
    for (name, value) in values { metrics[name, default: []].append(value) }
  }
}
