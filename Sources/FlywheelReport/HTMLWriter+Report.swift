import FlywheelPlot

extension HTMLWriter {
  /// Adds a section, which the page's contents lead to.
  mutating func section(
    _ title: String,
    id: String,
    content: (inout HTMLWriter) -> Void
  ) {
    element("section", [("aria-labelledby", id)]) { writer in
      writer.leaf("h2", [("id", id)], title)
      content(&writer)
    }
  }

  /// Adds a drawing twice: the page shows the one that there is room for.
  ///
  /// - Parameters:
  ///   - caption: What it shows, and how to read it.
  ///   - svg: Draws for so many pixels.
  mutating func figure(_ caption: String, svg: (_ width: Double) -> String) {
    element("figure") { writer in
      for (name, width) in [
        ("wide", ReportStyle.wideChart), ("narrow", ReportStyle.narrowChart),
      ] {
        writer.element("div", [("class", name)]) { $0.embed(svg(width)) }
      }
      writer.leaf("figcaption", [], caption)
    }
  }

  /// Adds what is too long to be shown at once, under a line that opens it.
  mutating func details(_ summary: String, content: (inout HTMLWriter) -> Void) {
    element("details") { writer in
      writer.leaf("summary", [], summary)
      content(&writer)
    }
  }

  /// Adds names with their descriptions.
  mutating func definitions(_ pairs: [(name: String, text: String)]) {
    element("dl") { writer in
      for (name, text) in pairs {
        writer.leaf("dt", [], name)
        writer.leaf("dd", [], text)
      }
    }
  }

  /// Adds a list.
  mutating func list(_ items: [String]) {
    guard !items.isEmpty else { return }
    element("ul") { writer in
      for item in items { writer.leaf("li", [], item) }
    }
  }
}
