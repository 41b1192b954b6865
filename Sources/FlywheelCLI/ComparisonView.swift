import FlywheelCheckpoint
import FlywheelCore
import FlywheelDialects
import FlywheelDiff
import FlywheelOptim
import OrderedCollections

/// A comparison as text that fits a terminal.
struct ComparisonView {
  let comparison: Comparison
  let showsAll: Bool
  private let divergence: Divergence?
  private let columns: Int

  /// A line, and what is to be seen of it first.
  struct Line {
    var text: String
    /// How the line ends: in the tone's colour.
    var ending = ""
    var tone = Tone.plain
  }

  /// What something is about, which decides its colour.
  enum Tone {
    case plain
    case same
    case different

    /// The number that terminals know the colour by.
    fileprivate var color: Int? {
      switch self {
      case .plain: nil
      case .same: 32
      case .different: 31
      }
    }
  }

  init(
    _ comparison: Comparison,
    divergence: Divergence? = nil,
    showsAll: Bool,
    columns: Int = 80
  ) {
    self.comparison = comparison
    self.divergence = divergence
    self.showsAll = showsAll
    self.columns = columns
  }

  /// Prints it, in colour where a person wants that.
  func show(on terminal: Terminal) {
    for line in lines {
      let (text, ending) = (Terminal.shown(line.text), Terminal.shown(line.ending))
      let color = terminal.hasColors && !ending.isEmpty ? line.tone.color : nil
      terminal.write(text + (color.map { "\u{1B}[\($0)m\(ending)\u{1B}[0m" } ?? ending) + "\n")
    }
  }

  /// The lines.
  var lines: [Line] {
    let parts = [heading, settings, translations, tensors, stepByStep, notes]
    let shown = parts.filter { !$0.isEmpty }
    return shown.flatMap { $0 + [Line(text: "")] } + verdict
  }

  static func plain(_ lines: [String]) -> [Line] { lines.map { Line(text: $0) } }

  // MARK: What is compared

  private var heading: [Line] {
    let pairs = comparison.tensors.count { $0.first != nil && $0.second != nil }
    return Self.plain(
      Self.side("A", comparison.first) + Self.side("B", comparison.second)
        + ["partners by \(comparison.pairing.rawValue): \(Formatting.count(pairs, "pair"))"]
    )
  }

  private static func side(_ letter: String, _ side: DiffInput) -> [String] {
    var phrases = [side.kind.rawValue]
    if let dialect = side.dialect {
      phrases.append(side.isRecognised ? "\(dialect.name) (recognised)" : dialect.name)
    }
    if let optimizer = side.checkpoint?.optimizer {
      phrases.append("rule \(optimizer.rule)")
      if side.knowsStep { phrases.append("step \(Formatting.grouped(optimizer.step))") }
    }
    let account = phrases.joined(separator: ", ")
    let line = "\(letter)  \(side.path): \(account)"
    return line.count <= 80 ? [line] : ["\(letter)  \(side.path)", "   \(account)"]
  }

  // MARK: Arrays

  private var tensors: [Line] {
    let shown = comparison.tensors.filter { showsAll || !$0.verdict.isSame }
    guard !shown.isEmpty else { return [] }
    let rows = shown.map(ComparisonRow.init)
    let widths = (0..<4).map { column in
      max(
        ComparisonRow.header[column].count,
        rows.map { $0.numbers?[column].count ?? 0 }.max() ?? 0
      )
    }
    let verdicts = rows.filter { $0.numbers != nil }.map(\.verdict.count)
    let rest = columns - 2 - widths.reduce(0) { $0 + $1 + 2 } - (verdicts.max() ?? 0)
    let longest = rows.map(\.name.count).max() ?? 0
    let width = max(12, min(longest, rest))
    var lines: [Line] = []
    let firstNumbers = rows.firstIndex { $0.numbers != nil }
    for (index, (row, comparison)) in zip(rows, shown).enumerated() {
      if index == firstNumbers {
        let header = ComparisonRow.cells("", ComparisonRow.header, width, widths)
        lines.append(Line(text: header, ending: "allowed"))
      }
      let tone: Tone = comparison.verdict.isSame ? .plain : .different
      let name = Formatting.shortened(row.name, to: width)
      let cells = row.numbers.map { ComparisonRow.cells(name, $0, width, widths) }
      let start = cells ?? Formatting.left(name, width) + "  "
      if start.count + row.verdict.count <= columns {
        lines.append(Line(text: start, ending: row.verdict, tone: tone))
      } else {
        lines.append(Line(text: name))
        lines += Formatting.paragraph(row.verdict, indent: 4)
          .map { Line(text: "", ending: $0, tone: tone) }
      }
      for detail in row.details { lines += Self.plain(Formatting.paragraph(detail, indent: 4)) }
    }
    return lines
  }

  private var stepByStep: [Line] {
    Self.plain(divergence.map { DivergenceView($0, showsAll: showsAll).lines } ?? [])
  }

  private var notes: [Line] {
    Self.plain(
      comparison.notes.flatMap { Formatting.paragraph("note: \($0)", indent: 0, hanging: 2) }
    )
  }

  // MARK: In short

  private var verdict: [Line] {
    let counts = TensorVerdict.allCases.reversed().map { verdict in
      (verdict, comparison.tensors.count { $0.verdict == verdict })
    }
    var phrases = counts.filter { $0.1 > 0 }.map {
      "\(Formatting.grouped($0.1)) \(Self.words($0.0))"
    }
    let settings = SettingComparison.merged(comparison.settings).count { !$0.isSame }
    if settings > 0 { phrases.append(Formatting.count(settings, "other difference")) }
    if let divergence, !divergence.isWithin {
      phrases.append(
        divergence.parting.map { "parted at step \(Formatting.grouped($0.step))" }
          ?? "steps or tensors without partners"
      )
    }
    let isSame = comparison.isSame && divergence?.isWithin ?? true
    let start = isSame ? "same: " : "different: "
    let text = phrases.isEmpty ? "nothing to compare" : phrases.joined(separator: ", ")
    let tone: Tone = isSame ? .same : .different
    return Formatting.paragraph(start + text, indent: 0, hanging: 2)
      .map { Line(text: "", ending: $0, tone: tone) }
  }

  private static func words(_ verdict: TensorVerdict) -> String {
    switch verdict {
    case .identical: "the same bit for bit"
    case .close: "within tolerance"
    case .different: "beyond tolerance"
    case .nonFinite: "with NaN or infinity on one side"
    case .dtype: "of another type"
    case .shape: "of another shape"
    case .incomparable: "not comparable"
    case .onlySecond: "only in B"
    case .onlyFirst: "only in A"
    }
  }
}
