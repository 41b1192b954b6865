import FlywheelPlot
import Testing

@Suite("Line charts")
struct LineChartTests {
  private func points(_ values: [Double]) -> [Series.Point] {
    values.enumerated().map { .init(x: Double($0.offset + 1), y: $0.element) }
  }

  private func chart(_ values: [Double], name: String = "training") -> LineChart {
    let series = Series(name: name, label: name, style: .init(index: 0), points: points(values))
    return LineChart(
      title: name,
      xTitle: "epoch",
      isWholeX: true,
      panels: [.init(title: "loss", series: [series])]
    )
  }

  /// What is drawn, without the style sheet.
  private func drawing(_ chart: LineChart) -> [Substring] {
    let lines = chart.svg().split(separator: "\n")
    let end = lines.firstIndex(of: "  </style>") ?? 0
    return Array(lines[(end + 1)...])
  }

  private func paths(_ chart: LineChart) -> [Substring] {
    drawing(chart).filter { $0.contains("class=\"line") }
  }

  private func dots(_ chart: LineChart) -> [Substring] {
    drawing(chart).filter { $0.contains("<circle") }
  }

  @Test("A tiny chart is drawn to the byte as it was looked at")
  func golden() {
    let expected = """
        <rect class="page" width="760" height="286"/>
        <text class="heading" x="20" y="32">a &lt;b&gt;</text>
        <g>
          <text class="panel-heading" x="48.4" y="60">loss</text>
          <path class="hair grid" d="M48.5 242.5H698"/>
          <text class="muted" x="40.4" y="246" text-anchor="end">0.0</text>
          <path class="hair grid" d="M48.5 200.5H698"/>
          <text class="muted" x="40.4" y="203.5" text-anchor="end">0.5</text>
          <path class="hair grid" d="M48.5 157.5H698"/>
          <text class="muted" x="40.4" y="161" text-anchor="end">1.0</text>
          <path class="hair grid" d="M48.5 115.5H698"/>
          <text class="muted" x="40.4" y="118.5" text-anchor="end">1.5</text>
          <path class="hair grid" d="M48.5 72.5H698"/>
          <text class="muted" x="40.4" y="76" text-anchor="end">2.0</text>
          <path class="hair axis" d="M48.5 242.5H698"/>
          <path class="hair axis" d="M48.5 242.5v4"/>
          <path class="hair axis" d="M373.5 242.5v4"/>
          <path class="hair axis" d="M698.5 242.5v4"/>
          <path class="line c0" d="M48.4 72L373.2 199.5L698 220.75"><title>a &lt;b&gt;</title></path>
          <circle class="dot c0" cx="698" cy="220.75" r="3"><title>a &lt;b&gt;</title></circle>
          <text class="c0" x="708" y="224.75">a &lt;b&gt;</text>
        </g>
        <text class="muted" x="48.4" y="260" text-anchor="middle">1</text>
        <text class="muted" x="373.2" y="260" text-anchor="middle">2</text>
        <text class="muted" x="698" y="260" text-anchor="middle">3</text>
        <text class="muted" x="373.2" y="277" text-anchor="middle">epoch</text>
      </svg>
      """
    #expect(drawing(chart([2, 0.5, 0.25], name: "a <b>")).joined(separator: "\n") == expected)
  }

  @Test("Equal charts have equal bytes")
  func determinism() {
    #expect(chart([1, 2, .nan, 3]).svg() == chart([1, 2, .nan, 3]).svg())
  }

  @Test(
    "A value that is not finite is a gap, and a value between gaps a dot",
    arguments: [
      ([], 0, 0), ([1], 0, 1), ([1, 2], 1, 1), ([1, .nan, 2], 0, 2), ([1, 2, .nan, 2, 1], 2, 1),
      ([.nan, .nan], 0, 0), ([1, .infinity, 2, 3, -.infinity], 1, 2), ([3, 3, 3], 1, 1),
      ([1e300, -1e300, 1e-300], 1, 1), ([.leastNonzeroMagnitude, 0], 1, 1), ([1.7e308, 1], 0, 1),
    ] as [([Double], Int, Int)]
  )
  func gaps(_ values: [Double], _ pieces: Int, _ dotCount: Int) {
    let chart = chart(values)
    let moves = paths(chart).reduce(0) { $0 + $1.split(separator: " d=\"")[1].count { $0 == "M" } }
    #expect(moves == pieces)
    #expect(dots(chart).count == dotCount)
    for glyphs in [LineChart.Glyphs.unicode, .ascii] {
      #expect(chart.textLines(width: 80, glyphs: glyphs).count > 1)
    }
  }

