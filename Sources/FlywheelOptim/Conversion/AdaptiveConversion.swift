import FlywheelCore

/// The conversion between two rules that divide by a running second moment.
struct AdaptiveConversion {
  let source: RuleUse
  let old: AdaptiveRule
  let new: AdaptiveRule
  let given: Hyperparameters
  let moment: ConversionMoment

  /// The conversion, whatever comes of it.
  var conversion: RuleConversion {
    do throws(Mismatch) {
      return try converted(given)
    } catch {
      let others = given.values.isEmpty ? nil : try? converted(Hyperparameters())
      let target = RuleUse(
        source,
        under: .adaptive(new),
        Hyperparameters(.adaptive(new), given)
      )
      return RuleConversion(
        source,
        to: target,
        at: moment,
        impossible: others.map {
          Mismatch(.adaptive(new), given: given, needed: $0.target.hyperparameters).reason
        } ?? error.reason
      )
    }
  }

  private var sizes: TrainingSizes { source.sizes ?? TrainingSizes(batch: 1, training: 1) }
  private var rate: Double { source.hyperparameters.learningRate }
  /// The rate at which runs are compared: any but 0 does.
  private var reference: Double { rate == 0 ? 1 : rate }

  private func steps(
    _ rule: AdaptiveRule,
    _ numbers: Hyperparameters,
    _ sizes: TrainingSizes
  ) -> AdaptiveSteps {
    AdaptiveSteps(rule: rule, numbers: numbers, sizes: sizes, isWeight: source.isWeight)
  }

  private func converted(_ given: Hyperparameters) throws(Mismatch) -> RuleConversion {
    let before = steps(old, source.hyperparameters, sizes)
    try requireBatch(before)
    let finder = AdaptiveNumbers(source: before, rule: new, given: given, rate: reference)
    var numbers = try finder.found()
    try requireBatch(steps(new, numbers, sizes))
    let share = numbers.learningRate / reference
    let step: Int
    (numbers, step) = try corrected(numbers, before, given: given, share: share)
    let after = steps(new, numbers, sizes)
    guard (try? UpdateRule.adaptive(new).validate(numbers)) != nil else {
      throw Mismatch(reason: "'\(new.name)' does not take the numbers that make this run")
    }

    let free = freeNumbers(numbers)
    for name in free where given[name] == nil && name == .weightDecay {
      numbers[name] = numbers[name]?.off
    }
    if given[.learningRate] == nil, rate == 0 { numbers.learningRate = 0 }
    var remarks = remarks(before, after, step: step, share: share)
    let verdict = verdict(before, after, step: step, share: share, remarks: &remarks)
    return RuleConversion(
      source: source,
      target: RuleUse(source, under: .adaptive(new), numbers),
      buffers: try buffers(before, after, numbers),
      step: step,
      rateScale: share,
      verdict: verdict,
      free: free,
      remarks: remarks
    )
  }

  /// Checks that the size of a mini-batch is known if a rule depends on it.
  private func requireBatch(_ steps: AdaptiveSteps) throws(Mismatch) {
    guard source.sizes == nil else { return }
    let other = self.steps(steps.rule, steps.numbers, TrainingSizes(batch: 2, training: 1))
    guard steps.form(rate: 1, after: 1) == other.form(rate: 1, after: 1) else {
      throw Mismatch(
        reason: "'\(steps.rule.name)' needs the size m of a mini-batch, which is not known"
      )
    }
  }

  /// The numbers that this parameter does not feel.
  private func freeNumbers(_ numbers: Hyperparameters) -> Set<Hyperparameter> {
    var free = Set<Hyperparameter>()
    if numbers[.weightDecay] != nil {
      var others = numbers
      others[.weightDecay] = .number(numbers.weightDecay == 0.5 ? 0.25 : 0.5)
      let forms = [numbers, others].map {
        new.prepare($0, sizes: sizes, isWeight: source.isWeight)
      }
      if forms[0] == forms[1] { free.insert(.weightDecay) }
    }
    // What a moment starts from no longer matters once it is there.
    if numbers[.initialAccumulator] != nil, moment.hasBuffer { free.insert(.initialAccumulator) }
    return free
  }
}

