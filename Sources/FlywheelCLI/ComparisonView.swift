import FlywheelCheckpoint
import FlywheelCore
import FlywheelDialects
import FlywheelDiff
import FlywheelOptim
import OrderedCollections

/// A comparison as text that fits 80 columns.
struct ComparisonView {
  private let comparison: Comparison
  private let divergence: Divergence?
  private let showsAll: Bool

  /// What a line is about, which decides its colour.
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

  init(_ paths: PathComparison, showsAll: Bool) {
    comparison = paths.comparison
    divergence = paths.divergence
    self.showsAll = showsAll
  }

  /// Prints it, in colour where a person wants that.
  func show(on terminal: Terminal) {
    for line in lines {
      let text = Terminal.shown(line.text)
      let color = terminal.hasColors ? line.tone.color : nil
      terminal.write(color.map { "\u{1B}[\($0)m\(text)\u{1B}[0m\n" } ?? text + "\n")
    }
  }

  /// The lines.
  var lines: [(text: String, tone: Tone)] {
    let parts = [heading, settings, translations, tensors, stepByStep, notes]
    let shown = parts.filter { !$0.isEmpty }
    return shown.flatMap { $0 + [("", .plain)] } + verdict
  }

  private static func plain(_ lines: [String]) -> [(text: String, tone: Tone)] {
    lines.map { ($0, .plain) }
  }

  // MARK: What is compared

  private var heading: [(text: String, tone: Tone)] {
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

  // MARK: Numbers

  private var settings: [(text: String, tone: Tone)] {
    let shown = SettingComparison.merged(
      comparison.settings.filter { showsAll || $0.verdict != .same }
    )
    guard !shown.isEmpty else { return [] }
    let all = comparison.translations.reduce(0) { $0 + $1.parameters.count }
    let isConverted = shown.contains { $0.converted != nil }
    var rows = [["", "A", "B"] + (isConverted ? ["B, in A's terms"] : []) + [""]]
    for setting in shown {
      let owner = setting.parameters.count < all ? Self.account(setting.parameters) : ""
      let isShort = setting.section == "random"
      rows.append(
        [owner.isEmpty ? setting.title : "\(setting.title) of \(owner)"]
          + [setting.first, setting.second].map { Self.text($0, isShort: isShort) }
          + (isConverted ? [setting.converted.map { Self.text($0, isShort: isShort) } ?? ""] : [])
          + [Self.word(setting.verdict)]
      )
    }
    rows = rows.map { row in
      [Formatting.shortened(row[0], to: 30)]
        + row.dropFirst().map { Formatting.shortened($0, to: 16) }
    }
    let tones: [Tone] = [.plain] + shown.map { $0.isSame ? .plain : .different }
    return Array(zip(TextTable.lines(rows), tones)).map { ($0, $1) }
  }

  private static func word(_ verdict: SettingComparison.Verdict) -> String {
    switch verdict {
    case .same: ""
    case .convention: "means the same"
    case .different: "differs"
    }
  }

  private static func text(_ value: JSONValue?, isShort: Bool) -> String {
    switch value {
    case nil, .null?: "-"
    case .string(let text)?: text
    case .double(let number)?: Formatting.significant(number, 9)
    case .array(let values)? where isShort: Formatting.count(values.count, "word")
    case .some(let value): String(decoding: value.canonicalBytes, as: UTF8.self)
    }
  }

  private static func account(_ names: [String]) -> String {
    names.count <= 1 ? names.joined() : "\(names[0]), … (\(names.count))"
  }

  // MARK: What was converted

  private var translations: [(text: String, tone: Tone)] {
    // Weights and biases are converted apart, and mostly alike.
    var names: OrderedDictionary<String, [String]> = [:]
    for translation in comparison.translations {
      guard let words = Self.words(translation) else { continue }
      names[words, default: []] += translation.parameters
    }
    return Self.plain(
      names.flatMap { words, names in
        Formatting.paragraph("\(Self.account(names)): \(words)", indent: 0, hanging: 2)
      }
    )
  }

  /// What was done to buffers; nil if nothing was.
  private static func words(_ translation: StateTranslation) -> String? {
    if let obstacle = translation.obstacle { return "buffers are not comparable: \(obstacle)" }
    guard let conversion = translation.conversion else { return nil }
    let maps = conversion.buffers.map { $0.equation(from: "B", to: "A") }
    return "\(maps.isEmpty ? "no buffers" : maps.joined(separator: ", ")); \(conversion.verdict)"
  }

  // MARK: Arrays

  private var tensors: [(text: String, tone: Tone)] {
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
    let rest = 78 - widths.reduce(0) { $0 + $1 + 2 } - (verdicts.max() ?? 0)
    let longest = rows.map(\.name.count).max() ?? 0
    let width = max(12, min(longest, rest))
    var lines: [(text: String, tone: Tone)] = []
    let firstNumbers = rows.firstIndex { $0.numbers != nil }
    for (index, (row, comparison)) in zip(rows, shown).enumerated() {
      if index == firstNumbers {
        lines.append((ComparisonRow.line("", ComparisonRow.header, "", width, widths), .plain))
      }
      let tone: Tone = comparison.verdict.isSame ? .plain : .different
      let name = Formatting.shortened(row.name, to: width)
      if let numbers = row.numbers {
        lines.append((ComparisonRow.line(name, numbers, row.verdict, width, widths), tone))
      } else {
        lines.append(("\(Formatting.left(name, width))  \(row.verdict)", tone))
      }
      for detail in row.details {
        lines += Formatting.paragraph(detail, indent: 4).map { ($0, .plain) }
      }
    }
    return lines
  }

  private var stepByStep: [(text: String, tone: Tone)] {
    Self.plain(divergence.map { DivergenceView($0, showsAll: showsAll).lines } ?? [])
  }

  private var notes: [(text: String, tone: Tone)] {
    Self.plain(
      comparison.notes.flatMap { Formatting.paragraph("note: \($0)", indent: 0, hanging: 2) }
    )
  }

  // MARK: In short

  private var verdict: [(text: String, tone: Tone)] {
    let counts = TensorVerdict.allCases.reversed().map { verdict in
      (verdict, comparison.tensors.count { $0.verdict == verdict })
    }
    var phrases = counts.filter { $0.1 > 0 }.map {
      "\(Formatting.grouped($0.1)) \(Self.words($0.0))"
    }
    let settings = comparison.settings.count { !$0.isSame }
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
    return Formatting.paragraph(start + text, indent: 0, hanging: 2).map { ($0, tone) }
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
