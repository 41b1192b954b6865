import FlywheelOptim

/// The presets that make what was measured.
///
/// A rule fits or does not: every coefficient of weights and biases has to lie within its error. All that
/// fit are named.
public struct RuleNaming: Sendable {
  /// The names: those that keep the buffer as it was seen first, of these the declared and simple ones.
  public let names: [RuleName]

  /// Names a measurement.
  ///
  /// - Parameters:
  ///   - measurement: What was measured, of means.
  ///   - declaration: The numbers that are insisted on.
  public init(_ measurement: DumpMeasurement, declaration: Declaration) {
    let kinds = [measurement.weights, measurement.biases].compactMap(\.self)
    let search = RuleSearch(kinds: kinds, declaration: declaration)
    let declared = search.names(isFree: false)
    var exact = declared.isEmpty && declaration.hasNumbers ? search.names(isFree: true) : declared
    if declared.isEmpty {
      for index in exact.indices where exact[index].match == .numbers {
        exact[index].match = .undeclared
      }
    }
    let found = Set(exact.map { $0.rule.name })
    names = exact + search.runs().filter { !found.contains($0.rule.name) }
  }
}

/// Goes through the presets.
private struct RuleSearch {
  let kinds: [Measurement]
  let declaration: Declaration

  private static let rules = UpdateRule.presets.compactMap { rule in
    if case .sgd(let sgd) = rule { sgd } else { nil }
  }

  /// What is measured of a buffer as it is kept.
  private static let kept: [Measurement.Evidence: [Coefficient]] = [
    .whole: [.a, .b, .c, .p, .q, .r], .withoutGradient: [.d, .e, .h],
  ]

  /// The rules that make all coefficients.
  func names(isFree: Bool) -> [RuleName] {
    let targets = kinds.flatMap { kind in
      (Self.kept[kind.evidence] ?? []).compactMap { name in
        kind.coefficients[name].map { target(kind, name, $0) }
      }
    }
    guard !targets.isEmpty else { return [] }
    let isWhole = kinds.contains { $0.evidence == .whole }
    let found = Self.rules.flatMap { rule in
      let numbers = isFree ? Hyperparameters() : declaration.numbers(of: .sgd(rule))
      return names(rule, targets, fixed: numbers, match: isWhole ? .numbers : .part)
    }
    return simplestFirst(found)
  }

  /// The rules that make the run, whatever their buffers hold; numbers are free, because those that are
  /// declared are of another convention.
  func runs() -> [RuleName] {
    let runs = kinds.map { (kind: $0, run: $0.run) }
    // D and L alone are made by every rule.
    guard runs.contains(where: { $0.run[.q] != nil && $0.run[.determinant] != nil }) else {
      return []
    }
    let targets = runs.flatMap { kind, run in
      Coefficient.allCases.compactMap { name in run[name].map { target(kind, name, $0) } }
    }
    return simplestFirst(
      Self.rules.flatMap { names($0, targets, fixed: Hyperparameters(), match: .run) }
    )
  }

  /// The names with those first that need the fewest digits and no exceptions.
  private func simplestFirst(_ names: [RuleName]) -> [RuleName] {
    names.enumerated().sorted { ($0.element.effort, $0.offset) < ($1.element.effort, $1.offset) }
      .map(\.element)
  }

  private func target(
    _ kind: Measurement,
    _ name: Coefficient,
    _ estimate: Estimate
  ) -> RuleFit.Target {
    RuleFit.Target(isWeight: kind.isWeight, name: name, estimate: estimate, share: kind.share)
  }