  @Test("A chart without panels, and one without lines, is a chart that says so")
  func nothing() {
    for panels in [[], [LineChart.Panel(title: "loss", series: [])]] {
      let chart = LineChart(title: "none", xTitle: "step", panels: panels)
      #expect(chart.svg().contains("<desc>There is nothing to show.</desc>"))
      #expect(!chart.textLines(width: 80).isEmpty)
    }
  }

  @Test("Names cannot break out of the document, and long ones are whole in a title")
  func names() {
    let name = "\"</text><script>&\u{0}\u{1B}" + String(repeating: "long ", count: 40)
    let svg = chart([1, 2], name: name).svg()
    #expect(!svg.contains("<script"))
    #expect(svg.contains("aria-label=\"&quot;&lt;/text&gt;&lt;script&gt;&amp;\u{FFFD}\u{FFFD}l"))
    #expect(!svg.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
    #expect(svg.contains("…"))
    #expect(svg.contains("long long </title>"))
  }

  @Test("A hundred thousand points are drawn with as many as can be seen, extremes among them")
  func manyPoints() {
    var values = (0..<100_000).map { Double($0 % 100) / 100 }
    values[54_321] = 9
    let chart = chart(values)
    let svg = chart.svg()
    #expect(svg.utf8.count < 200_000)
    // The axis reaches to 10: the highest point is a tenth below the upper edge.
    #expect(svg.contains(" 89L"))
  }

  @Test("Lines that differ in their place in the palette differ without colour, for fifty runs")
  func dashes() {
    let series = (0..<50).map { index in
      Series(name: "run \(index)", style: .init(index: index), points: points([1, 2]))
    }
    let chart = LineChart(
      title: "runs",
      xTitle: "epoch",
      legend: series.map { .init(name: $0.name, style: $0.style) },
      panels: [.init(title: "loss", series: series)]
    )
    let looks = paths(chart).map { $0.drop { $0 == " " }.split(separator: " d=")[0] }
    #expect(looks.count == 100)
    #expect(Set(looks).count == 50)
    let first = looks.prefix(8).map { $0.split(separator: "stroke-dasharray=").dropFirst() }
    #expect(Set(first.map { $0.joined() }).count == 8)
  }

  @Test("There is a look for dark pages, a title and a description")
  func accessibility() {
    let svg = chart([1, 2]).svg()
    #expect(svg.contains("@media (prefers-color-scheme: dark)"))
    #expect(svg.contains("role=\"img\""))
    #expect(svg.contains("<title>training</title>"))
    #expect(svg.contains("<desc>loss: training from 1 to 2 at epoch 2.</desc>"))
  }

  @Test("Text is never wider than asked for, and ASCII is ASCII")
  func textWidth() {
    let names = (0..<12).map { "a run with a rather long name, number \($0)" }
    let series = names.enumerated().map { index, name in
      Series(name: name, label: name, style: .init(index: index), points: points([1, 2, 0.5]))
    }
    let constant = Series(name: "", style: .init(index: 0), points: points([-1.234e-200]))
    for count in [1, 3, 12] {
      let chart = LineChart(
        title: String(repeating: "title ", count: 30),
        xTitle: "epoch",
        legend: series.prefix(count).map { .init(name: $0.name, style: $0.style) },
        panels: [
          .init(title: "loss", series: Array(series.prefix(count))),
          .init(title: names.joined(), series: [constant]),
        ]
      )
      for width in [40, 60, 79, 80] {
        for line in chart.textLines(width: width) {
          #expect(line.reduce(0) { $0 + $1.text.count } <= width)
        }
        for line in chart.textLines(width: width, glyphs: .ascii) {
          #expect(line.reduce(0) { $0 + $1.text.count } <= width)
          #expect(line.allSatisfy { $0.text.utf8.allSatisfy { $0 < 0x80 } })
        }
      }
    }
  }

  @Test("A line in text goes from where it begins to where it ends")
  func textLine() {
    let lines = chart([0, 10]).textLines(width: 48, glyphs: .ascii)
      .map { $0.map(\.text).joined() }
    #expect(
      lines == [
        "training", "", "loss",
        "10 +                              ** * training",
        "   |                          ****",
        "   |                      ****",
        "   |                  ****",
        " 5 +              ****",
        "   |          ****",
        "   |      ****",
        "   |  ****",
        " 0 +**",
        "   ++------------------------------+",
        "    1                              2  epoch",
      ]
    )
  }

  @Test("A panel in which nothing changes is one line of text")
  func constantText() {
    let lines = chart([3, 3]).textLines(width: 80).map { $0.map(\.text).joined() }
    #expect(lines == ["training", "", "loss: 3 throughout"])
  }
}
