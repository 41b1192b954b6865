import FlywheelCore

/// The conversion between two SGD-like rules.
struct SGDConversion {
  let source: RuleUse
  let old: SGDRule
  let new: SGDRule
  let given: Hyperparameters
  let moment: ConversionMoment

  /// The conversion, whatever comes of it.
  var conversion: RuleConversion {
    do throws(Mismatch) {
      return try converted()
    } catch {
      let numbers = Hyperparameters(.sgd(new), given)
      let target = RuleUse(source, under: .sgd(new), numbers)
      return RuleConversion(source, to: target, at: moment, impossible: error.reason)
    }
  }

  private var sizes: TrainingSizes { source.sizes ?? TrainingSizes(batch: 1, training: 1) }
  private var rate: Double { source.hyperparameters.learningRate }
  /// The rate at which runs are compared: any but 0 does.
  private var reference: Double { rate == 0 ? 1 : rate }

  private func form(_ rule: SGDRule, _ numbers: Hyperparameters) -> ScheduledForm {
    form(rule, numbers, sizes)
  }

  private func form(
    _ rule: SGDRule,
    _ numbers: Hyperparameters,
    _ sizes: TrainingSizes
  ) -> ScheduledForm {
    ScheduledForm(rule, numbers, sizes: sizes, isWeight: source.isWeight)
  }

  private func converted() throws(Mismatch) -> RuleConversion {
    try requireSizes(old, source.hyperparameters)
    let before = form(old, source.hyperparameters)
    guard let run = MomentumRun(before.form(rate: reference)) else {
      throw Mismatch(
        reason: "with these numbers '\(old.name)' is neither heavy ball nor Nesterov momentum"
      )
    }
    var numbers = try numbers(for: run, before)
    try requireSizes(new, numbers)
    let after = form(new, numbers)
    let share = numbers.learningRate / reference
    let free = freeNumbers(numbers)
    for name in free where given[name] == nil { numbers[name] = numbers[name]?.off }

    let schedule = try schedule(run, before, numbers, share: share)
    numbers = schedule.numbers
    let verdict = schedule.verdict
    if given[.learningRate] == nil, rate == 0 { numbers.learningRate = 0 }
    let buffers = try buffers(before, numbers, share: share)
    return RuleConversion(
      source: source,
      target: RuleUse(source, under: .sgd(new), numbers),
      buffers: buffers,
      step: moment.step,
      rateScale: share,
      verdict: verdict,
      free: free,
      remarks: remarks(run, before, after, numbers, share: share)
    )
  }
}

// MARK: - Numbers

extension SGDConversion {
  private func numbers(
    for run: MomentumRun,
    _ before: ScheduledForm
  ) throws(Mismatch) -> Hyperparameters {
    // The same numbers, if they make the same run: nobody's digits change for nothing.
    var own = source.hyperparameters
    own.learningRate = reference
    let carried = Hyperparameters(.sgd(new), own.merging(given))
    if isSame(before, carried) { return carried }
    do throws(Mismatch) {
      return try found(run, before, given)
    } catch {
      guard !given.values.isEmpty, let others = try? found(run, before, Hyperparameters()) else {
        throw error
      }
      throw Mismatch(.sgd(new), given: given, needed: others)
    }
  }