  /// One name with the rule's look-ahead and one without, as far as they fit.
  private func names(
    _ rule: SGDRule,
    _ targets: [RuleFit.Target],
    fixed: Hyperparameters,
    match: RuleName.Match
  ) -> [RuleName] {
    let taken = Set(rule.hyperparameters.map(\.name))
    let looks = rule.nesterovForm == nil ? [false] : [false, true]
    return looks.compactMap { looksAhead in
      guard !looksAhead || fixed[.momentum]?.number != 0 else { return nil }
      for isClimbing in taken.contains(.maximize) ? [false, true] : [false] {
        var switches = fixed
        switches[.nesterov] = taken.contains(.nesterov) ? .flag(looksAhead) : nil
        switches[.maximize] = taken.contains(.maximize) ? .flag(isClimbing) : nil
        if let name = name(rule, targets, switches, match), !looksAhead || name.keepsBuffer {
          return name
        }
      }
      return nil
    }
  }

  /// The name with the simplest numbers.
  private func name(
    _ rule: SGDRule,
    _ targets: [RuleFit.Target],
    _ switches: Hyperparameters,
    _ match: RuleName.Match
  ) -> RuleName? {
    for (sizes, unknownSize) in sizes(rule, targets) {
      // Where the velocity is not seen, what it takes in is seen in the learning rate alone.
      let variants = variants(of: rule, switches, isDampened: match == .numbers)
      for variant in variants {
        // A declared decay over a size that nobody gave is open again.
        var fixed = variant.fixed
        let declared = fixed[.weightDecay]
        if unknownSize != nil { fixed[.weightDecay] = nil }
        let numbers = rule.hyperparameters.filter { $0.range != .flag }.map(\.name)
        let unknown = numbers.filter { fixed[$0] == nil && variant.open.contains($0) }
        for name in numbers where fixed[name] == nil && !unknown.contains(name) {
          fixed[name] = .number(0)
        }
        let fit = RuleFit(
          rule: rule,
          fixed: fixed,
          unknown: unknown,
          isDampeningMomentum: variant.isDampeningMomentum,
          areBiasesUndecayed: variant.areBiasesUndecayed,
          sizes: sizes,
          targets: targets
        )
        guard let solution = fit.solution,
          !solution.isDampenedByRate || !unknown.contains(.dampening)
        else { continue }
        let name = RuleName(
          rule: .sgd(rule),
          hyperparameters: solution.hyperparameters,
          areBiasesUndecayed: variant.areBiasesUndecayed,
          open: solution.open,
          sizes: sizes,
          unknownSize: unknownSize,
          match: match,
          bufferMap: nil
        )
        return name.with(decay: declared?.number).mapped(from: kinds)
      }
    }
    return nil
  }

  /// The sizes to try: the declared ones, and for those that nobody declared what the coefficients suggest.
  private func sizes(
    _ rule: SGDRule,
    _ targets: [RuleFit.Target]
  ) -> [(TrainingSizes, Formula.Symbol?)] {
    let update = UpdateRule.sgd(rule)
    let needs = [Formula.Symbol.batchSize, .trainingSize].filter { update.mentions($0) }
    let missing = needs.filter {
      ($0 == .batchSize ? declaration.batchSize : declaration.trainingSize) == nil
    }
    let known = TrainingSizes(
      batch: declaration.batchSize ?? 1,
      training: declaration.trainingSize ?? 1
    )
    guard let size = missing.first else { return [(known, nil)] }
    // Two sizes cannot be told from one number.
    guard missing.count == 1, needs.count == 1 else { return [] }
    guard rule.form.b.mentions(.batchSize) else { return [(known, size)] }
    guard let sum = targets.first(where: { $0.name == .b })?.estimate,
      let batch = Int(exactly: sum.value.rounded()), batch >= 2, sum.isNear(Double(batch))
    else { return [] }
    return [(TrainingSizes(batch: batch, training: known.training), nil)]
  }

  /// What may be left open of a rule, the simplest first.
  private struct Variant {
    var fixed: Hyperparameters
    var open: Set<Hyperparameter>
    var isDampeningMomentum = false
    var areBiasesUndecayed = false
  }

