import FlywheelCheckpoint
import FlywheelCore
import FlywheelDiff
import FlywheelOptim
import FlywheelPlot
import FlywheelReport
import OrderedCollections
import SystemPackage
import Testing

struct DifferenceReportTests {
  private static let saved = Checkpoint.Saved(
    run: "0123456789abcdef0123456789abcdef",
    time: "2026-01-02T03:04:05Z"
  )
  /// A name as only an adversary would choose it.
  private static let evil = "</td><script src=\"http://x\">&\u{202E}\u{0}'"

  private static func checkpoint(
    _ weights: OrderedDictionary<String, [Float]>,
    momentum: Double = 0.9
  ) throws -> Checkpoint {
    let numbers = try UpdateRule.named("pytorch").completed(
      Hyperparameters([.learningRate: .number(0.1), .momentum: .number(momentum)])
    )
    var parameters: OrderedDictionary<String, Parameter> = [:]
    for (name, values) in weights {
      parameters[name] = Parameter(value: try Tensor(vector: values), group: 0, axes: ["out"])
    }
    return Checkpoint(
      saved: saved,
      parameters: parameters,
      optimizer: OptimizerState(
        rule: "pytorch",
        groups: [ParameterGroup(hyperparameters: numbers)],
        step: 3,
        slots: [:]
      ),
      progress: Progress()
    )
  }

  private static func trace(_ name: String, _ factor: Float) throws -> Trace {
    let shape = try Shape([6, 2])
    let values = try Tensor((0..<12).map { 1 + factor * Float($0) }, shape: shape)
    let gradients = try Tensor((0..<12).map { Float($0) }, shape: shape)
    let state = try checkpoint([name: [1, 2]]).optimizer
    return Trace(
      saved: saved,
      parameters: [
        name: TracedParameter(values: values, gradients: gradients, group: 0, axes: ["out"])
      ],
      optimizer: state,
      rows: (3..<9).map { .init(step: $0, learningRates: [0.1]) }
    )
  }

  private static func comparison(_ first: Checkpoint, _ second: Checkpoint) throws -> Comparison {
    try Comparison(
      try DiffInput(first, from: FilePath("a.h5")),
      try DiffInput(second, from: FilePath("b.h5"))
    )
  }

  /// A report with everything in it, of two states whose first parameter has a name.
  private static func report(name: String, count: Int = 3) throws -> DifferenceReport {
    var (one, other): (OrderedDictionary<String, [Float]>, OrderedDictionary<String, [Float]>)
    one = [name: [1, 2, 3], "same": [1]]
    other = [name: [1, 2.5, .nan], "same": [1]]
    for index in 0..<count {
      one["layers.\(index)"] = [1, 2]
      other["layers.\(index)"] = [1 + Float(index) / 1000, 2]
    }
    one["only a"] = [1]
    other["only b"] = [1]
    let chart = LineChart(
      title: "2 runs",
      xTitle: "epoch",
      legend: [.init(name: name, style: .init(index: 0))],
      panels: [
        .init(
          title: "loss",
          series: [
            Series(
              name: name,
              label: name,
              style: .init(index: 0),
              points: [.init(x: 1, y: 2), .init(x: 2, y: 1)]
            )
          ]
        )
      ]
    )
    return try DifferenceReport(
      of: name,
      and: "b",
      try comparison(try checkpoint(one), try checkpoint(other, momentum: 0.5)),
      divergence: try Divergence(of: try trace(name, 1), and: try trace(name, 1.5)),
      history: chart
    )
  }

  @Test("Every element is closed, whatever names there are", arguments: ["w", evil])
  func structure(name: String) throws {
    let html = try Self.report(name: name).html()
    let outline = HTMLOutline(html)
    #expect(outline.faults.isEmpty)
    #expect(outline.all("script").isEmpty)
    #expect(!html.contains("src=\"http") && !html.contains("\u{202E}") && !html.contains("\u{0}"))
    #expect(html.hasPrefix("<!DOCTYPE html>\n<html lang=\"en\">"))
  }

  @Test("A reader who does not see it finds the way")
  func accessibility() throws {
    let outline = HTMLOutline(try Self.report(name: "w").html())
    let ids = outline.elements.compactMap { $0.attributes["id"] }
    #expect(Set(ids).count == ids.count)
    for link in outline.all("a") {
      let target = try #require(link.attributes["href"])
      #expect(target.hasPrefix("#") && ids.contains(String(target.dropFirst())))
    }
    for section in outline.all("section") {
      #expect(ids.contains(section.attributes["aria-labelledby"] ?? ""))
    }
    for heading in outline.all("th") {
      #expect(["col", "row"].contains(heading.attributes["scope"]))
    }
    #expect(outline.all("table").count == outline.all("caption").count)
    for drawing in outline.all("svg") {
      #expect(drawing.attributes["role"] == "img" && drawing.attributes["aria-label"] != nil)
    }
    #expect(outline.all("desc").count == outline.all("svg").count)
    #expect(outline.all("title").count { $0.path.last == "svg" } == outline.all("svg").count)
    // What scrolls can be reached by the keyboard.
    for box in outline.elements where box.attributes["class"] == "scroll" {
      #expect(box.attributes["tabindex"] == "0" && box.attributes["role"] == "region")
    }
    let levels = outline.elements.filter { ["h1", "h2", "h3"].contains($0.name) }.map(\.name)
    #expect(levels.first == "h1" && levels.dropFirst().allSatisfy { $0 == "h2" })
    #expect(outline.all("main").count == 1)
  }

  @Test("It says in one sentence what came of it")
  func verdict() throws {
    let html = try Self.report(name: "w").html()
    #expect(html.contains("<title>Different: w and b</title>"))
    #expect(
      html.contains(
        "Different: 5 of 7 tensors differ, 1 setting differs, they part after 3 steps."
      )
    )
    let state = try Self.checkpoint(["w": [1, 2]])
    let same = try DifferenceReport(of: "a", and: "b", try Self.comparison(state, state))
    #expect(same.isSame)
    #expect(same.html().contains("Same: 1 tensor, bit for bit."))
    #expect(HTMLOutline(same.html()).all("svg").isEmpty)
  }

  @Test("A table that is long is folded, and a chart does not become one")
  func manyTensors() throws {
    let outline = HTMLOutline(try Self.report(name: "w", count: 300).html())
    #expect(outline.faults.isEmpty)
    #expect(outline.all("table").contains { $0.path.contains("details") })
    let names = outline.elements.filter { $0.name == "rect" && $0.path.contains("figure") }
    #expect(names.count < 100)
  }

  @Test("Equal comparisons make equal pages")
  func deterministic() throws {
    #expect(try Self.report(name: "w").html() == Self.report(name: "w").html())
  }
}
