import FlywheelOptim

extension Explanation {
  /// Explains an Adam-like trainer; nil if no rule of the family explains its steps.
  ///
  /// - Parameters:
  ///   - found: What its dumps show.
  ///   - sizes: The sizes of mini-batch and training set; nil if nobody knows them.
  ///   - meant: The rule that was meant, with its numbers; nil if none is given.
  ///   - notes: How the files were understood.
  init?(
    _ found: AdaptiveExplanation,
    sizes: TrainingSizes?,
    against meant: (rule: UpdateRule, hyperparameters: Hyperparameters)?,
    notes: [String]
  ) {
    let measured = [found.weights, found.biases].compactMap(\.self)
    guard let first = found.rules.first else {
      // Without buffers another family may do better.
      guard let reason = found.findings.first,
        measured.contains(where: { $0.evidence != .withoutVelocity })
      else { return nil }
      self.init(
        family: nil,
        verdict: [Self.sentence(reason.text)],
        kinds: measured.map { Kind($0, equations: []) },
        findings: found.findings,
        notes: notes,
        against: meant.map { meant in
          RuleDifference(
            found,
            sizes: sizes ?? TrainingSizes(batch: 1, training: 1),
            meant: meant.rule,
            meant.hyperparameters
          )
        }
      )
      return
    }
    let sizes = sizes ?? TrainingSizes(batch: 1, training: 1)
    let others = found.rules.count - 1
    let equations = first.rule.equations(under: first.hyperparameters)
    self.init(
      family: .adaptive,
      verdict: ["These are steps of \(first.call)" + Self.others(others)]
        + first.mistakes.prefix(2).map(Self.sentence),
      kinds: measured.map { Kind($0, equations: equations) },
      names: found.rules.map { reading in
        RuleName(
          rule: reading.rule,
          hyperparameters: reading.hyperparameters,
          areBiasesUndecayed: reading.areBiasesUndecayed,
          open: [],
          sizes: sizes,
          unknownSize: nil,
          match: .numbers,
          bufferMap: nil
        )
      },
      findings: found.findings.filter(\.isMistake) + found.findings.filter { !$0.isMistake },
      notIdentifiable: found.openQuestions,
      learningRates: measured.first?.learningRates.map(\.learningRate.value) ?? [],
      alignment: measured.first?.alignment ?? Alignment(),
      notes: notes,
      against: meant.map { meant in
        RuleDifference(found, sizes: sizes, meant: meant.rule, meant.hyperparameters)
      }
    )
  }
}

extension Explanation.Kind {
  fileprivate init(_ measured: AdaptiveMeasurement, equations: [String]) {
    self.init(
      name: measured.isWeight ? "weights" : "biases",
      parameters: measured.names,
      evidence: measured.evidence.rawValue,
      equations: equations,
      numbers: AdaptiveQuantity.allCases.compactMap { quantity in
        measured.estimates[quantity].map {
          Explanation.Number(letter: quantity.rawValue, estimate: $0)
        }
      },
      fits: measured.fits.sorted { $0.key.rawValue < $1.key.rawValue }
        .map { Explanation.Fit(line: $0.key.rawValue, fit: $0.value) },
      stepCount: measured.steps.count,
      elementCount: measured.elementCount
    )
  }
}

extension RuleDifference {
  /// Holds what fits an Adam-like trainer against the rule that was meant.
  init(
    _ found: AdaptiveExplanation,
    sizes: TrainingSizes,
    meant rule: UpdateRule,
    _ hyperparameters: Hyperparameters
  ) {
    self.init(found.rules, sizes: sizes, meant: rule, hyperparameters)
    // Bias corrections that may be in single precision hide what is smaller than their rounding.
    let measured = [found.weights, found.biases].compactMap(\.self)
    let isLoose = measured.contains { $0.fits.values.contains { $0.rounding > 1e-5 } }
    if isLoose, relation != .other { relation = .compatible }
    guard relation == .other, let share = found.departure(of: rule, hyperparameters) else { return }
    differences.append(
      Difference(
        .other,
        "from the states that were dumped, steps of '\(rule.name)' as it was meant would have ended "
          + "\((100 * share).text(digits: 2)) % of a step away"
      )
    )
  }