  /// The first numbers that make the run: with its decay as it is, or re-parameterised.
  private func found(
    _ run: MomentumRun,
    _ before: ScheduledForm,
    _ given: Hyperparameters
  ) throws(Mismatch) -> Hyperparameters {
    let finder = SGDNumbers(
      rule: new,
      given: given,
      sizes: sizes,
      isWeight: source.isWeight,
      dampening: source.hyperparameters.dampening
    )
    func numbers(_ run: MomentumRun) throws(Mismatch) -> Hyperparameters {
      let numbers = try finder.found(for: run)
      guard isSame(before, numbers) else {
        throw Mismatch(reason: "no numbers of '\(new.name)' make this run")
      }
      return numbers
    }
    do throws(Mismatch) {
      return try numbers(run)
    } catch {
      guard error.isOfDecay, run.kind == .heavyBall else { throw error }
      if let coupled = run.withCoupledDecay, let found = try? numbers(coupled) { return found }
      if let decoupled = run.withDecoupledDecay {
        if let found = try? numbers(decoupled) { return found }
        throw error
      }
      var stand = run
      (stand.coupled, stand.shrink) = (0, 1e-3)
      guard (try? finder.found(for: stand)) != nil else { throw error }
      throw Mismatch(
        reason:
          "decoupled decay makes this run only while sqrt(lr lambda) <= 1 - sqrt(mu), and here "
          + "sqrt(\(run.coupled)) = \(run.coupled.squareRoot()) is above "
          + "1 - sqrt(\(run.momentum)) = \(1 - run.momentum.squareRoot())"
      )
    }
  }

  /// Whether numbers are in range and make the source's run at a constant rate.
  private func isSame(_ before: ScheduledForm, _ numbers: Hyperparameters) -> Bool {
    guard (try? UpdateRule.sgd(new).validate(numbers)) != nil else { return false }
    let after = form(new, numbers)
    let other = numbers.learningRate
    let invariants = before.form(rate: reference).normalForm.invariants
    return invariants.agrees(with: after.form(rate: other).normalForm.invariants)
      && before.runs(
        as: after,
        rates: [reference, reference, reference],
        share: other / reference
      )
  }

  /// Checks that the sizes that a rule's decay divides by are known.
  private func requireSizes(_ rule: SGDRule, _ numbers: Hyperparameters) throws(Mismatch) {
    guard source.sizes == nil else { return }
    func form(_ batch: Int, _ training: Int) -> SGDForm<Double> {
      self.form(rule, numbers, TrainingSizes(batch: batch, training: training)).form(rate: 1)
    }
    let needed = [
      form(1, 1) == form(2, 1) ? nil : "the size m of a mini-batch",
      form(1, 1) == form(1, 2) ? nil : "the size n of the training set",
    ].compactMap(\.self)
    guard needed.isEmpty else {
      throw Mismatch(
        reason: "'\(rule.name)' needs \(needed.joined(separator: " and ")), which is not known"
      )
    }
  }

  /// The numbers that this parameter does not feel.
  private func freeNumbers(_ numbers: Hyperparameters) -> Set<Hyperparameter> {
    func formulas(_ numbers: Hyperparameters) -> [SGDForm<Formula>] {
      [true, false].map { hasBuffer in
        new.prepare(numbers, sizes: sizes, hasBuffer: hasBuffer, isWeight: source.isWeight)
      }
    }
    var free = Set<Hyperparameter>()
    for name in SGDNumbers.decays + [.dampening] where numbers[name] != nil {
      var others = numbers
      others[name] = .number(numbers.number(name) == 0.5 ? 0.25 : 0.5)
      if formulas(others) == formulas(numbers) { free.insert(name) }
    }
    if numbers[.momentumCorrection] != nil, !new.keepsBuffer(numbers) {
      free.insert(.momentumCorrection)
    }
    return free
  }
}

// MARK: - Schedules

extension SGDConversion {
  /// Rates that rise and fall, to tell whether two rules part under a schedule.
  private var probe: [Double] { [1, 0.6, 0.15, 0.8, 0.8].map { $0 * reference } }

