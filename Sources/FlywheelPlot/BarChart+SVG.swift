extension BarChart {
  /// The chart as SVG, with a light and a dark look; equal charts have equal bytes.
  ///
  /// - Parameter width: How many pixels are free for it in a page that has `ChartPlacement.styleSheet`.
  /// - Returns: The element for the page.
  public func svg(width: Double) -> String { BarDrawing(self, .page(width: width)).document() }
}

/// Bars laid out in pixels: beside their names where there is room, otherwise below them.
private struct BarDrawing {
  private let chart: BarChart
  private let placement: ChartPlacement
  private let axis: Axis
  private let left: Double
  private let right: Double
  private let longestName: Int

  private static let characterWidth = 6.8
  private static let thickness = 12.0

  init(_ chart: BarChart, _ placement: ChartPlacement) {
    let width = placement.width
    self.chart = chart
    self.placement = placement
    axis = chart.axis(tickCount: Int(width / 95))
    let longest = placement.isWide ? 32 : Int(width / Self.characterWidth) / 2
    let names = chart.bars.map { min($0.name.count, longest) }.max() ?? 0
    longestName = longest
    let notes = chart.bars.map(\.note.count).max() ?? 0
    if placement.isWide {
      left = Double(names) * Self.characterWidth + 20
      right = max(left + 100, width - Double(notes) * Self.characterWidth - 12)
    } else {
      // Half a label reaches beyond each end of the axis.
      left = 16
      right = width - 20
    }
  }

  private var rowHeight: Double { placement.isWide ? 22 : 40 }
  private var legendHeight: Double { placement.isWide ? 28 : 64 }
  private var bottom: Double { legendHeight + Double(chart.bars.count) * rowHeight + 4 }

  func document() -> String {
    SVGWriter.chart(
      placement,
      height: bottom + 44,
      title: chart.title,
      summary: chart.summary
    ) { writer in
      drawLegend(&writer)
      for tick in axis.ticks {
        guard let x = x(tick.value) else { continue }
        writer.hair(x, legendHeight, "V\(Numeral.coordinate(bottom))", "grid")
        writer.label(tick.label, x, bottom + 16, "muted", anchor: "middle")
      }
      for (index, bar) in chart.bars.enumerated() {
        draw(bar, top: legendHeight + Double(index) * rowHeight, &writer)
      }
      let title = chart.axisTitle + " (logarithmic)"
      writer.label(title, (left + right) / 2, bottom + 34, "muted", anchor: "middle")
    }
  }

  private func drawLegend(_ writer: inout SVGWriter) {
    let keys = [
      chart.bars.contains(where: \.isFull) ? ("bar c1", chart.legend.full) : nil,
      chart.bars.contains { !$0.isFull } ? ("bar empty c0", chart.legend.empty) : nil,
      chart.bars.contains { $0.mark != nil } ? ("mark c7", chart.legend.mark) : nil,
    ]
    var (x, y) = (2.0, 14.0)
    for (style, name) in keys.compactMap(\.self) {
      if style.hasPrefix("mark") {
        writer.leaf("path", [("class", style), ("d", "M\(SVGWriter.point(x + 12, y - 12))v16")])
      } else {
        drawBar(style, x, y - 9, 24, height: 10, &writer)
      }
      writer.label(name, x + 32, y, nil)
      if placement.isWide {
        x += Double(name.count) * Self.characterWidth + 56
      } else {
        y += 20
      }
    }
  }

  private func draw(_ bar: BarChart.Bar, top: Double, _ writer: inout SVGWriter) {
    let name = bar.name.shortenedInTheMiddle(to: longestName)
    let barTop = top + (placement.isWide ? (rowHeight - Self.thickness) / 2 : 20)
    if placement.isWide {
      writer.label(name, left - 10, barTop + 10, nil, anchor: "end", whole: bar.name)
      writer.label(bar.note, right + 10, barTop + 10, "muted")
    } else {
      writer.label(name, left, barTop - 6, nil, whole: bar.name)
      writer.label(bar.note, right, barTop - 6, "muted", anchor: "end")
    }
    if let end = x(bar.value) {
      let style = bar.isFull ? "bar c1" : "bar empty c0"
      drawBar(style, left, barTop, end - left, height: Self.thickness, &writer)
    }
    if let mark = bar.mark.flatMap(x) {
      let start = SVGWriter.point(mark, barTop - 3)
      let path = "M\(start)v\(Numeral.coordinate(Self.thickness + 6))"
      // On a bar of about its own lightness the mark would hardly show.
      writer.leaf("path", [("class", "halo"), ("d", path)])
      writer.leaf("path", [("class", "mark c7"), ("d", path)])
    }
  }

  private func drawBar(
    _ style: String,
    _ x: Double,
    _ y: Double,
    _ width: Double,
    height: Double,
    _ writer: inout SVGWriter
  ) {
    let places = [("x", x), ("y", y), ("width", max(2, width)), ("height", height)]
    writer.leaf("rect", [("class", style)] + places.map { ($0, Numeral.coordinate($1)) })
  }

  private func x(_ value: Double) -> Double? {
    axis.position(of: value).map { left + min(max($0, 0), 1) * (right - left) }
  }
}
