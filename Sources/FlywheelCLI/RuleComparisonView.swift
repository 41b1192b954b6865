import FlywheelOptim

/// A comparison of two rules as text that fits 80 columns.
struct RuleComparisonView {
  private let comparison: RuleComparison
  /// What the two are called: their rules' names, or A and B for twice the same rule.
  private let names: (String, String)

  init(_ comparison: RuleComparison) {
    self.comparison = comparison
    names = Self.names(comparison.first.rule, comparison.second.rule)
  }

  private static func names(_ first: UpdateRule, _ second: UpdateRule) -> (String, String) {
    first.name == second.name ? ("A", "B") : (first.name, second.name)
  }

  /// The whole answer: what is compared, and how it is for weights, and for biases where that is other.
  static func lines(
    of pair: RulePair,
    weights: RuleComparison,
    biases: RuleComparison
  ) -> [String] {
    let common = weights.merging(biases)
    let (ofWeights, ofBiases) = (Self(common?.weights ?? weights), Self(common?.biases ?? biases))
    let lines = heading(pair)
    let parts = [\Self.table, \Self.verdict, \Self.conversion]
    // A reason that names the one where the other's names the other is the same reason.
    let words = { (lines: [String]) in
      lines.joined(separator: " ").split(separator: " ").map { $0 == "bias" ? "weight" : $0 }
    }
    let others = parts.filter { words(ofWeights[keyPath: $0]) != words(ofBiases[keyPath: $0]) }
    let shown = { (view: Self, parts: [KeyPath<Self, [String]>]) in
      parts.flatMap { [""] + view[keyPath: $0] }
    }
    guard !others.isEmpty else { return lines + shown(ofWeights, parts) }
    return lines + ["", "WEIGHTS"] + shown(ofWeights, parts) + ["", "BIASES"]
      + shown(ofBiases, others)
  }

  /// The two calls; and of an example the numbers, and the invariants as letters.
  private static func heading(_ pair: RulePair) -> [String] {
    var lines: [String] = []
    for side in [pair.first, pair.second] {
      lines += Formatting.paragraph(side.rule.call(side.hyperparameters), indent: 0, hanging: 2)
    }
    if !pair.examples.isEmpty {
      lines += Formatting.wrapped(pair.examples, after: "for example ")
    }
    guard pair.isExample, pair.first.rule != pair.second.rule else { return lines }
    for side in [pair.first, pair.second] {
      guard case .sgd(let rule) = side.rule else { continue }
      lines += ["", "\(rule.name), with any numbers:"]
      lines += RuleView.invariants(rule, side.hyperparameters.nesterov ? [.nesterov] : [])
    }
    return lines
  }

  // MARK: - Side by side

  private var table: [String] {
    var rows = [["", names.0, names.1]]
    let (first, second) = (comparison.first, comparison.second)
    if let one = RunMeaning(first), let other = RunMeaning(second) {
      let numbers: [(String, (RunMeaning) -> Double?)] = [
        ("T", \.invariants.trace), ("D", \.invariants.determinant), ("q", \.invariants.gradient),
        ("kappa", \.invariants.laggedGradient), ("a steady gradient moves it by", \.steadyRate),
        ("adds to the loss w^2/2 times", \.penalty),
        ("without a gradient it loses", \.idleShrink),
      ]
      for (name, number) in numbers {
        rows.append([name] + [one, other].map { number($0).map { Self.text($0) } ?? "it swings" })
      }
    } else {
      rows.append(["lr"] + [first, second].map { RulesTable.word($0.rule.learningRatePlacement) })
      rows.append(["decay"] + [first, second].map(Self.decay))
      rows.append(["divides by"] + [first, second].map(Self.denominator))
    }
    rows.append(["first step"] + [first, second].map { RulesTable.start($0.rule) })
    let lines = TextTable.lines(rows)
    return lines.contains { $0.count > 80 } ? stacked(rows) : lines
  }

