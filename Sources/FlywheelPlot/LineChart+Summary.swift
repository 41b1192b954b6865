extension LineChart {
  /// The chart in words: where each line begins and ends.
  var summary: String {
    guard panels.contains(where: { !$0.series.isEmpty }) else { return "There is nothing to show." }
    return panels.map { panel in
      panel.title + ": " + panel.series.map(words(for:)).joined(separator: "; ") + "."
    }
    .joined(separator: " ")
  }

  private func words(for series: Series) -> String {
    guard let last = series.last,
      let first = series.points.first(where: { $0.x.isFinite && $0.y.isFinite })
    else { return "\(series.name) has no values" }
    let end = "\(Numeral.short(last.y)) at \(xTitle) \(Numeral.short(last.x))"
    guard first != last else { return "\(series.name) \(end)" }
    return "\(series.name) from \(Numeral.short(first.y)) to \(end)"
  }
}
