extension LineChart {
  /// The chart as an SVG document.
  ///
  /// It is one file that needs no other, with a light and a dark look, and a title and a description for
  /// those who do not see it. Equal charts have equal bytes.
  public func svg() -> String {
    SVGDrawing(self).document()
  }
}

/// A chart laid out on a page, in pixels.
private struct SVGDrawing {
  private let chart: LineChart
  private let xAxis: Axis
  private let yAxes: [Axis]
  private let left: Double
  private let right: Double
  private let legendRows: [[LineChart.Key]]

  private static let width = 760.0
  private static let edge = 20.0
  /// Above a panel, for its title.
  private static let panelHead = 40.0
  /// About the width of a character, which no font that may be there exceeds on average.
  private static let characterWidth = 6.8
  private static let rowHeight = 15.0
  private static let longestLabel = 26
  private static let longestKey = 40

  init(_ chart: LineChart) {
    self.chart = chart
    xAxis = chart.xAxis(tickCount: 8)
    yAxes = chart.panels.map { $0.yAxis(tickCount: $0.isConstant ? 1 : 4) }
    let marks = yAxes.flatMap(\.ticks).map(\.label.count).max() ?? 0
    let labels = chart.panels.flatMap(\.series)
      .compactMap { $0.label?.shortened(to: Self.longestLabel).count }
    left = Self.edge + Double(marks) * Self.characterWidth + 8
    right =
      Self.width - Self.edge
      - (labels.max().map { Double($0) * Self.characterWidth + 8 } ?? 0)
    legendRows = Self.rows(of: chart.legend)
  }

  /// The legend's entries in lines that fit the width.
  private static func rows(of legend: [LineChart.Key]) -> [[LineChart.Key]] {
    var rows: [[LineChart.Key]] = []
    var used = Double.infinity
    for key in legend {
      let needed = keyWidth(key)
      if used + needed > width - 2 * edge {
        rows.append([])
        used = 0
      }
      rows[rows.count - 1].append(key)
      used += needed
    }
    return rows
  }

  private static func keyWidth(_ key: LineChart.Key) -> Double {
    Double(min(key.name.count, longestKey)) * characterWidth + 56
  }

  private static func height(of panel: LineChart.Panel) -> Double { panel.isConstant ? 60 : 170 }

  private var headHeight: Double {
    32 + (chart.subtitle.isEmpty ? 0 : 18) + Double(legendRows.count) * 18
  }

  private var height: Double {
    chart.panels.reduce(headHeight + 44) { $0 + Self.panelHead + Self.height(of: $1) }
  }

  func document() -> String {
    var writer = SVGWriter()
    let size = [Self.width, height].map(Numeral.coordinate)
    writer.element(
      "svg",
      [
        ("xmlns", "http://www.w3.org/2000/svg"), ("class", "flywheel-chart"),
        ("viewBox", "0 0 \(size[0]) \(size[1])"), ("width", size[0]), ("height", size[1]),
        ("role", "img"), ("aria-label", chart.title),
      ]
    ) { writer in
      writer.leaf("title", text: chart.title)
      writer.leaf("desc", text: chart.summary)
      writer.style(Palette.rules)
      writer.leaf("rect", [("class", "page"), ("width", size[0]), ("height", size[1])])
      drawHead(&writer)
      var top = headHeight + Self.panelHead
      for (panel, axis) in zip(chart.panels, yAxes) {
        let frame = Frame(axis: axis, top: top, height: Self.height(of: panel))
        drawPanel(panel, frame, &writer)
        top += frame.height + Self.panelHead
      }
      drawXLabels(top - Self.panelHead, &writer)
    }
    return writer.text
  }

  // MARK: Head

  private func drawHead(_ writer: inout SVGWriter) {
    var y = 32.0
    let title = chart.title.shortened(to: 80)
    drawText(title, Self.edge, y, "heading", &writer, whole: chart.title)
    if !chart.subtitle.isEmpty {
      y += 18
      drawText(chart.subtitle, Self.edge, y, "muted", &writer)
    }
    for row in legendRows {
      y += 18
      var x = Self.edge
      for key in row {
        writer.leaf("path", lineAttributes(key.style) + [("d", "M\(at(x, y - 4))h32")])
        drawText(key.name.shortened(to: Self.longestKey), x + 38, y, nil, &writer, whole: key.name)
        x += Self.keyWidth(key)
      }
    }
  }

  // MARK: Panels

  /// Where the values of a panel lie on the page.
  private struct Frame {
    let axis: Axis
    let top: Double
    let height: Double

    /// The place of a part of the axis, from 0 to 1.
    func y(_ up: Double) -> Double { top + (1 - up) * height }
  }

