/// Finds an adaptive rule's numbers for a run of another.
///
/// What plays a part in both forms carries over, whatever it is called; the learning rate and the decay
/// follow from what a rate or a decay of 1 would do.
struct AdaptiveNumbers {
  /// The run.
  let source: AdaptiveSteps
  let rule: AdaptiveRule
  let given: Hyperparameters
  /// The learning rate at which the run is looked at; not 0.
  let rate: Double

  /// A coefficient that both rules must have alike, and what to say of one that the rule has not.
  private struct Part {
    let of: KeyPath<AdaptiveForm<Formula>, Formula>
    let value: KeyPath<AdaptiveForm<Double>, Double>
    let name: String
    let lack: String
  }

  private static var parts: [Part] {
    [
      Part(of: \.firstKept, value: \.firstKept, name: "beta1", lack: "has no first moment"),
      Part(
        of: \.secondKept,
        value: \.secondKept,
        name: "alpha",
        lack: "averages squares otherwise"
      ),
      Part(of: \.centering, value: \.centering, name: "centered", lack: "divides by no deviation"),
      Part(
        of: \.maximum,
        value: \.maximum,
        name: "amsgrad",
        lack: "keeps no largest second moment"
      ),
      Part(of: \.momentum, value: \.momentum, name: "momentum", lack: "has no momentum"),
    ]
  }

  private func steps(_ numbers: Hyperparameters) -> AdaptiveSteps {
    AdaptiveSteps(rule: rule, numbers: numbers, sizes: source.sizes, isWeight: source.isWeight)
  }

  private func takes(_ name: Hyperparameter) -> Bool {
    rule.hyperparameters.contains { $0.name == name }
  }

  /// The numbers; a bias correction that is taken is as in the source, or off.
  ///
  /// - Throws: What the rule has not.
  /// - Returns: All that the rule takes.
  func found() throws(Mismatch) -> Hyperparameters {
    let carried = source.numbers.values.filter { takes($0.key) }
    var numbers = Hyperparameters(
      .adaptive(rule),
      Hyperparameters(carried).merging(given)
    )
    try checkRoles()
    let run = source.settled(rate: rate)
    for part in Self.parts {
      try set(part, to: run[keyPath: part.value], in: &numbers)
    }
    try setRate(for: run, in: &numbers)
    try setDecay(for: run, in: &numbers)
    setEpsilons(for: run, in: &numbers)
    if takes(.initialAccumulator), given[.initialAccumulator] == nil {
      numbers[.initialAccumulator] = .number(source.rule.secondStart(source.numbers))
    }
    return numbers
  }

  /// Checks that both keep the same moments.
  private func checkRoles() throws(Mismatch) {
    let (old, new) = (source.rule, rule)
    let families = "'\(old.name)' and '\(new.name)' are of different families: "
    guard (old.slots.first == nil) == (new.slots.first == nil) else {
      let name = old.slots.first == nil ? new.name : old.name
      throw Mismatch(reason: families + "only '\(name)' keeps a mean of gradients (beta1)")
    }
    guard (old.form.secondKept == 1) == (new.form.secondKept == 1) else {
      let (sums, averages) =
        old.form.secondKept == 1 ? (old.name, new.name) : (new.name, old.name)
      throw Mismatch(
        reason: families
          + "'\(sums)' sums squared gradients, and '\(averages)' averages them (alpha)"
      )
    }
    let decay = source.numbers.number(.learningRateDecay)
    guard decay == 0 || takes(.learningRateDecay) else {
      throw Mismatch(
        reason:
          "lr_decay \(decay) lets the learning rate fall by itself, and '\(rule.name)' has no "
          + "lr_decay"
      )
    }
  }

  private func set(
    _ part: Part,
    to value: Double,
    in numbers: inout Hyperparameters
  ) throws(Mismatch) {
    guard case .symbol(let symbol) = rule.form[keyPath: part.of],
      let definition = rule.hyperparameters.first(where: { $0.name == symbol.hyperparameter })
    else {
      guard steps(numbers).settled(rate: rate)[keyPath: part.value] != value else { return }
      throw Mismatch(
        reason: "the run has \(part.name)\(isFlag(part) ? "" : " \(value)"), and '\(rule.name)' "
          + part.lack
      )
    }
    let name = definition.name
    guard given[name] == nil else { return }
    numbers[name] =
      switch definition.fallback {
      case .number: .number(value)
      case .flag: .flag(value != 0)
      }
  }

