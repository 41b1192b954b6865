import FlywheelCore

/// Finds an SGD-like rule's numbers for a run.
///
/// Its formulas are evaluated where a number is 1: what a run is, is proportional to the learning rate and
/// to each decay, so that m, n, 1 − μ, 1 − τ and the 2 of a penalty come out by themselves.
struct SGDNumbers {
  let rule: SGDRule
  let given: Hyperparameters
  let sizes: TrainingSizes
  let isWeight: Bool
  /// What stays if the run leaves it open.
  let dampening: Double

  /// The decays there are, in the order they are tried.
  static let decays: [Hyperparameter] = [.weightDecay, .l2, .biasL2]

  private var taken: Set<Hyperparameter> { Set(rule.hyperparameters.map(\.name)) }
  private var kind: String { isWeight ? "weight" : "bias" }

  private func run(_ numbers: Hyperparameters, rate: Double) -> MomentumRun? {
    let form = ScheduledForm(rule, numbers, sizes: sizes, isWeight: isWeight)
    return MomentumRun(form.form(rate: rate))
  }

  /// The numbers.
  ///
  /// - Parameter run: What they are to make.
  /// - Throws: The number that there is not.
  /// - Returns: All that the rule takes.
  func found(for run: MomentumRun) throws(Mismatch) -> Hyperparameters {
    var numbers = Hyperparameters(.sgd(rule), given)
    func set(_ name: Hyperparameter, _ value: Hyperparameters.Value) {
      if taken.contains(name), given[name] == nil { numbers[name] = value }
    }
    set(.momentum, .number(run.momentum))
    set(.nesterov, .flag(run.kind == .nesterov))
    if run.kind == .heavyBall { set(.dampening, .number(dampening)) }
    try setRate(for: run, in: &numbers)
    try setDecays(for: run, in: &numbers)
    return numbers
  }

  private func setRate(for run: MomentumRun, in numbers: inout Hyperparameters) throws(Mismatch) {
    var bare = numbers
    for name in Self.decays { bare[name] = nil }
    guard var unit = self.run(bare, rate: 1), unit.kind == run.kind else {
      throw Mismatch(reason: kindReason(run))
    }
    if unit.rate * run.rate < 0, taken.contains(.maximize), given[.maximize] == nil {
      (bare[.maximize], numbers[.maximize]) = (.flag(true), .flag(true))
      unit = self.run(bare, rate: 1) ?? unit
    }
    guard unit.rate * run.rate >= 0 else {
      let (does, never) =
        run.rate < 0 ? ("climbs (maximize)", "descends") : ("descends", "climbs (maximize)")
      throw Mismatch(reason: "the run \(does), and '\(rule.name)' \(never)")
    }
    guard unit.rate != 0, run.rate != 0 else {
      throw Mismatch(
        reason: "no gradient ever reaches the weights, so that no learning rate can be told"
      )
    }
    guard given[.learningRate] == nil else { return }
    numbers.learningRate = (run.rate / unit.rate).shortestDecimal
  }

  private func kindReason(_ run: MomentumRun) -> String {
    let has = "the run has \(run.kind.rawValue) \(run.momentum)"
    if let momentum = given[.momentum], momentum.number != run.momentum {
      return "\(run.kind == .plain ? "the run has no momentum" : has), "
        + "and momentum \(momentum.text) is given"
    }
    switch run.kind {
    case .plain:
      return "the run has no momentum, and '\(rule.name)' always has"
    case _ where !taken.contains(.momentum):
      return "\(has), and '\(rule.name)' has no momentum"
    case .nesterov:
      return "\(has), and '\(rule.name)' does not look ahead"
        + (given[.nesterov] == nil ? "" : " with nesterov off, as given")
    case .heavyBall:
      return "\(has), and '\(rule.name)' always looks ahead"
        + (given[.nesterov] == nil ? "" : " with nesterov on, as given")
    }
  }

