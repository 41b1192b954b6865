import FlywheelCheckpoint
import FlywheelDialects
import FlywheelDiff
import FlywheelOptim
import FlywheelPlot

extension DifferenceReport {
  /// What came of it, in one sentence.
  var verdict: String {
    let tensors = comparison.tensors
    let settings = comparison.settings.count { !$0.isSame }
    var phrases: [String] = []
    let different = tensors.count { !$0.verdict.isSame }
    if different > 0 {
      phrases.append("\(different) of \(Self.count(tensors.count, "tensor")) differ")
    }
    if settings > 0 {
      phrases.append("\(Self.count(settings, "setting")) differ\(settings == 1 ? "s" : "")")
    }
    if let divergence, !divergence.isWithin {
      if let parting = divergence.parting {
        phrases.append("they part after \(Self.count(parting.step, "step"))")
      } else {
        phrases.append("tensors have no partners")
      }
    }
    guard !phrases.isEmpty else {
      let exact = tensors.count { $0.verdict == .identical }
      let words =
        exact == tensors.count
        ? "bit for bit" : "\(exact) of them bit for bit, the others within the tolerance"
      return "Same: \(Self.count(tensors.count, "tensor")), \(words)."
    }
    return "Different: \(phrases.joined(separator: ", "))."
  }

  func writeOverview(_ writer: inout HTMLWriter) {
    let pairs = comparison.tensors.count { $0.first != nil && $0.second != nil }
    writer.definitions([
      ("A", Self.account(of: comparison.first)), ("B", Self.account(of: comparison.second)),
      ("Partners", "\(Self.count(pairs, "pair")), found by \(comparison.pairing.rawValue)"),
      (
        "Allowed",
        "Two elements count as the same if |a − b| ≤ atol + rtol · max(|a|, |b|); "
          + "'All tensors' has the atol and rtol of each."
      ),
    ])
    writer.list(comparison.notes)
    writer.list(translations)
  }

  /// What was converted before buffers were compared, or why they were not.
  private var translations: [String] {
    comparison.translations.compactMap { translation in
      let names = Self.list(translation.parameters)
      if let obstacle = translation.obstacle {
        return "Buffers of \(names) are not comparable: \(obstacle)."
      }
      guard let conversion = translation.conversion else { return nil }
      return "Buffers of \(names) in B were brought into A's convention: \(conversion.verdict)."
    }
  }

  private static func account(of side: DiffInput) -> String {
    var phrases = [side.kind.rawValue]
    if let dialect = side.dialect {
      phrases.append(side.isRecognised ? "\(dialect.name) (recognised)" : dialect.name)
    }
    if let optimizer = side.checkpoint?.optimizer {
      phrases.append("rule \(optimizer.rule)")
      if side.knowsStep { phrases.append("after \(count(optimizer.step, "step"))") }
    }
    return "\(side.path): \(phrases.joined(separator: ", "))"
  }

  /// A number of things, for example `1 tensor` or `2,000 tensors`.
  static func count(_ number: Int, _ noun: String) -> String {
    "\(Numeral.grouped(number)) \(noun)\(number == 1 ? "" : "s")"
  }

  /// A few names, and how many there are besides.
  static func list(_ names: [String]) -> String {
    let shown = names.prefix(3).joined(separator: ", ")
    return names.count > 3 ? "\(shown) and \(names.count - 3) more" : shown
  }
}