  /// The same one below the other, for what is too long side by side.
  private func stacked(_ rows: [[String]]) -> [String] {
    rows.dropFirst().flatMap { row in
      [row[0]] + TextTable.lines([[names.0, row[1]], [names.1, row[2]]], indent: 2)
    }
  }

  private static func decay(_ use: RuleUse) -> String {
    let phrases = DecayPhrase.all(of: use.rule)
    guard use.isWeight || use.rule.decayScope == .all, !phrases.isEmpty else { return "none" }
    return phrases.map { "\($0.kind) \($0.strength)" }.joined(separator: ", ")
  }

  private static func denominator(_ use: RuleUse) -> String {
    guard case .adaptive(let rule) = use.rule else { return "nothing" }
    return form(rule, with: use.hyperparameters).denominator
  }

  /// A rule's form with its switches as they are, and 0 for what is 0: that is nothing to see.
  private static func form(
    _ rule: AdaptiveRule,
    with numbers: Hyperparameters
  ) -> AdaptiveForm<Formula> {
    let isOn = { (name: Hyperparameter) in numbers.number(name) != 0 }
    return rule.form(with: Set(UpdateRule.adaptive(rule).switches.filter(isOn))).map { formula in
      formula.substituting { symbol in
        symbol.hyperparameter.flatMap { numbers[$0] != nil && !isOn($0) ? 0 : nil }
      }
    }
  }

  /// A number in as many digits as tell invariants apart.
  private static func text(_ number: Double) -> String { Formatting.significant(number, 10) }

  // MARK: - In words

  private var verdict: [String] {
    let asGiven = comparison.asGiven
    if comparison.isSame {
      if case .exactWhileRateIsConstant(let otherwise) = asGiven.verdict {
        return Formatting.paragraph(
          "The same run while the learning rate is constant. Under a schedule \(otherwise).",
          indent: 0
        )
      }
      return ["The same run: the same weights, whatever the gradients are."]
    }
    let differences = differences
    if differences.isEmpty, comparison.conversion.verdict.isExact(whenRateIsConstant: true) {
      if comparison.needed == comparison.second.hyperparameters {
        return Formatting.paragraph(
          "Not the same run from the start, because the first steps differ; from the second step on "
            + "it is, if the velocity is converted.",
          indent: 0
        )
      }
    }
    let reasons = differences.isEmpty ? [reason] : differences
    return ["Not the same run:"]
      + reasons.flatMap { Formatting.paragraph("- \($0)", indent: 0, hanging: 2) }
  }

  /// Why the two cannot be the same, in the words of the conversion.
  private var reason: String {
    if case .impossible(let reason) = comparison.asGiven.verdict { return reason }
    return comparison.asGiven.verdict.description
  }

  /// What a person sees differ.
  var differences: [String] {
    guard let one = RunMeaning(comparison.first),
      let other = RunMeaning(comparison.second)
    else { return adaptiveDifferences }
    func both(_ what: String, _ left: Double, _ right: Double, _ rest: String = "") -> String {
      "\(what) \(Self.brief(left))\(rest) in \(names.0), \(Self.brief(right)) in \(names.1)"
        + Self.ratio(left, right)
    }
    return one.differences(from: other).map { difference in
      switch difference {
      case .steadyRate(let left, let right):
        both("a steady gradient moves a weight by", left, right, " times it a step")
      case .momentum(let left, let right):
        both("momentum keeps", left, right, " of the last step")
      case .lookAhead(let isFirst):
        "\(isFirst ? names.0 : names.1) looks ahead (Nesterov), "
          + "\(isFirst ? names.1 : names.0) does not"
      case .idleShrink(let left, let right):
        both("a weight without gradient shrinks by", left, right, " a step")
      case .swinging(let isFirst):
        "a weight without gradient swings around 0 in \(isFirst ? names.0 : names.1), "
          + "not in \(isFirst ? names.1 : names.0)"
      }
    }
  }

