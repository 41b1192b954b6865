public import FlywheelCore
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
  ///   - values: A value for every metric.
  /// - Throws: `mismatch` if the rows before have other metrics.
  public mutating func append(
    step: Int,
    _ values: OrderedDictionary<String, Double>
  ) throws(FlywheelError) {
    try arrange(as: values.keys)
    steps.append(Int64(step))
    for (name, value) in values { metrics[name, default: []].append(value) }
  }

  /// Puts the metrics in another order, if there are any.
  ///
  /// - Parameter names: The names of all metrics.
  /// - Throws: `mismatch` if the history has other metrics.
  public mutating func arrange(as names: OrderedSet<String>) throws(FlywheelError) {
    guard !metrics.isEmpty else { return }
    guard metrics.keys.count == names.count, names.allSatisfy({ metrics[$0] != nil }) else {
      throw FlywheelError(
        .mismatch,
        "The history has the metrics \(metrics.keys.joined(separator: ", ")); a row with "
          + "\(names.joined(separator: ", ")) does not go on from there."
      )
    }
    metrics = OrderedDictionary(uniqueKeysWithValues: names.map { ($0, metrics[$0] ?? []) })
  }
}
