public import FlywheelCore
public import FlywheelOptim

/// Which Adam-like rules the steps of a dump follow, with which numbers, and what is odd about them.
///
/// No framework is known by name: every preset of the family, and some mistakes that people make of them,
/// is held against the dump, and what leaves no more than rounding is named.
public struct AdaptiveExplanation: Sendable {
  /// What weights show; nil if there are none.
  public private(set) var weights: AdaptiveMeasurement?
  /// What biases show; nil if there are none.
  public private(set) var biases: AdaptiveMeasurement?
  /// Every rule that fits, what was declared first, then what takes the fewest odd numbers; none if the
  /// residual supports none.
  public private(set) var rules: [AdaptiveReading] = []
  /// What a person should know, mistakes first.
  public private(set) var findings: [Finding] = []
  /// What the dump does not show, and what would.
  public private(set) var openQuestions: [OpenQuestion] = []

  private var scope: AdaptiveScope?

  /// How far steps of a rule from the dumped states end from where the trainer's ended, relative to its steps.
  ///
  /// - Parameters:
  ///   - rule: The rule.
  ///   - numbers: Its numbers.
  /// - Returns: The share; nil if a gradient, or a buffer that the rule needs, was not dumped.
  public func departure(of rule: UpdateRule, _ numbers: Hyperparameters) -> Double? {
    guard case .adaptive(let rule) = rule else { return nil }
    return scope?.departure(of: rule, numbers)
  }

  /// Explains a dump.
  ///
  /// - Parameters:
  ///   - dump: The dump.
  ///   - declared: Numbers that somebody says are in use: they are believed where the dump lets them.
  ///   - sizes: The sizes of mini-batch and training set; nil if nobody knows them.
  /// - Throws: `mismatch` if the shape of a parameter changes from dump to dump, and what reading numbers
  ///   throws.
  public init(
    _ dump: StepDump,
    declared: Hyperparameters = Hyperparameters(),
    sizes: TrainingSizes? = nil
  ) throws(FlywheelError) {
    let known = (dump.declared?.hyperparameters ?? Hyperparameters()).merging(declared)
    var namers: [AdaptiveNamer] = []
    for isWeight in [true, false] {
      guard let sample = try AdaptiveSample(dump.series, isWeight: isWeight) else { continue }
      let scope = AdaptiveScope(
        sample,
        declared: known,
        sizes: sizes ?? dump.sizes,
        firstStep: dump.firstStep,
        learningRates: dump.learningRates
      )
      namers.append(AdaptiveNamer(scope: scope))
    }
    weights = namers.first { $0.scope.sample.isWeight }?.measurement
    biases = namers.first { !$0.scope.sample.isWeight }?.measurement
    guard let first = namers.first else { return }
    scope = first.scope
    findings = first.findings
    openQuestions = first.openQuestions
    let named = first.all.sorted { $0.oddity < $1.oddity }
    guard namers.count > 1 else {
      rules = named.map { AdaptiveReading($0) }
      return
    }
    let others = namers[1].all
    rules = named.map { named in
      let other = others.first { $0.rule == named.rule }
      var reading = AdaptiveReading(named)
      reading.areBiasesUndecayed =
        named.rule.decayScope == .all && named.hyperparameters.weightDecay != 0
        && other?.hyperparameters.weightDecay == 0
      return reading
    }
    findings += Self.differences(named, others, namers[1])
  }

  /// What biases do otherwise than weights.
  private static func differences(
    _ weights: [AdaptiveNamer.Named],
    _ biases: [AdaptiveNamer.Named],
    _ namer: AdaptiveNamer
  ) -> [Finding] {
    guard let first = weights.first else { return [] }
    guard let same = biases.first(where: { bias in weights.contains { $0.rule == bias.rule } }),
      let weight = weights.first(where: { $0.rule == same.rule })
    else {
      return namer.scope.accepted.isEmpty && namer.scope.nearest == nil
        ? []
        : [Finding(.biasesDiffer, isMistake: true, "biases do not follow '\(first.rule.name)'")]
    }
    let (own, other) = (weight.hyperparameters, same.hyperparameters)
    var findings: [Finding] = []
    if abs(own.learningRate - other.learningRate) > 1e-3 * own.learningRate {
      findings.append(
        Finding(
          .biasesDiffer,
          "the learning rate of biases is \(other.learningRate.brief), that of weights "
            + own.learningRate.brief
        )
      )
    }
    if own.weightDecay != 0, other.weightDecay == 0 {
      findings.append(Finding(.biasesNotDecayed, "weights are decayed, biases are not"))
    } else if other.weightDecay != 0 {
      findings.append(Finding(.biasesDecayed, "biases are decayed, too"))
    }
    return findings
  }
}
