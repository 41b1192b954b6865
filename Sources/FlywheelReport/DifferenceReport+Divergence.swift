import FlywheelDiff
import FlywheelPlot

extension DifferenceReport {
  /// More rows than this nobody reads.
  private static let mostSteps = 100

  func writeDivergence(_ divergence: Divergence, _ writer: inout HTMLWriter) {
    for sentence in divergence.sentences { writer.leaf("p", [], sentence) }
    writer.list(gaps(in: divergence))
    let chart = DivergenceChart(divergence)
    if let drawing = chart.chart {
      var caption =
        "The root mean square of a − b over the steps. Where a line is missing, nothing differs."
      if chart.leftOut > 0 {
        caption +=
          " The \(chart.parameters.count) parameters that part first and furthest are drawn, "
          + "\(chart.leftOut) more are in the table."
      }
      writer.figure(caption) { drawing.svg(.page(width: $0)) }
      writer.details("Show the numbers of the lines") { writer in
        writer.table(steps(of: chart.drawn, divergence))
      }
    }
    writer.table(table(of: divergence))
  }

  /// Steps and tensors without partners.
  private func gaps(in divergence: Divergence) -> [String] {
    var gaps: [String] = []
    for (side, steps) in [
      ("A", divergence.unpairedSteps.first), ("B", divergence.unpairedSteps.second),
    ] where !steps.isEmpty {
      gaps.append("Only \(side) has a state after \(Self.numbers(steps)) steps.")
    }
    for gap in divergence.unpaired {
      gaps.append(
        "\(gap.name): \(Self.word(gap.verdict)) at \(gap.count) of "
          + "\(Self.count(divergence.steps.count, "step"))."
      )
    }
    return gaps
  }

  private static func numbers(_ steps: [Int]) -> String {
    guard steps.count > 6, let first = steps.first, let last = steps.last else {
      return steps.map(Numeral.grouped).joined(separator: ", ")
    }
    return "\(Numeral.grouped(first)) to \(Numeral.grouped(last)) (\(steps.count) times)"
  }

  private func table(of divergence: Divergence) -> HTMLTable {
    let parting = divergence.parting?.tensors ?? []
    return HTMLTable(
      caption: "When each tensor parts",
      columns: [.init(title: "tensor"), .init(title: "verdict")]
        + [
          "first difference at step", "beyond tolerance from step", "RMS at the end",
          "largest |a − b| at the end", "RMS per step", "over the steps",
        ].map { .init(title: $0, isNumeric: true) },
      rows: divergence.tensors.map { tensor in
        let last = tensor.points.last?.difference
        let growth = tensor.growth
        let word =
          parting.contains(tensor.role)
          ? "parts first" : tensor.departure != nil ? "parts" : "stays"
        return [
          .init(tensor.name), .init(word, tensor.departure == nil ? .good : .bad),
          .init(tensor.firstDifference.map(Numeral.grouped) ?? "never"),
          .init(tensor.departure.map(Numeral.grouped) ?? "never"),
          .init(last.map { Numeral.short($0.rootMeanSquare) } ?? "–"),
          .init(last?.largestAbsolute.map { Numeral.short($0.value) } ?? "–"),
          .init(growth.map { "×\(Self.factor($0.factor)), \($0.words)" } ?? "–"),
          .init(growth.map { "\($0.steps.lowerBound)–\($0.steps.upperBound)" } ?? "–"),
        ]
      }
    )
  }

  /// A factor near 1 says nothing in four digits.
  private static func factor(_ factor: Double) -> String {
    abs(factor - 1) < 0.1 ? "\((factor * 1e6).rounded() / 1e6)" : Numeral.short(factor)
  }

  private func steps(of tensors: [TensorDivergence], _ divergence: Divergence) -> HTMLTable {
    let stride = max(1, (divergence.steps.count + Self.mostSteps - 1) / Self.mostSteps)
    let shown = divergence.steps.enumerated().filter { index, step in
      index.isMultiple(of: stride) || step == divergence.steps.last
    }.map(\.element)
    let columns = tensors.map { tensor in
      Dictionary(
        tensor.points.map { ($0.step, $0.difference.rootMeanSquare) },
        uniquingKeysWith: { first, _ in first }
      )
    }
    return HTMLTable(
      caption: "Root mean square of a − b"
        + (stride > 1 ? ", at \(shown.count) of \(divergence.steps.count) steps" : ""),
      columns: [.init(title: "step")]
        + tensors.map { .init(title: $0.role.words, isNumeric: true) },
      rows: shown.map { step in
        [.init(Numeral.grouped(step))]
          + columns.map { .init($0[step].map(Numeral.short) ?? "–") }
      }
    )
  }
}