  /// What a decay of 1 adds to a run.
  private struct Share {
    let name: Hyperparameter
    let coupled: Double
    let shrink: Double
  }

  private func setDecays(for run: MomentumRun, in numbers: inout Hyperparameters) throws(Mismatch) {
    let rate = numbers.learningRate
    let names = Self.decays.filter { taken.contains($0) }
    func decay(_ decays: Hyperparameters) -> MomentumRun? { self.run(decays, rate: rate) }

    var bare = numbers
    for name in names { bare[name] = .number(0) }
    guard let fixed = decay(numbers) else { return }
    var (coupled, shrink) = (run.coupled - fixed.coupled, run.shrink - fixed.shrink)
    // What is left once the given decays are taken off is rounding, if they are all there is.
    if abs(coupled) <= 1e-12 * abs(run.coupled) { coupled = 0 }
    if abs(shrink) <= 1e-12 * abs(run.shrink) { shrink = 0 }
    guard coupled != 0 || shrink != 0 else { return }

    let shares = names.filter { given[$0] == nil }.compactMap { name -> Share? in
      var one = bare
      one[name] = .number(1)
      guard let unit = decay(one), unit.coupled != 0 || unit.shrink != 0 else { return nil }
      return Share(name: name, coupled: unit.coupled, shrink: unit.shrink)
    }
    guard let found = solve(shares, coupled: coupled, shrink: shrink) else {
      throw decayMismatch(run, isFelt: !shares.isEmpty)
    }
    for (name, value) in found { numbers[name] = .number(value.shortestDecimal) }
  }

  /// One decay, or two, that make what is wanted.
  private func solve(
    _ shares: [Share],
    coupled: Double,
    shrink: Double
  ) -> [(Hyperparameter, Double)]? {
    for one in shares {
      let value = abs(one.coupled) > 0 ? coupled / one.coupled : shrink / one.shrink
      let rest = max(abs(value * one.coupled - coupled), abs(value * one.shrink - shrink))
      if value > 0, value.isFinite, rest <= 1e-9 * max(abs(coupled), abs(shrink)) {
        return [(one.name, value)]
      }
    }
    for (place, one) in shares.enumerated() {
      for other in shares.dropFirst(place + 1) {
        let scale = one.coupled * other.shrink - other.coupled * one.shrink
        let first = (coupled * other.shrink - other.coupled * shrink) / scale
        let second = (one.coupled * shrink - coupled * one.shrink) / scale
        guard first > 0, second > 0, first.isFinite, second.isFinite else { continue }
        return [(one.name, first), (other.name, second)]
      }
    }
    return nil
  }

  private func decayMismatch(_ run: MomentumRun, isFelt: Bool) -> Mismatch {
    let parts = [
      run.kind == .plain || run.shrink == 0 ? nil : "\(run.shrink) of itself directly (decoupled)",
      run.coupled == 0 ? nil : "\(run.coupled) of itself through the momentum (coupled)",
      run.kind == .plain ? "\(run.shrink) of itself" : nil,
    ].compactMap(\.self)
    let loses = "this \(kind) loses \(parts.joined(separator: " and ")) in a step"
    guard isFelt else {
      let others = Self.decays.contains { taken.contains($0) && given[$0] == nil }
      let lack =
        !others
        ? "has no weight decay"
          + (Self.decays.contains { taken.contains($0) } ? " but the given" : "")
        : rule.decayScope == .weights && !isWeight ? "decays weights only" : "decays no \(kind)"
      return Mismatch(reason: "\(loses), and '\(rule.name)' \(lack)", isOfDecay: true)
    }
    let why =
      run.kind == .nesterov
      ? "; with Nesterov's look-ahead coupled and decoupled decay never make the same run" : ""
    return Mismatch(reason: "\(loses), and '\(rule.name)' cannot do that\(why)", isOfDecay: true)
  }
}
