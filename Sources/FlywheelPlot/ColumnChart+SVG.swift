extension ColumnChart {
  /// The chart as SVG, with a light and a dark look; equal charts have equal bytes.
  ///
  /// Heights are logarithms: of a million elements a single one still shows.
  ///
  /// - Parameter width: How many pixels are free for it in a page that has `ChartPlacement.styleSheet`.
  /// - Returns: The element for the page.
  public func svg(width: Double) -> String { ColumnDrawing(self, .page(width: width)).document() }
}

/// Columns laid out in pixels.
private struct ColumnDrawing {
  private let chart: ColumnChart
  private let placement: ChartPlacement
  private let axis: Axis
  private let left: Double
  private let right: Double

  private static let characterWidth = 6.8
  private static let top = 28.0
  private static let height = 150.0

  init(_ chart: ColumnChart, _ placement: ChartPlacement) {
    self.chart = chart
    self.placement = placement
    // From half of one, so that one has a height.
    let counts = chart.columns.map { Double($0.count) }
    axis = Axis(spanning: counts + [0.5, 1], scale: .logarithmic, extent: .data, tickCount: 4)
    let longest = axis.ticks.map(\.label.count).max() ?? 0
    left = Double(longest) * Self.characterWidth + 12
    right = placement.width - 4
  }

  private var bottom: Double { Self.top + Self.height }
  private var step: Double { (right - left) / Double(max(1, chart.columns.count)) }

  func document() -> String {
    SVGWriter.chart(
      placement,
      height: bottom + 44,
      title: chart.title,
      summary: chart.summary
    ) { writer in
      writer.label("\(chart.yTitle) (logarithmic)", left, 14, "panel-heading")
      for tick in axis.ticks where tick.value >= 1 {
        guard let y = y(tick.value) else { continue }
        writer.hair(left, y, "H\(Numeral.coordinate(right))", "grid")
        writer.label(tick.label, left - 8, y + 4, "muted", anchor: "end")
      }
      for (index, column) in chart.columns.enumerated() {
        draw(column, at: left + Double(index) * step, &writer)
      }
      writer.hair(left, bottom, "H\(Numeral.coordinate(right))", "axis")
      drawLabels(&writer)
      writer.label(chart.xTitle, (left + right) / 2, bottom + 36, "muted", anchor: "middle")
    }
  }

  private func draw(_ column: ColumnChart.Column, at x: Double, _ writer: inout SVGWriter) {
    guard column.count > 0, let y = y(Double(column.count)) else { return }
    let gap = step > 6 ? 2.0 : 0
    let places = [
      ("x", x + gap / 2), ("y", y), ("width", max(1, step - gap)), ("height", bottom - y),
    ]
    writer.leaf(
      "rect",
      [("class", column.isFull ? "bar c0" : "bar empty c0")]
        + places.map { ($0, Numeral.coordinate($1)) },
      title: "\(column.name): \(Numeral.plain(column.count, exponent: 0))"
    )
  }

  /// As many labels as do not touch.
  private func drawLabels(_ writer: inout SVGWriter) {
    var free = 0.0
    for (index, column) in chart.columns.enumerated() where !column.label.isEmpty {
      let middle = left + (Double(index) + 0.5) * step
      let half = Double(column.label.count) * Self.characterWidth / 2
      guard middle - half >= free, middle + half <= placement.width else { continue }
      writer.label(column.label, middle, bottom + 18, "muted", anchor: "middle")
      free = middle + half + 8
    }
  }

  private func y(_ count: Double) -> Double? {
    axis.position(of: count).map { bottom - $0 * Self.height }
  }
}
