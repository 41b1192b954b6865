import FlywheelCore
import FlywheelDiff
import FlywheelPlot

extension DifferenceReport {
  /// More bars than this nobody reads; the table has them all.
  private static let mostBars = 24
  /// Tables with more rows are folded.
  private static let mostRows = 60

  // MARK: Bars

  func writeBars(_ writer: inout HTMLWriter) {
    let drawn = comparison.tensors.compactMap { comparison in
      comparison.difference?.largestAbsolute.map { (comparison, $0.value) }
    }
    guard !drawn.isEmpty else {
      writer.leaf(
        "p",
        [],
        "No finite elements differ in any tensor that both have in one shape; 'All tensors' has the rest."
      )
      return
    }
    let chart = BarChart(
      title: "Largest difference in each tensor",
      axisTitle: "largest |a − b|",
      legend: .init(full: "beyond what is allowed", empty: "within", mark: "allowed there"),
      bars: drawn.prefix(Self.mostBars).map { comparison, value in
        BarChart.Bar(
          name: comparison.name,
          value: value,
          mark: comparison.excess.flatMap { $0.isFinite && $0 > 0 ? value / $0 : nil },
          isFull: !comparison.verdict.isSame,
          note: Self.excess(comparison)
        )
      }
    )
    var caption = "The largest difference between two elements of each tensor, the worst first. "
    if drawn.count > Self.mostBars {
      caption += "\(drawn.count - Self.mostBars) more differ; 'All tensors' has them. "
    }
    let equal = comparison.tensors.count {
      $0.difference != nil && $0.difference?.largestAbsolute == nil
    }
    if equal > 0 { caption += "Not drawn: \(Self.count(equal, "tensor")) without a difference." }
    writer.figure(caption, svg: chart.svg)
  }

  /// How far the worst pair is beyond what is allowed, in words.
  private static func excess(_ comparison: TensorComparison) -> String {
    guard let excess = comparison.excess else { return word(comparison.verdict) }
    return excess.isFinite ? "\(brief(excess))× allowed" : "nothing allowed"
  }

  // MARK: The table

  func writeTensors(_ writer: inout HTMLWriter) {
    let table = table
    guard table.rows.count > Self.mostRows else {
      writer.table(table)
      return
    }
    writer.details("Show \(Self.count(table.rows.count, "tensor"))") { $0.table(table) }
  }

  private var table: HTMLTable {
    let numbers = [
      "elements", "differ", "beyond", "largest |a − b|", "at", "a there", "b there",
      "times allowed",
      "largest relative", "largest ULP", "RMS of a − b", "cosine", "rtol", "atol", "NaN in A, B",
      "infinite in A, B",
    ]
    return HTMLTable(
      caption: "Every tensor, the worst first",
      columns: [
        .init(title: "tensor"), .init(title: "verdict"), .init(title: "type"),
        .init(title: "shape"),
      ] + numbers.map { .init(title: $0, isNumeric: true) },
      rows: comparison.tensors.map(Self.row)
    )
  }

  private static func row(_ comparison: TensorComparison) -> [HTMLTable.Cell] {
    let (first, second) = (comparison.first?.description, comparison.second?.description)
    let (types, shapes) = (
      pair(first.map { "\($0.element)" }, second.map { "\($0.element)" }),
      pair(first.map { "\($0.shape)" }, second.map { "\($0.shape)" })
    )
    var cells: [HTMLTable.Cell] = [
      .init(comparison.name),
      .init(
        word(comparison.verdict) + (comparison.reason.map { ": \($0)" } ?? ""),
        comparison.verdict.isSame ? .good : .bad
      ), .init(types), .init(shapes),
    ]
    guard let difference = comparison.difference else {
      return cells + Array(repeating: "–", count: 16)
    }
    let worst = difference.largestAbsolute
    let place = worst.map { position(of: $0.index, in: first?.shape) }
    cells += [
      .init(Numeral.grouped(difference.count)), .init(Numeral.grouped(difference.differingCount)),
      .init(Numeral.grouped(difference.outsideCount)), number(worst?.value), .init(place ?? "–"),
      number(comparison.worstElements?.first), number(comparison.worstElements?.second),
      number(comparison.excess), number(difference.largestRelative?.value),
      number(difference.largestULP?.value), number(difference.rootMeanSquare),
      .init(difference.cosine.map { "\($0)" } ?? "–"), number(comparison.tolerance?.relative),
      number(comparison.tolerance?.absolute), .init(sides(difference.nanCounts)),
      .init(sides(difference.infinityCounts)),
    ]
    return cells
  }

  private static func number(_ value: Double?) -> HTMLTable.Cell {
    .init(value.map(Numeral.short) ?? "–")
  }

  private static func sides(_ sides: TensorDifference.Sides) -> String {
    "\(Numeral.grouped(sides.first)), \(Numeral.grouped(sides.second))"
  }

  private static func pair(_ first: String?, _ second: String?) -> String {
    guard let first, let second else { return first ?? second ?? "–" }
    return first == second ? first : "\(first) in A, \(second) in B"
  }

  /// Where an element lies along each axis.
  private static func position(of index: Int, in shape: Shape?) -> String {
    var position: [Int] = []
    var rest = index
    for extent in shape?.extents.reversed() ?? [] {
      position.append(rest % max(1, extent))
      rest /= max(1, extent)
    }
    return "(\(position.reversed().map(String.init).joined(separator: ", ")))"
  }

  private static func brief(_ number: Double) -> String {
    number >= 100 || number < 0.01 ? Numeral.short(number) : "\((number * 100).rounded() / 100)"
  }

  /// What comes of a tensor, in words.
  static func word(_ verdict: TensorVerdict) -> String {
    switch verdict {
    case .identical: "identical"
    case .close: "within tolerance"
    case .different: "beyond tolerance"
    case .nonFinite: "NaN or infinity on one side"
    case .dtype: "another type"
    case .shape: "another shape"
    case .incomparable: "not comparable"
    case .onlyFirst: "only in A"
    case .onlySecond: "only in B"
    }
  }
}
