import FlywheelPlot
import Testing

@Suite("Bars and columns")
struct BarChartTests {
  private func chart(_ bars: [BarChart.Bar]) -> BarChart {
    BarChart(
      title: "differences",
      axisTitle: "largest difference",
      legend: .init(full: "too large", empty: "small enough", mark: "allowed"),
      bars: bars
    )
  }

  /// The number that an attribute holds in each line of a drawing that has a class.
  private func numbers(_ svg: String, _ style: String, _ attribute: String) -> [Double] {
    svg.split(separator: "\n").filter { $0.contains("class=\"\(style)") }.compactMap { line in
      let parts = line.split(separator: " \(attribute)=\"", maxSplits: 1)
      return parts.count < 2 ? nil : parts[1].split(separator: "\"").first.flatMap { Double($0) }
    }
  }

  @Test("Equal ratios are equal lengths", arguments: [340.0, 760.0])
  func lengths(width: Double) {
    let bars = [1e-6, 1e-4, 1e-2].map {
      BarChart.Bar(name: "w", value: $0, isFull: true, note: "")
    }
    // The first is the legend's.
    let widths = numbers(chart(bars).svg(width: width), "bar c1", "width").dropFirst()
    #expect(widths.count == 3)
    let steps = zip(widths.dropFirst(), widths).map { $0 - $1 }
    #expect(abs(steps[0] - steps[1]) < 0.05 && steps[0] > 20)
  }

  @Test("Nothing is drawn outside of the drawing", arguments: [340.0, 760.0])
  func bounds(width: Double) {
    let name = String(repeating: "a very long name/", count: 20)
    let bars = [Double.leastNonzeroMagnitude, 1e-30, 1, 1e300, .infinity, 0, .nan].map {
      BarChart.Bar(name: name, value: $0, mark: $0 / 3, isFull: $0 > 1, note: "12 times as much")
    }
    let svg = chart(bars).svg(width: width)
    for (x, length) in zip(numbers(svg, "bar", "x"), numbers(svg, "bar", "width")) {
      #expect(x >= 0 && x + length <= width)
    }
    #expect(!svg.contains("nan") && !svg.contains("inf\""))
  }

  @Test("What a bar says by its look is said in words, too")
  func words() {
    let svg = chart([
      .init(name: "a", value: 1e-3, mark: 1e-5, isFull: true, note: "100 times"),
      .init(name: "b", value: 0, isFull: false, note: "equal"),
    ]).svg(width: 760)
    #expect(svg.contains("<desc>a: 0.001, 100 times, allowed 1e-5; b: equal.</desc>"))
    #expect(svg.contains("role=\"img\""))
    #expect(!svg.contains("<style>") && !svg.contains("xmlns"))
  }

  @Test("Of a million elements a single one still shows")
  func smallColumns() {
    let chart = ColumnChart(
      title: "sizes",
      xTitle: "difference",
      yTitle: "elements",
      columns: [
        .init(name: "equal", label: "0", count: 1_000_000, isFull: false),
        .init(name: "from 1e-6 to 1e-5", label: "1e-6", count: 0),
        .init(name: "from 1e-5 to 1e-4", label: "1e-5", count: 1),
      ]
    )
    let svg = chart.svg(width: 340)
    let heights = numbers(svg, "bar", "height")
    #expect(heights.count == 2)
    #expect(heights.allSatisfy { $0 >= 2 })
    #expect(svg.contains("<title>from 1e-5 to 1e-4: 1</title>"))
    #expect(svg.contains("<desc>elements: equal: 1,000,000; from 1e-5 to 1e-4: 1.</desc>"))
  }

  @Test("A line chart in a page has no heading, no style sheet and no name of a server")
  func linesInPage() {
    let chart = LineChart(
      title: "loss",
      subtitle: "sub",
      xTitle: "step",
      legend: [.init(name: "run", style: .init(index: 0))],
      panels: [
        .init(
          title: "loss",
          series: [
            Series(
              name: "run",
              label: "run",
              style: .init(index: 0),
              points: [.init(x: 1, y: 1), .init(x: 2, y: 2)]
            )
          ]
        )
      ]
    )
    for width in [340.0, 760] {
      let svg = chart.svg(.page(width: width))
      #expect(svg.contains("viewBox=\"0 0 \(Int(width)) "))
      #expect(
        !svg.contains("class=\"heading\"") && !svg.contains("http") && !svg.contains("<style>")
      )
    }
    #expect(ChartPlacement.styleSheet.contains { $0.contains("prefers-color-scheme: dark") })
  }
}
