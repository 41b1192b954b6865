import FlywheelCore
import FlywheelOptim

/// An SGD-like trainer held against the rule that was meant.
struct MeantComparison {
  private let run: SeenRun
  private let rule: SGDRule
  private let hyperparameters: Hyperparameters
  private let sizes: TrainingSizes
  private let sides: [Side]

  /// Weights or biases on both sides.
  private struct Side {
    let step: SeenStep
    /// What the trainer does, without noise; nil if the dump does not show it all.
    let own: SGDForm<Double>?
    let meant: SGDForm<Double>

    var name: String { step.measurement.isWeight ? "weights" : "biases" }
    var ownMeaning: RunMeaning? { own.map(Self.meaning) }
    var meantMeaning: RunMeaning { Self.meaning(meant) }

    private static func meaning(_ form: SGDForm<Double>) -> RunMeaning {
      var undecayed = form
      (undecayed.c, undecayed.h) = (0, 0)
      return RunMeaning(form.normalForm, undecayed: undecayed.normalForm)
    }
  }

  init(_ run: SeenRun, rule: SGDRule, hyperparameters: Hyperparameters) {
    self.run = run
    self.rule = rule
    self.hyperparameters = hyperparameters
    let size = { (symbol: Formula.Symbol) in run.value(symbol).map { Int($0) } ?? 1 }
    let sizes = TrainingSizes(batch: size(.batchSize), training: size(.trainingSize))
    self.sizes = sizes
    sides = run.kinds.map { step in
      Side(
        step: step,
        own: run.form(of: step),
        meant: rule.resolve(
          hyperparameters,
          sizes: sizes,
          hasBuffer: true,
          isWeight: step.measurement.isWeight
        ).withoutOldBuffer
      )
    }
  }

  /// How the two stand to each other.
  var relation: RuleDifference.Relation {
    let kinds = [run.measurement.weights, run.measurement.biases].compactMap(\.self)
    guard kinds.count == sides.count else { return .other }
    let isKept = sides.allSatisfy { side in
      agrees(side, side.step.measurement.coefficients)
    }
    let isRun = sides.allSatisfy { agrees($0, $0.step.measurement.run) }
    let decides = sides.allSatisfy {
      [.whole, .withoutVelocity].contains($0.step.measurement.evidence)
    }
    guard decides else { return isKept ? .compatible : .other }
    // Of a first step nobody can tell how much of the velocity would have been kept.
    let isMomentumOpen = sides.contains { side in
      side.step.measurement.evidence == .whole && side.meant.a != 0
        && side.step.measurement.coefficients[.a] == nil
    }
    if isMomentumOpen { return isKept ? .compatible : .other }
    let hasBuffers = sides.allSatisfy { $0.step.measurement.evidence == .whole }
    return isKept && hasBuffers ? .same : isRun ? .sameRun : .other
  }

  private func agrees(_ side: Side, _ coefficients: [Coefficient: Estimate]) -> Bool {
    let form = side.meant.normalForm
    return coefficients.allSatisfy { name, estimate in
      guard let number = form.coefficient(name) else { return false }
      return estimate.isNear(number, share: side.step.measurement.share)
    }
  }

  // MARK: - What differs

  /// What differs, of weights first; of biases what is not said yet.
  var differences: [RuleDifference.Difference] {
    var found: [RuleDifference.Difference] = []
    for side in sides {
      guard let own = side.ownMeaning else { continue }
      let isAlone = side.step.measurement.isWeight || run.weights == nil
      let meant = side.meantMeaning
      // What the errors do not tell apart is no difference.
      let share = max(1e-6, side.step.measurement.share)
      var parts = own.differences(from: meant, beyond: share).compactMap {
        difference($0, side, own, meant)
      }
      parts += decayPlace(side)
      let known = Set(found.map(\.kind))
      found += parts.filter { !known.contains($0.kind) }.map { part in
        let start = isAlone || part.text.contains("bias") ? "" : "biases: "
        return RuleDifference.Difference(part.kind, start + part.text, ratio: part.ratio)
      }
    }
    guard found.isEmpty else { return found }
    return [RuleDifference.Difference(.other, rest)]
  }

