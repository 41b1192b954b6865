import FlywheelDiff
import FlywheelPlot
import OrderedCollections

/// A divergence over its steps as lines: a panel for each kind of tensor, a line for each parameter.
struct DivergenceChart {
  /// The parameters that are drawn, in the model's order.
  let parameters: [String]
  /// How many parameters differ, too, but are not drawn.
  let leftOut: Int
  private let divergence: Divergence

  /// More lines than colours cannot be told apart.
  private static let mostLines = 8

  init(_ divergence: Divergence) {
    self.divergence = divergence
    var names: OrderedDictionary<String, (departure: Int, size: Double)> = [:]
    for tensor in divergence.tensors {
      let name = Self.parameter(of: tensor)
      let size = tensor.points.map(\.difference.rootMeanSquare).filter(\.isFinite).max() ?? 0
      let known = names[name] ?? (.max, 0)
      names[name] = (min(known.departure, tensor.departure ?? .max), max(known.size, size))
    }
    // Those that part first, and of them those that end furthest apart.
    let order = names.filter { $0.value.size > 0 }.sorted { one, other in
      one.value.departure != other.value.departure
        ? one.value.departure < other.value.departure : one.value.size > other.value.size
    }
    let chosen = Set(order.prefix(Self.mostLines).map(\.key))
    parameters = names.keys.filter(chosen.contains)
    leftOut = order.count - chosen.count
  }

  /// The tensors that are drawn.
  var drawn: [TensorDivergence] {
    divergence.tensors.filter { parameters.contains(Self.parameter(of: $0)) }
  }

  /// The chart; nil if nothing ever differs.
  var chart: LineChart? {
    guard !parameters.isEmpty else { return nil }
    let kinds = OrderedSet(divergence.tensors.map { $0.role.kind })
    return LineChart(
      title: "Root mean square of the difference over the steps",
      xTitle: divergence.source == .rows ? "steps taken before" : "step",
      isWholeX: true,
      legend: parameters.enumerated().map { .init(name: $1, style: .init(index: $0)) },
      panels: kinds.compactMap(panel)
    )
  }

  private func panel(of kind: String) -> LineChart.Panel? {
    let series = parameters.enumerated().compactMap { index, name -> Series? in
      let tensor = divergence.tensors.first {
        Self.parameter(of: $0) == name && $0.role.kind == kind
      }
      guard let tensor else { return nil }
      return Series(
        name: tensor.role.words,
        style: .init(index: index),
        points: tensor.points.map { .init(x: Double($0.step), y: $0.difference.rootMeanSquare) }
      )
    }
    guard series.contains(where: { $0.points.contains { $0.y > 0 } }) else { return nil }
    return LineChart.Panel(title: kind, scale: .logarithmic, series: series)
  }

  private static func parameter(of tensor: TensorDivergence) -> String {
    tensor.role.parameter ?? tensor.name
  }
}