  private func isFlag(_ part: Part) -> Bool {
    source.rule.hyperparameters.contains { $0.name.rawValue == part.name && $0.fallback.isFlag }
  }

  private func setRate(
    for run: AdaptiveForm<Double>,
    in numbers: inout Hyperparameters
  ) throws(Mismatch) {
    let unit = steps(numbers).settled(rate: 1)
    let found = run.insideRate * run.rate / (unit.insideRate * unit.rate)
    guard found.isFinite, found > 0 else {
      throw Mismatch(reason: "no learning rate of '\(rule.name)' makes this run's steps")
    }
    if given[.learningRate] == nil { numbers.learningRate = found.shortestDecimal }
  }

  private func setDecay(
    for run: AdaptiveForm<Double>,
    in numbers: inout Hyperparameters
  ) throws(Mismatch) {
    let isOpen = takes(.weightDecay) && given[.weightDecay] == nil
    if isOpen { numbers[.weightDecay] = .number(0) }
    guard isOpen, run.coupledDecay != 0 || run.shrink != 0 else {
      guard !takes(.weightDecay), run.coupledDecay != 0 || run.shrink != 0 else { return }
      throw Mismatch(reason: "\(decayPhrase(run)), and '\(rule.name)' has no weight decay")
    }
    var one = numbers
    one[.weightDecay] = .number(1)
    let unit = steps(one).settled(rate: numbers.learningRate)
    if unit.coupledDecay == 0, unit.shrink == 0 {
      throw Mismatch(reason: "\(decayPhrase(run)), and '\(rule.name)' decays weights only")
    }
    guard (unit.coupledDecay == 0) == (run.coupledDecay == 0) else {
      let way = unit.coupledDecay == 0 ? "shrinks weights past them" : "lets it join the gradient"
      throw Mismatch(
        reason:
          "\(decayPhrase(run)), and '\(rule.name)' \(way): coupled and decoupled decay are never "
          + "the same run where a second moment divides"
      )
    }
    let found =
      run.coupledDecay == 0 ? run.shrink / unit.shrink : run.coupledDecay / unit.coupledDecay
    numbers[.weightDecay] = .number(found.shortestDecimal)
  }

  private func decayPhrase(_ run: AdaptiveForm<Double>) -> String {
    let decay = "weight_decay \(source.numbers.weightDecay) of '\(source.rule.name)'"
    return run.coupledDecay == 0
      ? "\(decay) takes \(run.shrink) of a weight a step past the moments (decoupled)"
      : "\(decay) joins the gradient as \(run.coupledDecay) w and goes through the moments (coupled)"
  }

  /// The same ε's, as they are once all corrections are 1, in the same places if the rule has these, and
  /// otherwise where it has one.
  private func setEpsilons(for run: AdaptiveForm<Double>, in numbers: inout Hyperparameters) {
    var one = numbers
    one[.epsilon] = .number(1)
    one[.epsilonRoot] = .number(0)
    let unit = steps(one).settled(rate: rate)
    var inside = run.epsilonInside
    if takes(.epsilonRoot) {
      if given[.epsilonRoot] == nil { numbers[.epsilonRoot] = .number(inside.shortestDecimal) }
      inside = 0
    }
    guard takes(.epsilon), given[.epsilon] == nil else { return }
    let (own, other, gain) =
      unit.epsilonOutside == 0
      ? (inside, run.epsilonOutside, unit.epsilonInside)
      : (run.epsilonOutside, inside, unit.epsilonOutside)
    numbers[.epsilon] = .number(((own == 0 ? other : own) / gain).shortestDecimal)
  }
}

extension Hyperparameters.Value {
  /// Whether it is a switch.
  fileprivate var isFlag: Bool {
    if case .flag = self { true } else { false }
  }
}