  private func difference(
    _ difference: RunMeaning.Difference,
    _ side: Side,
    _ own: RunMeaning,
    _ meant: RunMeaning
  ) -> RuleDifference.Difference? {
    switch difference {
    case .steadyRate(let left, let right):
      let (rate, other) = (left * (1 - own.momentum), right * (1 - meant.momentum))
      let times = rate / other
      if let m = run.value(.batchSize), m > 1, abs(times - m) <= 1e-3 * m {
        return .init(
          .gradientSummed,
          "the gradient is summed over \(m.brief) samples: the learning rate is in effect "
            + "\(rate.brief) instead of \(other.brief), and momentum makes "
            + "1/(1 - mu) = \((left / rate).brief) times that of it, \(left.brief) a step for a "
            + "steady gradient",
          ratio: abs(left / right)
        )
      }
      return .init(
        .learningRate,
        "a steady gradient moves a \(side.step.measurement.isWeight ? "weight" : "bias") by "
          + "\(left.brief) times it a step, where \(right.brief) was meant: \(Self.times(left, right))",
        ratio: Self.ratio(left, right)
      )
    case .momentum(let left, let right):
      return .init(
        .momentum,
        "momentum keeps \(left.brief) of the last step, where \(right.brief) was meant",
        ratio: Self.ratio(left, right)
      )
    case .lookAhead(let isOwn):
      return .init(
        .lookAhead,
        isOwn
          ? "the trainer looks ahead (Nesterov), and '\(rule.name)' was meant without"
          : "'\(rule.name)' was meant to look ahead (Nesterov), and the trainer does not"
      )
    case .idleShrink(let left, let right):
      return decay(left, right, side)
    case .swinging(let isOwn):
      return .init(
        .decay,
        "a weight without gradient swings around 0 in \(isOwn ? "the trainer" : "'\(rule.name)'"), "
          + "not in the other one"
      )
    }
  }

  private func decay(_ left: Double, _ right: Double, _ side: Side) -> RuleDifference.Difference {
    let isBias = !side.step.measurement.isWeight
    let thing = isBias ? "bias" : "weight"
    let kind: RuleDifference.Difference.Kind = isBias && run.weights != nil ? .biasDecay : .decay
    if left == 0 {
      return .init(
        kind,
        "\(side.name) are not decayed: '\(rule.name)' was meant to shrink a \(thing) without "
          + "gradient by \(right.brief) a step"
      )
    }
    if right == 0 {
      return .init(
        kind,
        "\(side.name) are decayed, and were meant not to be: a \(thing) without gradient shrinks by "
          + "\(left.brief) a step"
      )
    }
    if left < 0 {
      return .init(
        kind,
        "a \(thing) without gradient grows by \((-left).brief) a step, and was meant to shrink"
      )
    }
    return .init(
      kind,
      "an idle \(thing), one without gradient, shrinks \(Self.times(left, right)) per step: "
        + "\(left.brief) against \(right.brief)",
      ratio: Self.ratio(left, right)
    )
  }

  /// Whether the decay goes through the velocity in one only.
  private func decayPlace(_ side: Side) -> [RuleDifference.Difference] {
    guard side.step.measurement.evidence == .whole, let own = side.own else { return [] }
    let places = [own, side.meant].map { form -> (isCoupled: Bool, isDecoupled: Bool) in
      let coupled = form.b == 0 ? 0 : form.c / form.b
      let direct = form.f * coupled - form.h
      return (coupled != 0, abs(direct) > 1e-9 * max(abs(form.h), abs(form.d * form.c)))
    }
    let (ours, theirs) = (places[0], places[1])
    if ours.isCoupled, ours.isDecoupled, !(theirs.isCoupled && theirs.isDecoupled) {
      return [
        .init(
          .decayPlace,
          "the decay is applied twice, through the velocity and past it; that of '\(rule.name)' once"
        )
      ]
    }
    if !ours.isCoupled, ours.isDecoupled, theirs.isCoupled, !theirs.isDecoupled {
      return [
        .init(
          .decayPlace,
          "the decay is decoupled, it passes the velocity by; that of '\(rule.name)' joins the "
            + "gradient and goes through the velocity, which multiplies it by 1/(1 - mu)"
        )
      ]
    }
    if ours.isCoupled, !ours.isDecoupled, theirs.isDecoupled, !theirs.isCoupled {
      return [
        .init(
          .decayPlace,
          "the decay goes through the velocity; that of '\(rule.name)' is decoupled and passes it by"
        )
      ]
    }
    return []
  }

  /// What is left to say where no number of meaning differs.
  private var rest: String {
    for side in sides {
      let form = side.meant.normalForm
      for (name, estimate) in side.step.measurement.coefficients.sorted(by: {
        $0.key.rawValue < $1.key.rawValue
      }) {
        guard let number = form.coefficient(name) else { continue }
        if !estimate.isNear(number, share: side.step.measurement.share) {
          return
            "\(name.rawValue) is \(estimate.value.text(digits: 8)) for \(side.name), and would "
            + "be \(number.text(digits: 8)) in '\(rule.name)'"
        }
      }
    }
    return "not all parameters are explained"
  }

  private static func ratio(_ left: Double, _ right: Double) -> Double? {
    let ratio = max(abs(left / right), abs(right / left))
    return ratio.isFinite ? ratio : nil
  }

  /// How many times as much or as little: `356x less`.
  private static func times(_ left: Double, _ right: Double) -> String {
    guard left * right > 0 else {
      return left == 0 ? "not at all" : right == 0 ? "though not at all" : "the other way"
    }
    guard let ratio = ratio(left, right), ratio >= 1.1 else {
      return abs(left) > abs(right) ? "a little more" : "a little less"
    }
    let text = ratio.text(digits: ratio < 1000 ? 3 : 4)
    return "\(text)x \(abs(left) > abs(right) ? "more" : "less")"
  }