  private func schedule(
    _ run: MomentumRun,
    _ before: ScheduledForm,
    _ numbers: Hyperparameters,
    share: Double
  ) throws(Mismatch) -> (numbers: Hyperparameters, verdict: Verdict) {
    let takesCorrection = new.hyperparameters.contains { $0.name == .momentumCorrection }
    let isOpen =
      takesCorrection && given[.momentumCorrection] == nil && new.keepsBuffer(numbers)
    let isFollowed = moment.lastLearningRate != nil || !moment.hasBuffer
    func with(_ isCorrected: Bool) -> Hyperparameters {
      var others = numbers
      if isOpen { others[.momentumCorrection] = .flag(isCorrected) }
      return others
    }
    let wasCorrected = source.hyperparameters.isOn(.momentumCorrection)
    let choices =
      isOpen && (isFollowed || wasCorrected) ? [with(false), with(true)] : [with(false)]
    let follows = choices.filter {
      before.runs(as: form(new, $0), rates: probe, share: share)
    }
    if let plain = follows.first {
      let isScheduled = plain.isOn(.momentumCorrection) && !wasCorrected
      if !isScheduled { return (plain, .exact) }
      if !moment.isRateConstant {
        let after = form(new, plain)
        let law = momentumLaw(plain.momentum, holdsRate: after.holdsRate)
        return (plain, .exactWithScheduledMomentum(schedule: law))
      }
    }
    guard let after = MomentumRun(form(new, with(false)).form(rate: numbers.learningRate)) else {
      return (
        with(false), .exactWhileRateIsConstant(otherwise: "the decay would have to follow the rate")
      )
    }
    // Re-parameterised decay: is it the momentum alone that a schedule would have to change?
    let factor = { (last: Double) in
      let were = MomentumRun(before.form(rate: last))?.shrink ?? 0
      let are = MomentumRun(form(new, numbers).form(rate: share * last))?.shrink ?? 0
      return (1 - were) / (1 - run.shrink) * (1 - after.shrink) / (1 - are)
    }
    let scheduled = choices.first {
      before.runs(as: form(new, $0), rates: probe, share: share, momentum: factor)
    }
    if let scheduled, !moment.isRateConstant, follows.isEmpty {
      let bound = abs(run.shrink - after.shrink) / (1 - after.shrink)
      return (scheduled, .bounded(.momentum(share: bound)))
    }
    return (with(false), .exactWhileRateIsConstant(otherwise: laws(run, after, before, numbers)))
  }

  /// What the momentum would have to be at step t.
  private func momentumLaw(_ momentum: Double, holdsRate: Bool) -> String {
    "momentum_t = \(momentum) " + (holdsRate ? "lr_t/lr_(t-1)" : "lr_(t-1)/lr_t")
  }

  private func laws(
    _ run: MomentumRun,
    _ after: MomentumRun,
    _ before: ScheduledForm,
    _ numbers: Hyperparameters
  ) -> String {
    let target = form(new, numbers)
    var momentum = "\(after.momentum)"
    var laws: [String] = []
    if run.kind == .heavyBall, abs(run.shrink - after.shrink) > 1e-9 * max(run.shrink, after.shrink)
    {
      momentum = run.shrink > 0 ? "\(run.momentum) (1 - x_(t-1))" : "\(run.momentum)/(1 - x_(t-1))"
      laws.append("with x_t what the decoupled decay takes at step t")
    }
    // Momentum that follows the rate makes the run of the other placement.
    let isInside = target.holdsRate != target.isCorrected
    if isInside != (before.holdsRate != before.isCorrected) {
      momentum += isInside ? " lr_t/lr_(t-1)" : " lr_(t-1)/lr_t"
    }
    if momentum != "\(after.momentum)" {
      laws.insert("momentum_t would have to be \(momentum)", at: 0)
    } else {
      laws.append("the weight decay would have to follow the rate")
    }
    return laws.joined(separator: ", ")
  }
}

// MARK: - Buffers

extension SGDConversion {
  private func buffers(
    _ before: ScheduledForm,
    _ numbers: Hyperparameters,
    share: Double
  ) throws(Mismatch) -> [BufferConversion] {
    let after = form(new, numbers)
    if moment.hasBuffer, moment.lastLearningRate == nil, before.isCorrected != after.isCorrected {
      throw Mismatch(
        reason: "momentum_correction is on, and the learning rate of the last step is not known"
      )
    }
    let keeps = [before.form(rate: reference), after.form(rate: share * reference)]
      .contains { $0.normalForm.p != 0 }
    guard keeps else { return [] }
    guard
      let map = rate == 0
        ? mapAtRest(before, after, share: share) : map(before, after, share: share)
    else {
      throw Mismatch(
        reason:
          "the learning rate of the next step is \(rate), and how the buffer goes over depends on "
          + "it: take a step at another rate first"
      )
    }
    return try buffers(through: map, numbers)
  }

