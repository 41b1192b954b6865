import FlywheelExplain
import FlywheelOptim
import OrderedCollections

/// An explanation as text that fits 80 columns: the answer first, then what it rests on.
enum ExplainView {
  static func lines(_ explanation: Explanation) -> [String] {
    var lines = Formatting.paragraph(explanation.verdict.joined(separator: " "), indent: 0)
    if let against = explanation.against { lines += [""] + AgainstView.lines(against) }
    for kind in shown(explanation.kinds) { lines += [""] + self.lines(of: kind) }
    lines += names(explanation.names)
    // What the verdict says need not be said twice.
    let verdict = explanation.verdict.joined(separator: " ")
    let findings = explanation.findings.map(\.text).filter { !verdict.contains($0.dropFirst()) }
    lines += list("What it does", findings)
    if !explanation.learningRates.isEmpty {
      lines += [""]
      lines += Formatting.wrapped(
        explanation.learningRates.map { Formatting.significant($0, 6) },
        after: "Learning rates, step by step: "
      )
    }
    lines += list(
      "What these dumps cannot show",
      explanation.notIdentifiable.map { "\($0.what): \($0.reason). To know, \($0.remedy)." }
    )
    return lines + list("How the files were read", explanation.notes)
  }

  /// Weights and biases; as one where they do the same.
  private static func shown(_ kinds: [Explanation.Kind]) -> [Explanation.Kind] {
    guard kinds.count == 2, kinds[0].equations == kinds[1].equations else { return kinds }
    var both = kinds[0]
    both.name = "weights and biases"
    both.parameters += kinds[1].parameters
    return [both]
  }

  private static func lines(of kind: Explanation.Kind) -> [String] {
    let steps = Formatting.count(kind.stepCount, "step")
    let arrays = Formatting.count(kind.parameters.count, "array")
    var lines = ["\(kind.name.uppercased()) (\(arrays), \(steps))"]
    lines += kind.equations.map { "  \($0)" }
    if kind.equations.contains(where: { $0.contains("c1") || $0.contains("c2") }) {
      lines.append("  where c1 = 1 - b1^t and c2 = 1 - b2^t")
    }
    lines += TextTable.lines(shown(kind.numbers).map(row), indent: 4).flatMap {
      Formatting.paragraph($0, indent: 0, hanging: 12)
    }
    if let worst = kind.fits.max(by: { $0.fit.residual < $1.fit.residual }) {
      let (residual, rounding) = (worst.fit.residual, worst.fit.rounding)
      lines.append(
        "    residual \(Formatting.significant(residual, 2)), where rounding leaves "
          + Formatting.significant(rounding, 2)
      )
    }
    return lines
  }

  /// The numbers of the equations: where those with the new velocity are known, not those with the old one.
  private static func shown(_ numbers: [Explanation.Number]) -> [Explanation.Number] {
    let letters = Set(numbers.map(\.letter))
    guard letters.isSuperset(of: ["d", "p"]) else { return numbers }
    return numbers.filter { !["p", "q", "r"].contains($0.letter) }
  }

  private static func row(_ number: Explanation.Number) -> [String] {
    let estimate = number.estimate
    let error = "+- " + Formatting.significant(estimate.standardError, 1)
    if estimate.isZero { return [number.letter, "0", error, ""] }
    let words = number.products.filter { $0.contains(where: \.isLetter) }
    let text = words.isEmpty ? "" : "= \(words.joined(separator: " or "))"
    return [number.letter, Formatting.significant(estimate.value, 8), error, text]
  }

  /// The presets that fit, those that keep the velocity alike together.
  private static func names(_ names: [RuleName]) -> [String] {
    var lines: [String] = []
    let groups: [(RuleName.Match, String)] = [
      (.numbers, "Steps of"), (.undeclared, "Steps of, with other numbers than declared"),
      (.run, "The same weights, the velocity kept another way"),
      (.part, "What was dumped fits"),
    ]
    for (match, heading) in groups {
      let found = names.filter { $0.match == match }
      guard !found.isEmpty else { continue }
      let hasMaps = found.contains { $0.bufferMap != nil }
      lines += ["", match == .run && !hasMaps ? "The weights go as with" : heading]
      var byMap = OrderedDictionary<BufferMap?, [RuleName]>()
      for name in found {
        byMap[match == .run ? name.bufferMap : nil, default: []].append(name)
      }
      for (map, names) in byMap {
        if let map {
          lines.append(map == .identity ? "  with other numbers:" : "  v~ = \(text(map)):")
        }
        for name in names.prefix(limit) {
          let rest = name.areBiasesUndecayed ? ", biases without decay" : ""
          lines += Formatting.paragraph(name.call + rest, indent: map == nil ? 2 : 4, hanging: 2)
        }
        let others = names.dropFirst(limit).map(\.rule.name)
        if !others.isEmpty {
          lines += Formatting.wrapped(others, after: (map == nil ? "  " : "    ") + "also ")
        }
      }
    }
    return lines
  }

  /// How many calls of a group are shown in full.
  private static let limit = 6

  private static func text(_ map: BufferMap) -> String {
    let terms: [(coefficient: Formula, name: String?)] = [
      (.constant(map.scale), "v"), (.constant(map.weightShare), "w"),
    ]
    return Formula.text(of: terms)
  }

  private static func list(_ heading: String, _ texts: [String]) -> [String] {
    guard !texts.isEmpty else { return [] }
    return ["", heading]
      + texts.flatMap { Formatting.paragraph("- \($0)", indent: 0, hanging: 2) }
  }
}