  // MARK: - What it would take

  /// The calls that make the trainer's run, and what to know of them.
  var equivalents: ([RuleDifference.Equivalent], remarks: [String]) {
    var conversions: [(name: String, conversion: RuleConversion)] = []
    var remarks: [String] = []
    for side in sides {
      guard let own = side.own, let source = use(side, own),
        let conversion = try? RuleConversion(
          source,
          to: .sgd(rule),
          at: ConversionMoment(step: 1, hasBuffer: true)
        )
      else { continue }
      if case .impossible(let reason) = conversion.verdict {
        remarks.append("no numbers of '\(rule.name)' make this run of \(side.name): \(reason)")
      } else {
        conversions.append((side.name, conversion))
      }
    }
    let call = { (numbers: Hyperparameters) in UpdateRule.sgd(rule).call(numbers) }
    if sides.count == 2, conversions.count == 2,
      let common = conversions[0].conversion.numbers(with: conversions[1].conversion)
    {
      return ([.init(parameters: "all", call: call(common))], remarks)
    }
    let found = conversions.map { name, conversion in
      RuleDifference.Equivalent(
        parameters: sides.count == 1 ? "all" : name,
        call: call(conversion.target.hyperparameters)
      )
    }
    return (found, remarks)
  }

  /// The trainer's rule: a preset if it keeps its buffer as one does, else one of its own.
  private func use(_ side: Side, _ own: SGDForm<Double>) -> RuleUse? {
    let isWeight = side.step.measurement.isWeight
    if let name = run.naming.names.first, name.match != .part, name.open.isEmpty,
      name.unknownSize == nil
    {
      return RuleUse(
        rule: name.rule,
        hyperparameters: name.numbers(isWeight: isWeight),
        sizes: name.sizes,
        isWeight: isWeight
      )
    }
    let rate = abs(own.normalForm.q)
    guard rate > 0 else { return nil }
    return RuleUse(
      rule: .sgd(SGDRule(name: "this trainer", form: own, learningRate: rate)),
      hyperparameters: Hyperparameters([.learningRate: .number(rate)]),
      sizes: sizes,
      isWeight: isWeight
    )
  }

  /// The lines to change, in the trainer's own way of keeping its velocity.
  var changes: [RuleDifference.Change] {
    sides.flatMap { side -> [RuleDifference.Change] in
      guard let own = side.own else { return [] }
      let batch = run.summedOver
      let meant = side.meant.kept(as: own, batch: batch)
      let code = StepCode(isWeight: side.step.measurement.isWeight, batch: batch)
      let (before, after) = (code.lines(own), code.lines(meant))
      guard before.count == after.count else {
        return [
          RuleDifference.Change(
            parameters: side.name,
            before: before.joined(separator: "; "),
            after: after.joined(separator: "; ")
          )
        ]
      }
      return zip(before, after).filter { $0 != $1 }.map {
        RuleDifference.Change(parameters: side.name, before: $0, after: $1)
      }
    }
  }
}

extension SeenRun {
  /// What weights or biases do, without noise: as the first name says, or as the numbers round.
  func form(of step: SeenStep) -> SGDForm<Double>? {
    let isWeight = step.measurement.isWeight
    let isWhole = step.measurement.evidence == .whole
    if let name = naming.names.first,
      [.numbers, .undeclared].contains(name.match)
        || (name.match == .run && !isWhole)
    {
      return name.form(isWeight: isWeight)?.withoutOldBuffer
    }
    guard isWhole, step["d"] != nil else { return nil }
    let number = { (letter: String) -> Double in
      guard let estimate = step[letter], !estimate.isZero else { return 0 }
      return estimate.value.shortest(within: Estimate.reach * estimate.standardError)
    }
    return SGDForm(
      a: number("a"),
      b: number("b"),
      c: number("c"),
      d: number("d"),
      f: number("f"),
      h: number("h")
    )
  }
}

extension SGDForm<Double> {
  /// The same run with a velocity that is kept as another one is: with the learning rate inside or outside,
  /// as a sum of gradients or as their mean.
  ///
  /// - Parameters:
  ///   - other: The other form.
  ///   - batch: How many samples its gradient is summed over; nil if it is not.
  /// - Returns: The form.
  fileprivate func kept(as other: SGDForm<Double>, batch: Double?) -> SGDForm<Double> {
    guard b != 0, other.b != 0, d != 0, other.d != 0 else { return self }
    let isInside = abs(abs(other.d) - 1) < 1e-9
    let entering = other.b / (batch ?? 1)
    let isMean = abs(entering - (1 - other.a)) < 1e-9 && other.a != 0
    let scale = isInside ? d / other.d : (isMean ? 1 - a : entering) / b
    return SGDForm(a: a, b: scale * b, c: scale * c, d: d / scale, f: f, h: h)
  }
}
