import FlywheelDiff

/// Where two trainings part, as text that fits 80 columns.
struct DivergenceView {
  private let divergence: Divergence
  private let showsAll: Bool

  init(_ divergence: Divergence, showsAll: Bool) {
    self.divergence = divergence
    self.showsAll = showsAll
  }

  /// The lines.
  var lines: [String] {
    var lines = [heading]
    for sentence in divergence.sentences {
      lines += Formatting.paragraph(sentence, indent: 0, hanging: 2)
    }
    return lines + table + gaps
  }

  private var heading: String {
    let isRows = divergence.source == .rows
    let count = Formatting.count(divergence.steps.count, isRows ? "step" : "checkpoint")
    guard let first = divergence.steps.first, let last = divergence.steps.last, first != last else {
      return "step by step: \(count) of both"
    }
    return "step by step: \(count) of both, from \(Formatting.grouped(first)) to "
      + Formatting.grouped(last)
  }

  private var table: [String] {
    let shown = divergence.tensors.filter { showsAll || $0.departure != nil }
      .enumerated()
      .sorted {
        ($0.element.departure ?? .max, $0.offset) < ($1.element.departure ?? .max, $1.offset)
      }
      .map(\.element)
    guard !shown.isEmpty else { return [] }
    let rows = shown.map { tensor in
      [
        Self.step(tensor.firstDifference), Self.step(tensor.departure),
        tensor.points.last.map { Formatting.significant($0.difference.rootMeanSquare, 3) } ?? "-",
        tensor.growth.map(Self.text) ?? "-",
      ]
    }
    let header = ["differs at", "parts at", "last RMS", "a step"]
    let widths = header.indices.map { column in
      ([header] + rows).map { $0[column].count }.max() ?? 0
    }
    let room = 80 - widths.reduce(0) { $0 + $1 + 2 }
    let names = shown.map { Formatting.shortened($0.name, to: max(12, room)) }
    let longest = names.map(\.count).max() ?? 0
    return zip([""] + names, [header] + rows).map { name, cells in
      ([Formatting.left(name, longest)] + zip(cells, widths).map { Formatting.right($0, $1) })
        .joined(separator: "  ")
    }
  }

  private static func step(_ step: Int?) -> String { step.map(Formatting.grouped) ?? "never" }

  /// By what the difference is multiplied in a step.
  private static func text(_ growth: TensorDivergence.Growth) -> String {
    "x" + Formatting.significant(growth.factor, 4)
  }

  /// Steps and tensors without partners.
  private var gaps: [String] {
    var gaps: [String] = []
    for (side, steps) in [
      ("A", divergence.unpairedSteps.first), ("B", divergence.unpairedSteps.second),
    ] where !steps.isEmpty {
      let list =
        steps.count > 8
        ? steps.prefix(7).map { "\($0)" } + ["…", "\(steps[steps.count - 1])"]
        : steps.map { "\($0)" }
      gaps += Formatting.wrapped(list, after: "only in \(side), steps ")
    }
    for gap in divergence.unpaired where showsAll || gap.count == divergence.steps.count {
      let count = Formatting.count(gap.count, "step")
      gaps += Formatting.paragraph(
        "\(gap.name): \(Self.word(gap)) at \(count)",
        indent: 0,
        hanging: 2
      )
    }
    return gaps
  }

  private static func word(_ gap: Divergence.Unpaired) -> String {
    switch gap.verdict {
    case .onlyFirst: "only in A"
    case .onlySecond: "only in B"
    case .shape: "another shape"
    default: "not comparable"
    }
  }
}
