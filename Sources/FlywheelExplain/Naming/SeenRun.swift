import FlywheelOptim

/// All that is known of an SGD-like trainer when its mistakes are looked for.
struct SeenRun {
  let measurement: DumpMeasurement
  let declaration: Declaration
  /// What weights do; nil if there are none, or no rule explains them.
  let weights: SeenStep?
  /// What biases do; nil if there are none, or no rule explains them.
  let biases: SeenStep?
  let naming: RuleNaming
  let words: NumberWords

  init(_ measurement: DumpMeasurement, declaration: Declaration) {
    self.measurement = measurement
    self.declaration = declaration
    weights = measurement.weights.flatMap { $0.isExplained ? SeenStep($0) : nil }
    biases = measurement.biases.flatMap { $0.isExplained ? SeenStep($0) : nil }
    var explained = measurement
    explained.weights = weights?.measurement
    explained.biases = biases?.measurement
    naming = RuleNaming(explained, declaration: declaration)
    words = NumberWords(Self.values(declaration, naming.names.first))
  }

  /// The kinds of parameters that are understood, weights first.
  var kinds: [SeenStep] { [weights, biases].compactMap(\.self) }
  /// What most is told of: weights, or biases if there are no weights.
  var main: SeenStep? { weights ?? biases }

  /// How the step uses its buffer; nil if nothing shows it.
  var kind: SeenStep.Kind? {
    guard let main, main.measurement.evidence == .withoutGradient else { return main?.kind }
    guard let e = main["e"] else { return nil }
    if e.isZero { return .heavyBall }
    guard let share = lookAhead else { return .other }
    return share.isNear(1) ? .nesterov : .other
  }

  /// How far the step looks ahead: 0 for heavy ball, 1 for Nesterov; nil if nothing shows it.
  ///
  /// Without gradients it takes a declared momentum, or one that Nesterov's may have, −e/(d + e): then
  /// −e (1 + μ)/(d μ).
  var lookAhead: Estimate? {
    guard let main, main.measurement.evidence == .withoutGradient else { return main?.lookAhead }
    guard let d = main["d"], let e = main["e"], let momentum, !d.isZero, !momentum.isZero else {
      return nil
    }
    return e.negated * (Estimate(1, standardError: 0) + momentum) / (d * momentum)
  }

  /// μ: how much of the last step goes on.
  var momentum: Estimate? {
    guard let main, main.measurement.evidence == .withoutGradient else { return main?.momentum }
    if let momentum = declaration.momentum { return Estimate(momentum, standardError: 0) }
    guard let d = main["d"], let e = main["e"], !(d + e).isZero else { return nil }
    return e.negated / (d + e)
  }

  /// Whether velocities were dumped that never take a gradient in.
  var hasStillVelocity: Bool {
    guard let main, let q = main["q"], !q.isZero else { return false }
    return main.measurement.hasStillVelocity
      || (main.measurement.evidence == .whole && main["b"]?.isZero == true)
  }

  /// The largest gradient of the last bias; nil if none was dumped.
  var lastBiasGradient: Double? {
    measurement.parameters.last { !$0.isWeight }.flatMap(\.largestGradient)
  }

  /// The letters that are known: declared, or of the first name.
  private static func values(
    _ declaration: Declaration,
    _ name: RuleName?
  ) -> [Formula.Symbol: Double] {
    var values: [Formula.Symbol: Double] = [:]
    values[.learningRate] = declaration.learningRate
    values[.momentum] = declaration.momentum
    values[.weightDecay] = declaration.weightDecay
    values[.batchSize] = declaration.batchSize.map { Double($0) }
    values[.trainingSize] = declaration.trainingSize.map { Double($0) }
    guard let name, name.match == .numbers else { return values }
    for symbol in [Formula.Symbol.learningRate, .momentum, .weightDecay] where values[symbol] == nil
    {
      guard let own = symbol.hyperparameter, !name.open.contains(own) else { continue }
      let isUnsized = symbol == .weightDecay && name.unknownSize != nil
      if !isUnsized { values[symbol] = name.hyperparameters[own]?.number }
    }
    if values[.batchSize] == nil, name.unknownSize != .batchSize, name.sizes.batch > 1 {
      values[.batchSize] = Double(name.sizes.batch)
    }
    return values
  }

  /// The value of a letter; nil if nobody knows it.
  func value(_ symbol: Formula.Symbol) -> Double? { words.values[symbol] }

  /// Whether a number is one product of letters, whatever its sign, besides others perhaps.
  func isProduct(_ estimate: Estimate?, _ value: Double?, of kind: SeenStep) -> Bool {
    guard let estimate, let value, value != 0 else { return false }
    return Estimate(abs(estimate.value), standardError: estimate.standardError)
      .isNear(abs(value), share: kind.measurement.share)
  }

  /// What a number is in letters, such as ` = lr lambda/m`; nothing if nobody knows.
  func inWords(_ estimate: Estimate?, of kind: SeenStep, isDecay: Bool = false) -> String {
    guard let estimate else { return "" }
    let products = words.products(
      for: estimate,
      share: kind.measurement.share,
      isDecay: isDecay
    )
    let sign = estimate.value < 0 ? "-" : ""
    // A plain number says no more than itself.
    let letters = products.map { "\(sign)\($0)" }.first { $0.contains { $0.isLetter } }
    return letters.map { " = \($0)" } ?? ""
  }

  /// How many samples the gradient is summed over where a mean was meant; nil if it is not.
  var summedOver: Double? {
    guard let main, main.measurement.coefficients[.b] != nil, let b = main["b"],
      let m = value(.batchSize), m > 1
    else { return rateSummedOver }
    let rate = value(.learningRate)
    let momentum = value(.momentum) ?? main.momentum?.value
    let means = [1, rate, momentum.map { 1 - $0 }].compactMap(\.self)
    // (1 - mu) m may be 1: what can be a mean is one, unless somebody says that it is a sum.
    let canBeMean = means.contains { isProduct(b, $0, of: main) }
    let isSum = means.contains { isProduct(b, $0 * m, of: main) }
    return isSum && (!canBeMean || declaration.isGradientSummed) ? m : nil
  }

  /// The same told by the rate alone, where no velocity was dumped but the learning rate is declared.
  private var rateSummedOver: Double? {
    guard let main, main.measurement.evidence == .withoutVelocity, let m = value(.batchSize),
      m > 1, let lr = declaration.learningRate, isProduct(main.rate, lr * m, of: main)
    else { return nil }
    return m
  }
}
