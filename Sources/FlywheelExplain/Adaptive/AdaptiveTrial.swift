import FlywheelOptim

/// A shape to try on a dump, and the rules that have it.
struct AdaptiveTrial {
  /// The shape.
  var shape: AdaptiveShape
  /// The rules, with the switches that must be on.
  var rules: [(rule: AdaptiveRule, switches: Set<Hyperparameter>)]
  /// The numbers that are 0 in it.
  let absent: Set<AdaptiveQuantity>
  /// What somebody did wrong who has this shape; nil for that of a rule as it should be.
  var mistake: AdaptiveMistake?

  /// The numbers that are 0 if nobody asks for them.
  static let optional: Set<AdaptiveQuantity> = [.epsilonRoot, .learningRateDecay, .momentum]

  /// All shapes that may have made a dump, each once.
  ///
  /// - Parameters:
  ///   - sample: The dump.
  ///   - absent: The numbers that are 0.
  ///   - batch: The size of a mini-batch; without it, rules that count samples are left out.
  /// - Returns: The trials.
  static func all(
    for sample: AdaptiveSample,
    without absent: Set<AdaptiveQuantity>,
    batch: Int?
  ) -> [AdaptiveTrial] {
    var trials: [AdaptiveTrial] = []
    let dumped = ["exp_avg_sq", "square_avg", "sum"].filter(sample.has)
    for case .adaptive(let rule) in UpdateRule.presets {
      // A form may speak of a number that the rule never takes.
      let taken = Set(rule.hyperparameters.map(\.name))
      let lacking = Self.optional.filter { quantity in
        quantity.symbol?.hyperparameter.map { !taken.contains($0) } ?? false
      }
      for switches in subsets(UpdateRule.adaptive(rule).switches) {
        let shape = AdaptiveShape(
          rule,
          with: switches,
          without: absent.union(lacking),
          in: sample
        )
        guard dumped.isEmpty || dumped.contains(shape.secondSlot),
          shape.hasFirst || !sample.has(AdaptiveShape.firstSlot),
          shape.correctionCount == .steps || batch != nil
        else { continue }
        if let place = trials.firstIndex(where: { $0.shape == shape }) {
          trials[place].rules.append((rule, switches))
        } else {
          trials.append(AdaptiveTrial(shape: shape, rules: [(rule, switches)], absent: absent))
        }
      }
    }
    return trials
  }

  private static func subsets(_ names: [Hyperparameter]) -> [Set<Hyperparameter>] {
    names.reduce([[]]) { sets, name in sets + sets.map { $0.union([name]) } }
  }

  /// The numbers that steps must be asked for, because no buffer shows them.
  ///
  /// - Parameter sample: The dump.
  /// - Returns: The numbers.
  func free(in sample: AdaptiveSample) -> [AdaptiveQuantity] {
    let hasSecond = sample.has(shape.secondSlot)
    var free: [AdaptiveQuantity] = []
    let isSquareAlone = !sample.hasGradients && shape.form.gradientShare != 0
    if !hasSecond || isSquareAlone, let kept = shape.secondQuantity { free.append(kept) }
    if shape.hasFirst, !sample.has(AdaptiveShape.firstSlot) { free.append(.beta1) }
    if shape.hasMomentum, !sample.has(AdaptiveShape.momentumSlot) { free.append(.momentum) }
    free += [.epsilonRoot, .epsilon, .learningRateDecay].filter(shape.mentions)
    if shape.secondStart.mentions(.initialAccumulator) { free.append(.secondStart) }
    if !hasSecond { free.append(.coupledDecay) }
    return free
  }
}

/// Something that people do wrong who write an Adam-like rule by hand.
struct AdaptiveMistake: Sendable {
  /// What it is, in words.
  let sentence: String
  /// What it makes of a form; nil where it makes no difference.
  let change: @Sendable (AdaptiveForm<Formula>) -> AdaptiveForm<Formula>?

  /// The known ones.
  static let all: [AdaptiveMistake] = [
    AdaptiveMistake(
      sentence: "the bias of neither moment is corrected",
      change: { substituting($0, [.firstCorrection, .secondCorrection]) }
    ),
    AdaptiveMistake(
      sentence: "the bias of the second moment is not corrected, only that of the first",
      change: { substituting($0, [.secondCorrection]) }
    ),
    AdaptiveMistake(
      sentence: "the bias of the first moment is not corrected, only that of the second",
      change: { substituting($0, [.firstCorrection]) }
    ),
    AdaptiveMistake(
      sentence: "epsilon is inside the root, added to the corrected second moment",
      change: { moving($0, epsilon: .epsilon * .secondCorrection) }
    ),
    AdaptiveMistake(
      sentence: "epsilon is inside the root, added to the second moment itself",
      change: { moving($0, epsilon: .epsilon) }
    ),
    AdaptiveMistake(
      sentence: "(1 - beta1) is forgotten: the first moment takes in the whole gradient",
      change: { gaining($0, \.firstGain) }
    ),
    AdaptiveMistake(
      sentence: "(1 - beta2) is forgotten: the second moment takes in the whole square",
      change: { gaining($0, \.secondGain) }
    ),
  ]

  private static func substituting(
    _ form: AdaptiveForm<Formula>,
    _ symbols: Set<Formula.Symbol>
  ) -> AdaptiveForm<Formula>? {
    let other = form.map { formula in
      formula.substituting { symbols.contains($0) ? 1 : nil }.simplified
    }
    return other == form ? nil : other
  }

  private static func moving(
    _ form: AdaptiveForm<Formula>,
    epsilon: Formula
  ) -> AdaptiveForm<Formula>? {
    guard form.epsilonOutside.mentions(.epsilon), !form.epsilonInside.mentions(.epsilon) else {
      return nil
    }
    var other = form
    other.epsilonInside = form.rate.mentions(.secondCorrection) ? epsilon.simplified : .epsilon
    other.epsilonOutside = 0
    return other
  }

  private static func gaining(
    _ form: AdaptiveForm<Formula>,
    _ gain: WritableKeyPath<AdaptiveForm<Formula>, Formula>
  ) -> AdaptiveForm<Formula>? {
    guard form[keyPath: gain] != 0, form[keyPath: gain] != 1 else { return nil }
    var other = form
    other[keyPath: gain] = 1
    return other
  }
}