  /// What a person sees differ between two of Adam's kin: a number, or what is made of it.
  private var adaptiveDifferences: [String] {
    let (first, second) = (comparison.first, comparison.second)
    guard case .adaptive(let one) = first.rule, case .adaptive(let other) = second.rule else {
      return []
    }
    var lines: [String] = []
    func add(_ what: String, _ left: String, _ right: String) {
      guard left != right else { return }
      lines.append("\(what) \(left) in \(names.0), \(right) in \(names.1)")
    }
    for (name, value) in first.hyperparameters.ordered {
      guard let other = second.hyperparameters[name] else { continue }
      add("\(name.rawValue) is", value.text, other.text)
    }
    let decays = [first, second].map { use in
      use.hyperparameters.weightDecay == 0 ? "none" : Self.decay(use)
    }
    add("the decay is", decays[0], decays[1])
    add("the gradient is divided by", Self.denominator(first), Self.denominator(second))
    let rates = [(first, one), (second, other)].map { use, rule in
      let form = Self.form(rule, with: use.hyperparameters)
      return "\((form.rate * form.insideRate).simplified)"
    }
    add("and multiplied by", rates[0], rates[1])
    add(
      "s starts from",
      "\(one.secondStart(first.hyperparameters))",
      "\(other.secondStart(second.hyperparameters))"
    )
    return lines
  }

  private static func brief(_ number: Double) -> String { Formatting.significant(number, 4) }

  /// How many times as much the larger is.
  private static func ratio(_ left: Double, _ right: Double) -> String {
    let ratio = max(abs(left / right), abs(right / left))
    guard ratio.isFinite, ratio >= 1.1 else { return "" }
    let times =
      ratio >= 1000 && ratio < 1e9
      ? Formatting.grouped(Int(ratio.rounded())) : Formatting.significant(ratio, 3)
    return ": a ratio of \(times)"
  }

  // MARK: - What it would take

  private var conversion: [String] {
    let conversion = comparison.conversion
    if case .impossible(let reason) = conversion.verdict {
      return Formatting.paragraph(
        "No numbers of '\(comparison.second.rule.name)' make the run of \(names.0): \(reason).",
        indent: 0
      )
    }
    let target = conversion.target
    var lines = ["To go on in \(names.1) with a run of \(names.0):"]
    lines += Formatting.paragraph(target.rule.call(comparison.needed), indent: 2, hanging: 2)
    let (kept, changed) = (
      conversion.buffers.filter(isKept), conversion.buffers.filter { !isKept($0) }
    )
    if !kept.isEmpty {
      lines += Formatting.wrapped(kept.map(\.slot), after: "  as they are: ")
    }
    for buffer in changed {
      lines += Formatting.paragraph(text(buffer), indent: 2, hanging: 2)
    }
    lines += Formatting.paragraph("\(conversion.verdict)", indent: 2)
    for remark in conversion.remarks { lines += Formatting.paragraph(remark, indent: 2) }
    return lines
  }

  /// Whether a buffer of Adam's kin stays as it is; of a velocity even that is worth an equation.
  private func isKept(_ buffer: BufferConversion) -> Bool {
    buffer.slot != SGDRule.slotName && buffer.slot == buffer.source && buffer.map == .identity
      && buffer.constant == 0
  }

  /// A buffer's map as an equation: `v_keras = -0.01 v_pytorch`.
  private func text(_ buffer: BufferConversion) -> String {
    var terms: [(coefficient: Formula, name: String?)] = []
    if let source = buffer.source {
      terms.append((.constant(buffer.map.scale), "\(letter(source))_\(names.0)"))
    }
    terms.append((.constant(buffer.map.weightShare), "w"))
    terms.append((.constant(buffer.constant), nil))
    return "\(letter(buffer.slot))_\(names.1) = \(Formula.text(of: terms))"
  }

  private func letter(_ slot: String) -> String { slot == SGDRule.slotName ? "v" : slot }
}