  private func variants(
    of rule: SGDRule,
    _ switches: Hyperparameters,
    isDampened: Bool
  ) -> [Variant] {
    let taken = Set(rule.hyperparameters.map(\.name))
    let decays: [Set<Hyperparameter>] =
      taken.contains(.biasL2)
      ? [
        [.weightDecay], [.l2], [.l2, .biasL2], [.weightDecay, .l2],
        [.weightDecay, .l2, .biasL2],
      ]
      : [Set(RuleFit.decays).intersection(taken)]
    let hasBiases = kinds.contains { !$0.isWeight } && kinds.contains { $0.isWeight }
    return decays.flatMap { decays -> [Variant] in
      let plain = Variant(fixed: switches, open: decays.union([.learningRate, .momentum]))
      var variants = [plain]
      if isDampened, taken.contains(.dampening), !switches.nesterov {
        var free = plain
        free.open.insert(.dampening)
        var following = plain
        following.isDampeningMomentum = true
        let follows = rule.hyperparameters.contains { $0.followed == .momentum }
        variants = follows ? [following, plain, free] : [plain, free]
      }
      let canSpareBiases = rule.decayScope == .all && decays.contains(.weightDecay) && hasBiases
      guard canSpareBiases else { return variants }
      return variants
        + variants.map { variant in
          var spared = variant
          spared.areBiasesUndecayed = true
          return spared
        }
    }
  }
}

extension RuleFit.Solution {
  /// Whether gradients enter the velocity times the learning rate: who has it twice did not mean to dampen.
  fileprivate var isDampenedByRate: Bool {
    let entering = 1 - hyperparameters.dampening
    return abs(entering - hyperparameters.learningRate) <= 1e-6 * entering
  }
}

extension RuleName {
  /// How much a person has to believe for the name: digits, exceptions, things left open.
  fileprivate var effort: Int {
    let numbers = rule.hyperparameters.filter { $0.range != .flag }
    let digits = numbers.reduce(0) { sum, definition in
      let value = hyperparameters.number(definition.name)
      return sum + (value == 0 ? 0 : min(value.text(digits: 9).utf8.count, 8))
    }
    return digits + (areBiasesUndecayed ? 20 : 0) + (unknownSize == nil ? 0 : 10) + 10 * open.count
  }

  /// Whether the momentum is not 0.
  fileprivate var keepsBuffer: Bool { hyperparameters.momentum != 0 }

  /// The name with the size that a declared decay tells, if one does.
  fileprivate func with(decay: Double?) -> RuleName {
    let found = hyperparameters.weightDecay
    guard let decay, let unknownSize, found > 0,
      let size = Int(exactly: (decay / found).rounded()), size >= 1,
      abs(decay / found - Double(size)) <= 1e-3 * Double(size)
    else { return self }
    var numbers = hyperparameters
    numbers[.weightDecay] = .number(decay)
    var name = self
    name.hyperparameters = numbers
    name.unknownSize = nil
    if unknownSize == .batchSize { name.sizes.batch = size } else { name.sizes.training = size }
    return name
  }

  /// The name with the map from the measured buffer to the rule's.
  fileprivate func mapped(from kinds: [Measurement]) -> RuleName {
    guard let measured = kinds.first(where: { $0.normalForm != nil }),
      let source = measured.normalForm, let p = measured.coefficients[.p], !p.isZero,
      let target = form(isWeight: measured.isWeight)?.normalForm, target.p != 0
    else { return self }
    let scale = source.p / target.p
    let share = (source.r - target.r) / target.p
    let error = (measured.coefficients[.r]?.standardError ?? 0) / abs(target.p)
    var name = self
    name.bufferMap = BufferMap(
      scale: scale.shortest(within: max(1e-9, measured.share) * abs(scale)),
      weightShare: Estimate(share, standardError: error).isZero
        ? 0 : share.shortest(within: Estimate.reach * error)
    )
    return name
  }
}