  private func drawPanel(_ panel: LineChart.Panel, _ frame: Frame, _ writer: inout SVGWriter) {
    writer.element("g") { writer in
      let title = panel.title + (panel.scale == .logarithmic ? " (logarithmic)" : "")
      let place = frame.top - 12
      drawText(title.shortened(to: 80), left, place, "panel-heading", &writer, whole: title)
      for tick in frame.axis.ticks {
        guard let y = frame.axis.position(of: tick.value).map(frame.y) else { continue }
        drawHair(left, y, "H\(Numeral.coordinate(right))", "grid", &writer)
        drawText(tick.label, left - 8, y + 4, "muted", &writer, anchor: "end")
      }
      drawXMarks(frame.y(0), &writer)
      for series in panel.series {
        drawLine(series, panel.pieces(of: series, xAxis, frame.axis), frame, &writer)
      }
      drawLabels(panel, frame, &writer)
    }
  }

  private func drawLine(
    _ series: Series,
    _ pieces: [[Series.Point]],
    _ frame: Frame,
    _ writer: inout SVGWriter
  ) {
    let path = pieces.filter { $0.count > 1 }
      .map { Thinning.visible($0, width: right - left) }
      .map { piece in "M" + piece.map { at(x($0.x), frame.y($0.y)) }.joined(separator: "L") }
      .joined()
    if !path.isEmpty {
      writer.leaf("path", lineAttributes(series.style) + [("d", path)], title: series.name)
    }
    // A value between two gaps, or the only one, is no line.
    var dots = pieces.filter { $0.count == 1 }.compactMap(\.first)
    // The last is marked so that the end shows, also where lines lie over each other.
    if let last = pieces.last?.last, dots.last != last, !series.style.isFaint { dots.append(last) }
    for dot in dots {
      writer.leaf(
        "circle",
        [
          ("class", "dot " + Palette.colorClass(series.style.index)),
          ("cx", Numeral.coordinate(x(dot.x))), ("cy", Numeral.coordinate(frame.y(dot.y))),
          ("r", series.style.isFaint ? "2" : "3"),
        ],
        title: series.name
      )
    }
  }

  /// Names the lines where they end, unless there are too many to tell which is meant.
  private func drawLabels(_ panel: LineChart.Panel, _ frame: Frame, _ writer: inout SVGWriter) {
    let ends = panel.series.compactMap { series -> (label: String, series: Series, y: Double)? in
      guard let label = series.label,
        let last = panel.pieces(of: series, xAxis, frame.axis).last?.last
      else { return nil }
      return (label, series, frame.y(last.y))
    }
    let places = LabelPlacement.places(
      ends.map(\.y),
      gap: Self.rowHeight,
      in: frame.top...frame.top + frame.height
    )
    for (end, y) in zip(ends, places ?? []) {
      let style = Palette.colorClass(end.series.style.index)
      let label = end.label.shortened(to: Self.longestLabel)
      drawText(label, right + 10, y + 4, style, &writer, whole: end.series.name)
    }
  }

  // MARK: The shared axis

  private func drawXMarks(_ bottom: Double, _ writer: inout SVGWriter) {
    drawHair(left, bottom, "H\(Numeral.coordinate(right))", "axis", &writer)
    for tick in xAxis.ticks {
      guard let across = xAxis.position(of: tick.value) else { continue }
      drawHair(x(across), bottom, "v4", "axis", &writer)
    }
  }

  private func drawXLabels(_ bottom: Double, _ writer: inout SVGWriter) {
    guard !chart.panels.isEmpty else { return }
    for tick in xAxis.ticks {
      guard let across = xAxis.position(of: tick.value) else { continue }
      drawText(tick.label, x(across), bottom + 18, "muted", &writer, anchor: "middle")
    }
    let middle = (left + right) / 2
    drawText(chart.xTitle, middle, bottom + 35, "muted", &writer, anchor: "middle")
  }

  // MARK: Elements

  private func lineAttributes(_ style: Series.Style) -> [SVGWriter.Attribute] {
    let faint = style.isFaint ? " faint" : ""
    let dashes = Palette.dashes[style.index % Palette.dashes.count]
    return [("class", "line \(Palette.colorClass(style.index))\(faint)")]
      + (dashes.isEmpty ? [] : [("stroke-dasharray", dashes)])
  }

  /// A line of one pixel, in the middle of pixels.
  private func drawHair(
    _ x: Double,
    _ y: Double,
    _ path: String,
    _ style: String,
    _ writer: inout SVGWriter
  ) {
    let start = at(x.rounded() + 0.5, y.rounded() + 0.5)
    writer.leaf("path", [("class", "hair \(style)"), ("d", "M\(start)\(path)")])
  }

  private func drawText(
    _ text: String,
    _ x: Double,
    _ y: Double,
    _ style: String?,
    _ writer: inout SVGWriter,
    anchor: String? = nil,
    whole: String? = nil
  ) {
    var attributes: [SVGWriter.Attribute] = []
    if let style { attributes.append(("class", style)) }
    attributes += [("x", Numeral.coordinate(x)), ("y", Numeral.coordinate(y))]
    if let anchor { attributes.append(("text-anchor", anchor)) }
    writer.leaf("text", attributes, text: text, title: whole == text ? nil : whole)
  }

  /// The place of a part of the shared axis, from 0 to 1.
  private func x(_ across: Double) -> Double { left + across * (right - left) }

  private func at(_ x: Double, _ y: Double) -> String {
    Numeral.coordinate(x) + " " + Numeral.coordinate(y)
  }
}
