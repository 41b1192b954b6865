extension SVGWriter {
  /// A whole chart: what it says to those who do not see it, its style sheet if it is a file, and what is
  /// drawn.
  static func chart(
    _ placement: ChartPlacement,
    height: Double,
    title: String,
    summary: String,
    rules: [String] = Palette.rules,
    drawing: (inout SVGWriter) -> Void
  ) -> String {
    let size = [placement.width, height].map(Numeral.coordinate)
    let isFile = placement == .file
    var writer = SVGWriter()
    writer.element(
      "svg",
      (isFile ? [("xmlns", "http://www.w3.org/2000/svg")] : []) + [
        ("class", "flywheel-chart"), ("viewBox", "0 0 \(size[0]) \(size[1])"), ("width", size[0]),
        ("height", size[1]), ("role", "img"), ("aria-label", title),
      ]
    ) { writer in
      writer.leaf("title", text: title)
      writer.leaf("desc", text: summary)
      if isFile {
        writer.style(rules)
        writer.leaf("rect", [("class", "page"), ("width", size[0]), ("height", size[1])])
      }
      drawing(&writer)
    }
    return writer.text
  }

  /// A text at a place.
  mutating func label(
    _ text: String,
    _ x: Double,
    _ y: Double,
    _ style: String?,
    anchor: String? = nil,
    whole: String? = nil
  ) {
    var attributes: [Attribute] = []
    if let style { attributes.append(("class", style)) }
    attributes += [("x", Numeral.coordinate(x)), ("y", Numeral.coordinate(y))]
    if let anchor { attributes.append(("text-anchor", anchor)) }
    leaf("text", attributes, text: text, title: whole == text ? nil : whole)
  }

  /// A line of one pixel, in the middle of pixels.
  mutating func hair(_ x: Double, _ y: Double, _ path: String, _ style: String) {
    let start = Self.point(x.rounded() + 0.5, y.rounded() + 0.5)
    leaf("path", [("class", "hair \(style)"), ("d", "M\(start)\(path)")])
  }

  /// A place as paths have it.
  static func point(_ x: Double, _ y: Double) -> String {
    Numeral.coordinate(x) + " " + Numeral.coordinate(y)
  }
}
