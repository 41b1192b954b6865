extension LineChart {
  /// The chart as SVG.
  ///
  /// It has a light and a dark look, and a title and a description for those who do not see it. Equal charts
  /// have equal bytes.
  ///
  /// - Parameter placement: What it is drawn for; a file needs no other.
  /// - Returns: The document, or the element for a page.
  public func svg(_ placement: ChartPlacement = .file) -> String {
    SVGDrawing(self, placement).document()
  }
}

/// A chart laid out on a page, in pixels.
private struct SVGDrawing {
  private let chart: LineChart
  private let placement: ChartPlacement
  private let xAxis: Axis
  private let yAxes: [Axis]
  private let left: Double
  private let right: Double
  private let legendRows: [[LineChart.Key]]

  private let edge: Double

  /// Above a panel, for its title.
  private static let panelHead = 40.0
  /// About the width of a character, which no font that may be there exceeds on average.
  private static let characterWidth = 6.8
  private static let rowHeight = 15.0
  private static let longestLabel = 26
  private static let longestKey = 40

  init(_ chart: LineChart, _ placement: ChartPlacement) {
    self.chart = chart
    self.placement = placement
    edge = placement.hasHeading ? 20 : 4
    xAxis = chart.xAxis(tickCount: Int(placement.width / 95))
    yAxes = chart.panels.map { $0.yAxis(tickCount: $0.isConstant ? 1 : 4) }
    let marks = yAxes.flatMap(\.ticks).map(\.label.count).max() ?? 0
    let labels = chart.panels.flatMap(\.series)
      .compactMap { $0.label?.shortened(to: Self.longestLabel).count }
    let longest = placement.isWide ? labels.max() ?? 0 : 0
    left = edge + Double(marks) * Self.characterWidth + 8
    // The last mark of the shared axis reaches as far beyond it as half its label.
    let beside =
      longest > 0 ? Double(longest) * Self.characterWidth + 8 : placement.hasHeading ? 0 : 16
    right = placement.width - edge - beside
    legendRows = Self.rows(of: chart.legend, width: placement.width - 2 * edge)
  }

  /// The legend's entries in lines that fit the width.
  private static func rows(of legend: [LineChart.Key], width: Double) -> [[LineChart.Key]] {
    var rows: [[LineChart.Key]] = []
    var used = Double.infinity
    for key in legend {
      let needed = keyWidth(key)
      if used + needed > width {
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
    headingHeight + Double(legendRows.count) * 18
  }

  /// What the heading takes, if there is one.
  private var headingHeight: Double {
    placement.hasHeading ? 32 + (chart.subtitle.isEmpty ? 0 : 18) : 0
  }

  private var height: Double {
    chart.panels.reduce(headHeight + 44) { $0 + Self.panelHead + Self.height(of: $1) }
  }

  func document() -> String {
    SVGWriter.chart(
      placement,
      height: height,
      title: chart.title,
      summary: chart.summary
    ) { writer in
      drawHead(&writer)
      var top = headHeight + Self.panelHead
      for (panel, axis) in zip(chart.panels, yAxes) {
        let frame = Frame(axis: axis, top: top, height: Self.height(of: panel))
        drawPanel(panel, frame, &writer)
        top += frame.height + Self.panelHead
      }
      drawXLabels(top - Self.panelHead, &writer)
    }
  }

  // MARK: Head

  private func drawHead(_ writer: inout SVGWriter) {
    if placement.hasHeading {
      writer.label(chart.title.shortened(to: 80), edge, 32, "heading", whole: chart.title)
      if !chart.subtitle.isEmpty { writer.label(chart.subtitle, edge, 50, "muted") }
    }
    var y = headingHeight
    for row in legendRows {
      y += 18
      var x = edge
      for key in row {
        writer.leaf("path", lineAttributes(key.style) + [("d", "M\(SVGWriter.point(x, y - 4))h32")])
        writer.label(key.name.shortened(to: Self.longestKey), x + 38, y, nil, whole: key.name)
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
      writer.label(
        title.shortened(to: min(80, Int((placement.width - left) / 7))),
        left,
        place,
        "panel-heading",
        whole: title
      )
      for tick in frame.axis.ticks {
        guard let y = frame.axis.position(of: tick.value).map(frame.y) else { continue }
        writer.hair(left, y, "H\(Numeral.coordinate(right))", "grid")
        writer.label(tick.label, left - 8, y + 4, "muted", anchor: "end")
      }
      drawXMarks(frame.y(0), &writer)
      for series in panel.series {
        drawLine(series, panel.pieces(of: series, xAxis, frame.axis), frame, &writer)
      }
      if placement.isWide { drawLabels(panel, frame, &writer) }
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
      .map { piece in
        "M" + piece.map { SVGWriter.point(x($0.x), frame.y($0.y)) }.joined(separator: "L")
      }
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
      writer.label(label, right + 10, y + 4, style, whole: end.series.name)
    }
  }

  // MARK: The shared axis

  private func drawXMarks(_ bottom: Double, _ writer: inout SVGWriter) {
    writer.hair(left, bottom, "H\(Numeral.coordinate(right))", "axis")
    for tick in xAxis.ticks {
      guard let across = xAxis.position(of: tick.value) else { continue }
      writer.hair(x(across), bottom, "v4", "axis")
    }
  }

  private func drawXLabels(_ bottom: Double, _ writer: inout SVGWriter) {
    guard !chart.panels.isEmpty else { return }
    for tick in xAxis.ticks {
      guard let across = xAxis.position(of: tick.value) else { continue }
      writer.label(tick.label, x(across), bottom + 18, "muted", anchor: "middle")
    }
    let middle = (left + right) / 2
    writer.label(chart.xTitle, middle, bottom + 35, "muted", anchor: "middle")
  }

  // MARK: Elements

  private func lineAttributes(_ style: Series.Style) -> [SVGWriter.Attribute] {
    let faint = style.isFaint ? " faint" : ""
    let dashes = Palette.dashes[style.index % Palette.dashes.count]
    return [("class", "line \(Palette.colorClass(style.index))\(faint)")]
      + (dashes.isEmpty ? [] : [("stroke-dasharray", dashes)])
  }

  /// The place of a part of the shared axis, from 0 to 1.
  private func x(_ across: Double) -> Double { left + across * (right - left) }
}