// MARK: - Bias corrections

extension AdaptiveConversion {
  /// The numbers and the step count with which all steps are the source's, but for ε.
  ///
  /// The bias corrections may be switched on or off where there is a switch, or be made 1 by a count that
  /// is large enough.
  private func corrected(
    _ numbers: Hyperparameters,
    _ before: AdaptiveSteps,
    given: Hyperparameters,
    share: Double
  ) throws(Mismatch) -> (numbers: Hyperparameters, step: Int) {
    let now = before.form(rate: reference, after: moment.step)
    let isCorrected = now.rate != before.settled(rate: reference).rate
    let isOpen = numbers[.biasCorrection] != nil && given[.biasCorrection] == nil
    let choices = isOpen ? [isCorrected, !isCorrected] : [isCorrected]
    for count in [moment.step, settledCount(numbers)].compactMap(\.self) {
      for choice in choices {
        var others = numbers
        if isOpen { others[.biasCorrection] = .flag(choice) }
        let isSame = before.runs(
          as: steps(new, others, sizes),
          after: (moment.step, count),
          rates: [reference],
          share: share
        )
        if isSame { return (others, count) }
      }
    }
    let other = steps(new, numbers, sizes).form(rate: share * reference, after: moment.step)
    guard now.rate * now.insideRate != other.rate * other.insideRate else {
      throw Mismatch(reason: "no numbers of '\(new.name)' make this run")
    }
    throw Mismatch(
      reason: "'\(old.name)' and '\(new.name)' correct the bias of their moments in other ways: "
        + "of the same moments the next step is \(now.rate * now.insideRate) long in the one and "
        + "\(other.rate * other.insideRate) in the other, and that changes from step to step"
    )
  }

  /// A step count, a power of ten, from which on both bias corrections are 1; nil if there is none.
  private func settledCount(_ numbers: Hyperparameters) -> Int? {
    guard new.form.rate.mentions(.firstCorrection) || new.form.rate.mentions(.secondCorrection)
    else { return nil }
    let counts = sequence(first: 1_000_000) { $0 * 10 }.prefix { $0 <= 1_000_000_000_000 }
    return counts.first { count in
      let corrections = new.corrections(numbers, sizes: sizes, step: count)
      return corrections.first == 1 && corrections.second == 1
    }
  }
}

// MARK: - Verdict

extension AdaptiveConversion {
  private func verdict(
    _ before: AdaptiveSteps,
    _ after: AdaptiveSteps,
    step: Int,
    share: Double,
    remarks: inout [String]
  ) -> Verdict {
    let rates = [1, 0.6, 0.15].map { $0 * reference }
    let isScheduled =
      before.runs(as: after, after: (moment.step, step), rates: rates, share: share)
    let laws = [
      before.numbers.momentum != 0 && before.holdsRate != after.holdsRate
        ? "momentum_t would have to be \(before.numbers.momentum) "
          + (after.holdsRate ? "lr_t/lr_(t-1)" : "lr_(t-1)/lr_t") : nil,
      shrinkFollowsRate(before) != shrinkFollowsRate(after)
        ? "the weight decay would have to \(shrinkFollowsRate(before) ? "follow" : "undo") the rate"
        : nil,
    ].compactMap(\.self).joined(separator: ", ")
    let denominators = [0, 1, 1000].map { offset in
      (
        source: before.form(rate: reference, after: later(moment.step, offset)).denominator,
        target: after.form(rate: share * reference, after: later(step, offset)).denominator
      )
    }
    guard denominators.allSatisfy({ $0.source.isNear($0.target) }) else {
      if !isScheduled { remarks.append("under a schedule \(laws)") }
      remarks += denominators.prefix(1).compactMap(smallRemark)
      return .bounded(
        .denominator(source: denominators[0].source, target: denominators[0].target)
      )
    }
    return isScheduled ? .exact : .exactWhileRateIsConstant(otherwise: laws)
  }

