import FlywheelCore
import FlywheelDiff

/// One line of the table of arrays.
struct ComparisonRow {
  /// What the columns of numbers are called.
  static let header = ["differ", "max |a-b|", "at", "ulp"]

  let name: String
  /// The columns of numbers; nil if no elements were compared.
  private(set) var numbers: [String]?
  private(set) var verdict: String
  /// What is said below.
  private(set) var details: [String] = []

  init(_ comparison: TensorComparison) {
    name = comparison.name
    verdict = Self.word(comparison)
    if let difference = comparison.difference {
      let place = difference.largestAbsolute
      numbers = [
        Formatting.grouped(difference.differingCount),
        place.map { Formatting.compact($0.value, 3) } ?? "-",
        place.map { Self.place($0.index, in: comparison.first?.description?.shape) } ?? "-",
        difference.largestULP.map { Formatting.compact($0.value, 2) } ?? "-",
      ]
    }
    let (first, second) = (comparison.first?.description, comparison.second?.description)
    if let first, let second {
      var changes: [String] = []
      if first.shape != second.shape { changes.append("\(first.shape) in A, \(second.shape) in B") }
      if first.element != second.element {
        changes.append("\(first.element) in A, \(second.element) in B")
      }
      if comparison.verdict == .shape {
        verdict = "shape " + changes.joined(separator: "; ")
      } else if !changes.isEmpty {
        details.append(changes.joined(separator: "; "))
      }
    }
    if let key = comparison.second?.key, let name = comparison.second?.name, key != name,
      comparison.first != nil, !comparison.verdict.isSame
    {
      let changes = (comparison.second?.changes ?? []).map { ", \($0)" }.joined()
      details.append("B: \(key)\(changes)")
    }
    if let reason = comparison.reason { details.append(reason) }
    if let difference = comparison.difference, comparison.verdict == .nonFinite {
      details.append(
        "NaN: \(difference.nanCounts.first) in A, \(difference.nanCounts.second) in B; infinity: "
          + "\(difference.infinityCounts.first) in A, \(difference.infinityCounts.second) in B"
      )
    }
  }

  private static func word(_ comparison: TensorComparison) -> String {
    switch comparison.verdict {
    case .identical: "identical"
    case .close: "close"
    case .different:
      comparison.excess.map { excess in
        excess.isFinite && excess > 1 ? "\(Formatting.compact(excess, 3))x" : "differs"
      } ?? "differs"
    case .nonFinite: "NaN or inf"
    case .dtype: "other type"
    case .shape: "other shape"
    case .incomparable: "not comparable"
    case .onlyFirst: "only in A\(Self.account(comparison.first?.description))"
    case .onlySecond: "only in B\(Self.account(comparison.second?.description))"
    }
  }

  private static func account(_ description: TensorDescription?) -> String {
    description.map { ": \($0.element) \($0.shape)" } ?? ""
  }

  private static func place(_ index: Int, in shape: Shape?) -> String {
    let position = shape?.position(of: index) ?? [index]
    return "(" + position.map(String.init).joined(separator: ",") + ")"
  }

  /// A line of the table but for the verdict.
  static func cells(
    _ name: String,
    _ numbers: [String],
    _ width: Int,
    _ widths: [Int]
  ) -> String {
    ([Formatting.left(name, width)] + zip(numbers, widths).map { Formatting.right($0, $1) })
      .map { $0 + "  " }.joined()
  }
}

extension Shape {
  /// Where an element lies along each axis.
  ///
  /// - Parameter index: Its number in row-major order.
  /// - Returns: Its indices, outermost first.
  func position(of index: Int) -> [Int] {
    var position: [Int] = []
    var rest = index
    for extent in extents.reversed() {
      position.append(rest % max(1, extent))
      rest /= max(1, extent)
    }
    return position.reversed()
  }
}
