import FlywheelPlot
import OrderedCollections
import SystemPackage

/// Histories as a chart: a panel for each kind of metric.
struct HistoryChart {
  /// What lies along the shared axis.
  enum Abscissa: String, CaseIterable {
    case epoch
    case step
  }

  private let histories: HistorySet
  private let abscissa: Abscissa

  /// The kinds that come first, in this order; others follow as they turn up.
  private static let firstKinds = ["loss", "accuracy", "learning_rate"]
  /// What is measured on data that the network learns from is pale where there is better.
  private static let trainingParts = ["training", "train"]
  private static let longestName = 14

  init(_ histories: HistorySet, _ abscissa: Abscissa) {
    self.histories = histories
    self.abscissa = abscissa
  }

  /// The chart; if it is to be brief, without what would be pale.
  func chart(isBrief: Bool = false) -> LineChart {
    LineChart(
      title: title,
      subtitle: subtitle(isBrief),
      xTitle: abscissa.rawValue,
      isWholeX: true,
      legend: legend,
      panels: kinds.map { panel(of: $0, isBrief) }
    )
  }

  private var isSingle: Bool { histories.runs.count == 1 }

  private var title: String {
    isSingle ? histories.runs[0].history.path.string : "\(histories.runs.count) runs"
  }

  private func subtitle(_ isBrief: Bool) -> String {
    if isSingle, let last = histories.runs[0].history.rows.last {
      let epochs = last.values["epoch"].flatMap { Int(exactly: $0) }
      return [epochs.map { Self.count($0, "epoch") }, Self.count(last.step, "step")]
        .compactMap(\.self).joined(separator: ", ")
    }
    guard let pale, let strong = parts.first(where: { $0 != pale }) else { return "" }
    return isBrief ? "\(strong) only" : "thick lines \(strong), thin lines \(pale)"
  }

  private var legend: [LineChart.Key] {
    guard !isSingle else { return [] }
    return histories.runs.enumerated().map { index, run in
      LineChart.Key(name: run.name, style: .init(index: index))
    }
  }

  private var kinds: [String] {
    let found = OrderedSet(histories.metrics.map { MetricName($0).kind })
    return Self.firstKinds.filter(found.contains) + found.filter { !Self.firstKinds.contains($0) }
  }

  private var parts: OrderedSet<String> {
    OrderedSet(histories.metrics.compactMap { MetricName($0).part })
  }

  /// The part that is thin where several runs lie over each other; nil if there is but one.
  private var pale: String? {
    guard parts.count > 1 else { return nil }
    return parts.first { Self.trainingParts.contains($0) }
  }

  private func panel(of kind: String, _ isBrief: Bool) -> LineChart.Panel {
    let names = histories.metrics.filter { MetricName($0).kind == kind }
    var series: [Series] = []
    for (index, run) in histories.runs.enumerated() {
      for name in names where run.history.metrics.contains(name) {
        series.append(line(of: name, run, index))
      }
    }
    // What is pale lies below.
    let strong = series.filter { !$0.style.isFaint }
    let ordered = isBrief && !strong.isEmpty ? strong : series.filter(\.style.isFaint) + strong
    return LineChart.Panel(
      title: Self.words(kind),
      scale: Self.scale(of: ordered, kind),
      series: ordered
    )
  }

  private func line(
    of metric: String,
    _ run: (name: String, history: RunHistory),
    _ index: Int
  ) -> Series {
    let name = MetricName(metric)
    let isFaint = !isSingle && name.part != nil && name.part == pale
    let hue = isSingle ? name.part.flatMap { parts.firstIndex(of: $0) } ?? 0 : index
    let points = run.history.rows.map { row in
      Series.Point(x: x(of: row), y: row.values[metric] ?? .nan)
    }
    let label = isSingle ? name.part.map(Self.words) : Self.shortened(run.name)
    let value = points.last { $0.y.isFinite }.map { Numeral.short($0.y) }
    return Series(
      name: isSingle ? Self.words(metric) : "\(run.name): \(Self.words(metric))",
      label: isFaint ? nil : [label, value].compactMap(\.self).joined(separator: ": "),
      style: .init(index: hue, isFaint: isFaint),
      points: points
    )
  }

  private func x(of row: RunHistory.Row) -> Double {
    switch abscissa {
    case .epoch: row.values["epoch"] ?? .nan
    case .step: Double(row.step)
    }
  }

  /// Losses over several powers of ten are told apart only by their ratios.
  private static func scale(of series: [Series], _ kind: String) -> Axis.Scale {
    guard kind == "loss" else { return .linear }
    let values = series.lazy.flatMap(\.points).map(\.y).filter(\.isFinite)
    guard let least = values.min(), let most = values.max(), least > 0 else { return .linear }
    return most / least >= 100 ? .logarithmic : .linear
  }

  private static func words(_ name: String) -> String {
    String(name.map { $0 == "_" ? " " : $0 })
  }

  /// Names of runs often begin alike, and differ at their ends.
  private static func shortened(_ name: String) -> String {
    guard name.count > longestName else { return name }
    return name.prefix(longestName / 2 - 1) + "…" + name.suffix(longestName / 2)
  }

  private static func count(_ number: Int, _ unit: String) -> String {
    "\(Formatting.grouped(number)) \(unit)\(number == 1 ? "" : "s")"
  }
}