  /// What ε would do better where a second moment is far below it, if one is under the root and the other
  /// is not.
  private func smallRemark(
    _ source: ErrorBound.Denominator,
    _ target: ErrorBound.Denominator
  ) -> String? {
    let isMoved = (source.inside == 0) != (target.inside == 0) && target.value(root: 0) > 0
    guard isMoved, source.inside == 0 || source.outside == 0 else { return nil }
    let floor = source.value(root: 0)
    let epsilon = target.inside == 0 ? floor : floor * floor
    return
      "where sqrt(s) is far below \(floor), an epsilon of \(epsilon) is closer, and farther off elsewhere"
  }

  private func later(_ step: Int, _ offset: Int) -> Int {
    let (later, isTooLarge) = step.addingReportingOverflow(offset)
    return isTooLarge ? .max : later
  }

  /// Whether decoupled decay is proportional to the learning rate.
  private func shrinkFollowsRate(_ steps: AdaptiveSteps) -> Bool {
    steps.settled(rate: reference).shrink != steps.settled(rate: 2 * reference).shrink
  }

  private func remarks(
    _ before: AdaptiveSteps,
    _ after: AdaptiveSteps,
    step: Int,
    share: Double
  ) -> [String] {
    var remarks: [String] = []
    let shorter = TrainingSizes(
      batch: sizes.batch > 1 ? sizes.batch - 1 : 2,
      training: sizes.training
    )
    let isSame = steps(old, before.numbers, shorter).runs(
      as: steps(new, after.numbers, shorter),
      after: (moment.step, step),
      rates: [reference],
      share: share
    )
    if !isSame { remarks.append(RuleConversion.batchRemark(sizes)) }
    if step != moment.step {
      remarks.append(
        "the step count is \(step) instead of \(moment.step), so that all bias corrections are 1"
      )
    }
    return remarks
  }
}

// MARK: - Buffers

extension AdaptiveConversion {
  private func buffers(
    _ before: AdaptiveSteps,
    _ after: AdaptiveSteps,
    _ numbers: Hyperparameters
  ) throws(Mismatch) -> [BufferConversion] {
    let kept = new.slotNames(numbers)
    let roles = [\AdaptiveRule.SlotNames.first, \.maximum, \.mean, \.momentum]
    let pairs =
      [(source: Optional(old.slots.second), target: Optional(new.slots.second))]
      + roles.map { (source: old.slots[keyPath: $0], target: new.slots[keyPath: $0]) }
    let start = old.secondStart(source.hyperparameters)
    guard moment.hasBuffer || new.secondStart(numbers) != start else { return [] }
    let scale = try momentumScale(before, after)
    return kept.compactMap { slot in
      guard let pair = pairs.first(where: { $0.target == slot }) else { return nil }
      guard moment.hasBuffer else {
        return BufferConversion(
          slot: slot,
          source: nil,
          map: BufferMap(scale: 0),
          constant: slot == new.slots.second ? start : 0
        )
      }
      let isMomentum = slot == new.slots.momentum
      return BufferConversion(
        slot: slot,
        source: pair.source,
        map: isMomentum ? BufferMap(scale: scale) : .identity
      )
    }
  }

  /// What a velocity is multiplied by, at the learning rate of the next step.
  private func momentumScale(
    _ before: AdaptiveSteps,
    _ after: AdaptiveSteps
  ) throws(Mismatch) -> Double {
    guard before.numbers.momentum != 0 else { return 1 }
    guard rate != 0 || before.holdsRate == after.holdsRate else {
      throw Mismatch(
        reason:
          "the learning rate of the next step is 0, and only one of the two velocities holds the "
          + "rate: take a step first"
      )
    }
    let (a, b) = (before.settled(rate: reference), after.settled(rate: after.numbers.learningRate))
    return (a.rate / b.rate).shortestDecimal
  }
}

extension ErrorBound.Denominator {
  /// Whether two divide by the same but for rounding.
  fileprivate func isNear(_ other: Self) -> Bool {
    [(inside, other.inside), (outside, other.outside)].allSatisfy { left, right in
      abs(left - right) <= 1e-13 * max(abs(left), abs(right))
    }
  }
}