  private init(
    _ readings: [AdaptiveReading],
    sizes: TrainingSizes,
    meant rule: UpdateRule,
    _ hyperparameters: Hyperparameters
  ) {
    self.init(rule: rule, hyperparameters: hyperparameters, relation: .other)
    // The reading of the same rule says more than that of another one.
    let sorted = readings.filter { $0.rule == rule } + readings.filter { $0.rule != rule }
    guard let reading = sorted.first else { return }
    if let same = readings.first(where: { $0.rule == rule }),
      Self.agree(same.hyperparameters, hyperparameters), same.mistakes.isEmpty
    {
      relation = same.areBiasesUndecayed ? .other : .same
      if same.areBiasesUndecayed {
        differences = [
          Difference(.biasDecay, "biases are not decayed, where they were meant to be")
        ]
      }
      return
    }
    differences = reading.mistakes.map { Difference(.other, $0) }
    guard reading.rule != rule else {
      differences += Self.differing(reading.hyperparameters, hyperparameters).map { name in
        let (own, meant) = (reading.hyperparameters.number(name), hyperparameters.number(name))
        return Difference(
          name == .learningRate ? .learningRate : name == .weightDecay ? .decay : .other,
          "\(name.rawValue) is \(own.text(digits: 6)), where \(meant.text(digits: 6)) was meant",
          ratio: Self.ratio(own, meant)
        )
      }
      return
    }
    let use = RuleUse(
      rule: reading.rule,
      hyperparameters: reading.hyperparameters,
      sizes: sizes,
      isWeight: true
    )
    let moment = ConversionMoment(step: 1, hasBuffer: true)
    guard let conversion = try? RuleConversion(use, to: rule, at: moment) else { return }
    changes = Self.changes(
      reading.rule.equations(under: reading.hyperparameters),
      rule.equations(under: hyperparameters)
    )
    if case .impossible(let reason) = conversion.verdict {
      differences.append(Difference(.other, reason))
      return
    }
    if reading.mistakes.isEmpty, Self.isSameRun(use, rule, hyperparameters) {
      relation = .sameRun
      changes = []
      return
    }
    differences.append(Difference(.other, "the steps are those of \(reading.call)"))
    let own = conversion.target.hyperparameters
    if Self.isSameRun(use, rule, own) {
      equivalents = [Equivalent(parameters: "all", call: rule.call(own))]
    } else if !conversion.verdict.isExact(whenRateIsConstant: true) {
      remarks = ["\(conversion.verdict)"]
    }
  }

  /// The lines that differ, by what they give a value to.
  private static func changes(_ own: [String], _ meant: [String]) -> [Change] {
    let left = { (line: String) in String(line.prefix { $0 != "=" }) }
    let none = "(nothing)"
    let given = meant.map(left)
    return meant.compactMap { line in
      let before = own.first { left($0) == left(line) }
      return before == line ? nil : Change(parameters: "all", before: before ?? none, after: line)
    }
      + own.filter { !given.contains(left($0)) }
      .map { Change(parameters: "all", before: $0, after: none) }
  }

  /// Whether a rule makes the same weights with its own numbers from the first step on: one that would have
  /// to begin with other buffers, or with another step count, makes others.
  private static func isSameRun(
    _ use: RuleUse,
    _ rule: UpdateRule,
    _ hyperparameters: Hyperparameters
  ) -> Bool {
    let start = ConversionMoment(step: 0, hasBuffer: false)
    guard let given = try? RuleConversion(use, to: rule, with: hyperparameters, at: start),
      let found = try? RuleConversion(use, to: rule, at: start)
    else { return false }
    return [given, found].allSatisfy {
      $0.verdict.isExact(whenRateIsConstant: true) && $0.buffers.isEmpty && $0.step == 0
    } && agree(found.target.hyperparameters, hyperparameters)
  }

  private static func differing(
    _ own: Hyperparameters,
    _ meant: Hyperparameters
  ) -> [Hyperparameter] {
    let names = (own.ordered + meant.ordered).map(\.name)
    var seen = Set<Hyperparameter>()
    return names.filter { name in
      let (left, right) = (own.number(name), meant.number(name))
      return seen.insert(name).inserted
        && abs(left - right) > 1e-3 * max(abs(left), abs(right))
    }
  }

  private static func agree(_ own: Hyperparameters, _ meant: Hyperparameters) -> Bool {
    differing(own, meant).isEmpty
  }

  private static func ratio(_ left: Double, _ right: Double) -> Double? {
    let ratio = max(abs(left / right), abs(right / left))
    return ratio.isFinite ? ratio : nil
  }
}
