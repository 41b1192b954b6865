import FlywheelOptim

/// What a rule does to a weight but for its decay: presets that differ in nothing else have one shape.
struct AdaptiveShape: Sendable, Hashable {
  /// The coefficients, without decay, switches put in; the learning rate outside a momentum that never is.
  var form: AdaptiveForm<Formula>
  /// What the exponents of the bias corrections count.
  let correctionCount: AdaptiveRule.CorrectionCount
  /// The name of the buffer of squares.
  let secondSlot: String
  /// What it starts from; 0 if its dump says that.
  let secondStart: Formula

  /// The name of the buffer of the mean of gradients.
  static let firstSlot = "exp_avg"
  /// The name of the buffer of the largest second moment so far.
  static let maximumSlot = "max_exp_avg_sq"
  /// The name of the buffer of the mean of gradients that centering takes.
  static let meanSlot = "grad_avg"
  /// The name of the buffer of the momentum.
  static let momentumSlot = "momentum_buffer"

  /// The shape of a rule.
  ///
  /// - Parameters:
  ///   - rule: The rule.
  ///   - switches: The switches that are on.
  ///   - absent: The numbers that are 0.
  ///   - sample: The dump; of a momentum that is not in it nobody sees the scale.
  init(
    _ rule: AdaptiveRule,
    with switches: Set<Hyperparameter>,
    without absent: Set<AdaptiveQuantity>,
    in sample: AdaptiveSample
  ) {
    let letters = Set(absent.compactMap(\.symbol)).union([.weightDecay])
    form = rule.form(with: switches).map { formula in
      formula.substituting { letters.contains($0) ? 0 : nil }.simplified
    }
    if form.momentum == 0 || !sample.has(Self.momentumSlot) {
      form.rate = (form.rate * form.insideRate).simplified
      form.insideRate = 1
    }
    let isCorrected = [form.rate, form.epsilonOutside, form.epsilonInside].contains {
      $0.mentions(.firstCorrection) || $0.mentions(.secondCorrection)
    }
    correctionCount = isCorrected ? rule.correctionCount : .steps
    secondSlot = rule.slots.second
    secondStart = sample.has(secondSlot) ? 0 : rule.secondStart
  }

  /// Whether a number plays a part in it.
  func mentions(_ quantity: AdaptiveQuantity) -> Bool {
    guard let symbol = quantity.symbol else { return false }
    var isFound = false
    _ = form.map { (formula: Formula) -> Formula in
      isFound = isFound || formula.mentions(symbol)
      return formula
    }
    return isFound
  }

  /// Whether its steps depend on how many came before.
  var countsSteps: Bool {
    [form.rate, form.insideRate, form.epsilonOutside, form.epsilonInside].contains { formula in
      [.firstCorrection, .secondCorrection, .step].contains { formula.mentions($0) }
    }
  }

  /// Whether it keeps a mean of gradients.
  var hasFirst: Bool { form.firstShare != 0 }
  /// Whether it keeps a momentum.
  var hasMomentum: Bool { form.momentum != 0 }
  /// What the second moment keeps: β₂ or α; nil if it is a sum.
  var secondQuantity: AdaptiveQuantity? {
    [.beta2, .alpha].first { form.secondKept.mentions($0.symbol ?? .step) }
  }
}
