extension LineChart {
  /// The characters that a chart of text is made of.
  public enum Glyphs: Sendable, Hashable {
    /// Braille and box drawing: eight dots to a character.
    case unicode
    /// What every terminal and log can show; each line has a character of its own.
    case ascii

    /// The character of a line.
    static func marker(_ index: Int) -> Character {
      let markers: [Character] = ["*", "o", "+", "x", "#", "@", "%", "&"]
      return markers[index % markers.count]
    }

    fileprivate var line: String { self == .unicode ? "│" : "|" }
    fileprivate var mark: String { self == .unicode ? "┤" : "+" }
    fileprivate var corner: String { self == .unicode ? "└" : "+" }
    fileprivate var floor: String { self == .unicode ? "─" : "-" }
    fileprivate var floorMark: String { self == .unicode ? "┬" : "+" }
  }

  /// The chart as lines of text.
  ///
  /// A panel in which nothing changes is one line: a terminal has little room.
  ///
  /// - Parameters:
  ///   - width: The number of columns; fewer than 40 count as 40.
  ///   - glyphs: What lines are drawn with.
  /// - Returns: The lines, without their ends.
  public func textLines(width: Int, glyphs: Glyphs = .unicode) -> [[TextSpan]] {
    let lines = TextDrawing(self, width: max(40, width), glyphs).lines()
    guard glyphs == .ascii else { return lines }
    return lines.map { line in
      line.map { TextSpan(String($0.text.map { $0 == "…" ? "~" : $0 }), index: $0.index) }
    }
  }
}

/// A chart laid out in columns and rows.
private struct TextDrawing {
  private let chart: LineChart
  private let width: Int
  private let glyphs: LineChart.Glyphs
  private let drawn: [(panel: LineChart.Panel, axis: Axis)]
  private let constant: [(title: String, value: Double)]
  private let left: Int
  private let columns: Int
  private let longestLabel: Int

  private static let rows = 9

  init(_ chart: LineChart, width: Int, _ glyphs: LineChart.Glyphs) {
    var drawn: [(panel: LineChart.Panel, axis: Axis)] = []
    var constant: [(title: String, value: Double)] = []
    for panel in chart.panels {
      if panel.isConstant, panel.series.count == 1, let value = panel.series[0].last?.y {
        constant.append((panel.title, value))
      } else {
        drawn.append((panel, panel.yAxis(tickCount: 3)))
      }
    }
    self.chart = chart
    self.width = width
    self.glyphs = glyphs
    self.drawn = drawn
    self.constant = constant
    left = drawn.flatMap(\.axis.ticks).map(\.label.count).max() ?? 0
    let labels = drawn.flatMap(\.panel.series).compactMap(\.label)
    let longestLabel = width / 3
    let right = labels.map { min($0.count, longestLabel) + 3 }.max() ?? 0
    self.longestLabel = longestLabel
    columns = max(8, width - left - 3 - right)
  }

  func lines() -> [[TextSpan]] {
    var lines = [[TextSpan(chart.title.shortened(to: width))]]
    if !chart.subtitle.isEmpty { lines.append([TextSpan(chart.subtitle.shortened(to: width))]) }
    lines += keys()
    let xAxis = chart.xAxis(tickCount: max(2, columns / 10))
    for (panel, axis) in drawn {
      lines.append([])
      lines += rows(of: panel, axis, xAxis)
    }
    if !drawn.isEmpty { lines += floor(xAxis) }
    if !constant.isEmpty { lines.append([]) }
    for (title, value) in constant {
      let text = "\(title.shortened(to: width - 24)): \(Numeral.short(value)) throughout"
      lines.append([TextSpan(text)])
    }
    return lines
  }

  /// The legend, as many entries in a line as fit.
  private func keys() -> [[TextSpan]] {
    var lines: [[TextSpan]] = []
    var used = Int.max
    for key in chart.legend {
      let index = key.style.index
      let sample = glyphs == .unicode ? "──" : String(LineChart.Glyphs.marker(index))
      let text = sample + " " + key.name.shortened(to: width - sample.count - 1)
      if used > width - text.count - 3 {
        lines.append([TextSpan(text, index: index)])
        used = text.count
      } else {
        lines[lines.count - 1] += [TextSpan("   "), TextSpan(text, index: index)]
        used += 3 + text.count
      }
    }
    return lines
  }