  private func map(_ before: ScheduledForm, _ after: ScheduledForm, share: Double) -> BufferMap? {
    let last = moment.lastLearningRate ?? rate
    return ScheduledForm.map(
      before.normalForm(rate: rate, last: last),
      to: after.normalForm(rate: share * rate, last: share * last)
    )
  }

  /// The map where the next step has no learning rate: that of any other rate, if all have the same.
  private func mapAtRest(
    _ before: ScheduledForm,
    _ after: ScheduledForm,
    share: Double
  ) -> BufferMap? {
    let maps = [reference, reference / 2].map { rate in
      ScheduledForm.map(
        before.form(rate: rate).normalForm,
        to: after.form(rate: share * rate).normalForm
      )
    }
    guard before.isCorrected == after.isCorrected, let one = maps[0], let other = maps[1],
      isNear(one.scale, other.scale), isNear(one.weightShare, other.weightShare)
    else { return nil }
    return one
  }

  private func buffers(
    through map: BufferMap,
    _ numbers: Hyperparameters
  ) throws(Mismatch) -> [BufferConversion] {
    let slot = SGDRule.slotName
    guard !moment.hasBuffer else { return [BufferConversion(slot: slot, source: slot, map: map)] }
    let first = firstForm(old, source.hyperparameters)
    let other = firstForm(new, numbers)
    if first.startsFromZeros {
      guard map.weightShare != 0 || !other.startsFromZeros else { return [] }
      let made = BufferMap(scale: 0, weightShare: map.weightShare)
      return [BufferConversion(slot: slot, source: nil, map: made)]
    }
    let (a, b) = (first.step, other.step)
    let moved = a.keeping(map)
    guard map.weightShare == 0, isNear(moved.b, b.b), isNear(moved.c, b.c), isNear(a.q, b.q),
      isNear(a.r, b.r)
    else {
      throw Mismatch(
        reason: "'\(old.name)' does not dampen the step that makes the buffer, and '\(new.name)' "
          + "has no such step: take one step first"
      )
    }
    return []
  }

  /// A rule's first step, and whether it is an ordinary one from a buffer of zeros.
  private func firstForm(
    _ rule: SGDRule,
    _ numbers: Hyperparameters
  ) -> (step: NormalForm, startsFromZeros: Bool) {
    let forms = [false, true].map { hasBuffer in
      rule.resolve(numbers, sizes: sizes, hasBuffer: hasBuffer, isWeight: source.isWeight)
        .normalForm
    }
    let (first, usual) = (forms[0], forms[1])
    let isUsual =
      first.b == usual.b && first.c == usual.c && first.q == usual.q && first.r == usual.r
    return (first, isUsual)
  }

  private func isNear(_ left: Double, _ right: Double) -> Bool {
    abs(left - right) <= 1e-12 * max(abs(left), abs(right))
  }
}

// MARK: - Remarks

extension SGDConversion {
  private func remarks(
    _ run: MomentumRun,
    _ before: ScheduledForm,
    _ after: ScheduledForm,
    _ numbers: Hyperparameters,
    share: Double
  ) -> [String] {
    var remarks: [String] = []
    let shorter = TrainingSizes(
      batch: sizes.batch > 1 ? sizes.batch - 1 : 2,
      training: sizes.training
    )
    let others = (form(old, source.hyperparameters, shorter), form(new, numbers, shorter))
    let rates = [reference, reference, reference]
    if !others.0.runs(as: others.1, rates: rates, share: share) {
      remarks.append(RuleConversion.batchRemark(sizes))
    }
    if let made = MomentumRun(after.form(rate: share * reference)), run.kind == .heavyBall,
      abs(made.momentum - run.momentum) > 1e-12
    {
      remarks.append(
        "coupled and decoupled decay are the same run with other numbers: momentum and decay belong "
          + "together now"
      )
    }
    return remarks
  }
}
