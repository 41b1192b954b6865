public import FlywheelCore
public import FlywheelDiff
public import FlywheelPlot

/// What a comparison found, as a page that needs nothing else: no network, no scripts, no other file.
///
/// Equal comparisons make equal pages: there is no clock in them.
public struct DifferenceReport: Sendable {
  /// What the two sides are called: paths as they were typed.
  public let names: (first: String, second: String)
  /// The two states.
  public let comparison: Comparison
  /// Where two runs or traces part; nil if only two states were compared.
  public let divergence: Divergence?
  /// The metrics of both over their epochs or steps; nil if there are none.
  public let history: LineChart?
  let histograms: [Histogram]

  /// Puts a report together.
  ///
  /// - Parameters:
  ///   - first: What the first side is called.
  ///   - second: What the second side is called.
  ///   - comparison: The two states.
  ///   - divergence: Where two runs or traces part.
  ///   - history: The metrics of both.
  /// - Throws: What reading throws: elements are read once more, to count differences by size.
  public init(
    of first: String,
    and second: String,
    _ comparison: Comparison,
    divergence: Divergence? = nil,
    history: LineChart? = nil
  ) throws(FlywheelError) {
    names = (first, second)
    self.comparison = comparison
    self.divergence = divergence
    self.history = history
    histograms = try Self.histograms(of: comparison)
  }

  /// Whether both sides mean the same, at every step that was compared.
  public var isSame: Bool { comparison.isSame && divergence?.isWithin ?? true }

  /// The page.
  ///
  /// - Returns: A document in HTML 5.
  public func html() -> String {
    var writer = HTMLWriter()
    writer.embed("<!DOCTYPE html>\n")
    writer.element("html", [("lang", "en")]) { writer in
      writer.element("head", content: writeHead)
      writer.element("body", content: writeBody)
    }
    return writer.html
  }

  private var title: String { "\(names.first) and \(names.second)" }

  private func writeHead(_ writer: inout HTMLWriter) {
    writer.void("meta", [("charset", "utf-8")])
    writer.void("meta", [("name", "viewport"), ("content", "width=device-width, initial-scale=1")])
    writer.void("meta", [("name", "color-scheme"), ("content", "light dark")])
    writer.leaf("title", [], "\(isSame ? "Same" : "Different"): \(title)")
    writer.element("style") { $0.embed(ReportStyle.sheet) }
  }

  /// The sections, in the order of what a person asks first.
  private var sections: [Section] {
    [
      Section(id: "compared", title: "What was compared", write: writeOverview),
      divergence.map { divergence in
        Section(id: "steps", title: "Where they part") { writeDivergence(divergence, &$0) }
      },
      Section(id: "tensors", title: "Difference of each tensor", write: writeBars),
      histograms.isEmpty
        ? nil : Section(id: "sizes", title: "Differences by size", write: writeHistograms),
      history.map { chart in
        Section(id: "history", title: "Metrics of both") { writeHistory(chart, &$0) }
      },
      comparison.settings.isEmpty
        ? nil : Section(id: "settings", title: "Settings side by side", write: writeSettings),
      Section(id: "all", title: "All tensors", write: writeTensors),
    ].compactMap(\.self)
  }

  /// A part of the page.
  private struct Section {
    var id: String
    var title: String
    var write: (inout HTMLWriter) -> Void
  }

  private func writeBody(_ writer: inout HTMLWriter) {
    let sections = sections
    writer.leaf("a", [("class", "skip"), ("href", "#main")], "Skip to the comparison")
    writer.element("header") { writer in
      writer.leaf("h1", [], title)
      writer.leaf("p", [("class", "verdict \(isSame ? "good" : "bad")")], verdict)
    }
    writer.element("nav", [("aria-label", "Contents")]) { writer in
      writer.element("ul") { writer in
        for section in sections {
          writer.element("li") { $0.leaf("a", [("href", "#\(section.id)")], section.title) }
        }
      }
    }
    writer.element("main", [("id", "main"), ("tabindex", "-1")]) { writer in
      for section in sections {
        writer.section(section.title, id: section.id, content: section.write)
      }
    }
    writer.element("footer") { $0.leaf("p", [], "Written by \(Flywheel.writer).") }
  }

  private func writeHistory(_ chart: LineChart, _ writer: inout HTMLWriter) {
    let caption = [chart.title, chart.subtitle].filter { !$0.isEmpty }.joined(separator: ": ")
    writer.figure(caption) { chart.svg(.page(width: $0)) }
  }
}