  private func rows(of panel: LineChart.Panel, _ axis: Axis, _ xAxis: Axis) -> [[TextSpan]] {
    var canvas = TextCanvas(columns: columns, rows: Self.rows, glyphs: glyphs)
    for series in panel.series {
      for piece in panel.pieces(of: series, xAxis, axis) {
        canvas.draw(piece, index: series.style.index)
      }
    }
    let labels = labels(of: panel, axis, xAxis, canvas)
    var marks: [Int: String] = [:]
    for tick in axis.ticks {
      if let place = axis.position(of: tick.value) { marks[canvas.row(of: place)] = tick.label }
    }
    let title = panel.title + (panel.scale == .logarithmic ? " (logarithmic)" : "")
    var lines = [[TextSpan(title.shortened(to: width))]]
    for row in 0..<Self.rows {
      let mark = marks[row] ?? ""
      let head = String(repeating: " ", count: max(0, left - mark.count)) + mark
      lines.append(
        [TextSpan(head + " " + (marks[row] == nil ? glyphs.line : glyphs.mark))]
          + canvas.spans(ofRow: row) + (labels[row].map { [$0] } ?? [])
      )
    }
    return lines.map(Self.trimmed)
  }

  /// The names of the lines in the rows in which they end; none if there are too many.
  private func labels(
    of panel: LineChart.Panel,
    _ axis: Axis,
    _ xAxis: Axis,
    _ canvas: TextCanvas
  ) -> [Int: TextSpan] {
    let ends = panel.series.compactMap { series -> (y: Double, text: TextSpan)? in
      guard let label = series.label,
        let last = panel.pieces(of: series, xAxis, axis).last?.last
      else { return nil }
      let marker = glyphs == .ascii ? String(LineChart.Glyphs.marker(series.style.index)) : ""
      let text = " \(marker) " + label.shortened(to: longestLabel)
      return (last.y, TextSpan(text, index: series.style.index))
    }
    .sorted { $0.y > $1.y }
    let places = LabelPlacement.places(
      ends.map { Double(canvas.row(of: $0.y)) },
      gap: 1,
      in: 0...Double(Self.rows - 1)
    )
    var labels: [Int: TextSpan] = [:]
    for (end, place) in zip(ends, places ?? []) { labels[Int(place)] = end.text }
    return labels
  }

  /// The shared axis: a line with marks, then their values, then what they are.
  private func floor(_ xAxis: Axis) -> [[TextSpan]] {
    let canvas = TextCanvas(columns: columns, rows: 1, glyphs: glyphs)
    let start = left + 2
    var line = Array(repeating: glyphs.floor, count: columns)
    var labels = Array(repeating: Character(" "), count: width)
    var free = 0
    for tick in xAxis.ticks {
      guard let place = xAxis.position(of: tick.value) else { continue }
      let column = canvas.column(of: place)
      line[column] = glyphs.floorMark
      let first = max(0, min(start + column - tick.label.count / 2, width - tick.label.count))
      guard first >= free, first + tick.label.count <= width else { continue }
      labels.replaceSubrange(first..<first + tick.label.count, with: tick.label)
      free = first + tick.label.count + 1
    }
    var text = String(labels)
    while text.last == " " { text.removeLast() }
    if text.count + 2 + chart.xTitle.count <= width { text += "  " + chart.xTitle }
    let indent = String(repeating: " ", count: left + 1)
    return [[TextSpan(indent + glyphs.corner + line.joined())], [TextSpan(text)]]
  }

  /// The line without spaces at its end.
  private static func trimmed(_ line: [TextSpan]) -> [TextSpan] {
    var line = line
    while var last = line.popLast() {
      while last.text.last == " " { last.text.removeLast() }
      guard last.text.isEmpty else { return line + [last] }
    }
    return line
  }
}
