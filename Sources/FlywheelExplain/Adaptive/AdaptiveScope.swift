import FlywheelOptim

/// The weights of a dump, or its biases, held against every shape that an Adam-like rule may have.
struct AdaptiveScope {
  let sample: AdaptiveSample
  let moments: AdaptiveMoments
  /// What a person or the dump says of the numbers.
  let declared: Hyperparameters
  let sizes: TrainingSizes?
  /// How many steps came before the first dump, as somebody says or the buffers show; nil if neither.
  let firstStep: Int?
  /// What the learning rates of the dump are relative to the first; nil if they do not change.
  let schedule: [Double]?
  /// What fits, the best first; if nothing does, nothing.
  private(set) var accepted: [Candidate] = []
  /// The best of what does not fit, if nothing does.
  private(set) var nearest: Candidate?

  /// A shape with the numbers that fit best.
  struct Candidate {
    let trial: AdaptiveTrial
    let search: AdaptiveSearch
    let fit: AdaptiveFit
    let estimates: [AdaptiveQuantity: Estimate]
    /// From this misfit on the numbers are other ones.
    let limit: Double
  }

  /// Fits everything.
  init(
    _ sample: AdaptiveSample,
    declared: Hyperparameters,
    sizes: TrainingSizes?,
    firstStep: Int?,
    learningRates: [Double]
  ) {
    self.sample = sample
    self.declared = declared
    self.sizes = sizes
    moments = AdaptiveMoments.found(in: sample)
    let slots = sample.slots.values
    let startsEmpty =
      slots.isEmpty
      || slots.allSatisfy { $0[0].map { row in row.allSatisfy { $0 == row[0] } } ?? true }
    // No correction feels more steps than these.
    self.firstStep = firstStep.map { max(0, min($0, 1 << 40)) } ?? (startsEmpty ? 0 : nil)
    let isConstant = learningRates.allSatisfy { $0 == learningRates.first }
    let isWhole = learningRates.count >= sample.placeCount - 1
    schedule =
      isConstant || !isWhole || learningRates[0] == 0
      ? nil : learningRates.map { $0 / learningRates[0] }
    search()
  }

  /// What the second moments of all elements start from; nil if the dump does not show it.
  var start: Double? {
    guard firstStep == 0, let slot = moments.secondSlot, let row = sample.slots[slot]?[0] else {
      return nil
    }
    return row.allSatisfy { $0 == row[0] } ? row.first : nil
  }

  /// The order of attempts: what takes fewer numbers first.
  private mutating func search() {
    let optional = AdaptiveTrial.optional
    let hasMomentum = sample.has(AdaptiveShape.momentumSlot)
    let batch = sizes?.batch
    let plain = AdaptiveTrial.all(
      for: sample,
      without: hasMomentum ? optional.subtracting([.momentum]) : optional,
      batch: batch
    )
    let whole = AdaptiveTrial.all(for: sample, without: [], batch: batch)
      .filter { trial in !plain.contains { $0.shape == trial.shape } }
    let known = AdaptiveFit.Rates.known(schedule)
    var attempts: [(trials: [AdaptiveTrial], rates: AdaptiveFit.Rates, isLoose: Bool)] = [
      (plain, known, false), (plain, known, true), (whole, known, false), (whole, known, true),
    ]
    if schedule != nil { attempts.append((plain, .known(nil), false)) }
    attempts += [(Self.mistaken(plain), known, false), (plain, .free, false)]
    var all: [[Fitted]] = []
    for attempt in attempts {
      all.append(
        attempt.trials.map { candidate($0, rates: attempt.rates, isLoose: attempt.isLoose) }
      )
      accept(all[all.count - 1], reach: Self.closeReach)
      if !accepted.isEmpty { return }
    }
    for fits in all {
      accept(fits, reach: Self.reach)
      if !accepted.isEmpty { return }
    }
  }

  private typealias Fitted = (trial: AdaptiveTrial, search: AdaptiveSearch, fit: AdaptiveFit)

  private static func mistaken(_ trials: [AdaptiveTrial]) -> [AdaptiveTrial] {
    var mistaken: [AdaptiveTrial] = []
    for mistake in AdaptiveMistake.all {
      for trial in trials {
        guard let form = mistake.change(trial.shape.form) else { continue }
        var other = trial
        other.shape.form = form
        other.mistake = mistake
        guard !(trials + mistaken).contains(where: { $0.shape == other.shape }) else { continue }
        mistaken.append(other)
      }
    }
    return mistaken
  }

  private mutating func accept(_ fits: [Fitted], reach: Double) {
    let sound = fits.filter { $0.fit.rowCount > 3 && Self.divides($0.fit) }
      .sorted { $0.fit.deviation < $1.fit.deviation }
    guard let best = sound.first else { return }
    if best.fit.deviation < nearest?.fit.deviation ?? .infinity {
      nearest = Candidate(
        trial: best.trial,
        search: best.search,
        fit: best.fit,
        estimates: [:],
        limit: 0
      )
    }
    guard best.fit.deviation <= reach else { return }
    accepted = sound.compactMap { trial, search, fit in
      let limit = Self.limit(fit, best: best.fit.deviation)
      guard fit.misfit <= limit else { return nil }
      return Candidate(
        trial: trial,
        search: search,
        fit: fit,
        estimates: search.estimates(fit),
        limit: limit
      )
    }
  }

  /// How many times what rounding makes of them the residuals may be.
  private static let reach = 16.0
  /// How many times that they are at most if the numbers are as exact as the weights.
  private static let closeReach = 4.0

  private static let coarseCount = 4096

  /// What misfit still is that of the best one: a hundredth, and what six standard deviations of chance
  /// make of a few equations.
  private static func limit(_ fit: AdaptiveFit, best deviation: Double) -> Double {
    let floor = max(deviation, 0.3)
    return floor * floor * (1.02 * Double(fit.rowCount) + 60)
      + AdaptiveFit.common * Double(fit.rowCount)
  }

  /// Whether the second moment is seen to divide: with an ε far above it any rule divides by a constant.
  private static func divides(_ fit: AdaptiveFit) -> Bool {
    fit.guess[.epsilon] < 100 * fit.largestRoot
      && fit.guess[.epsilonRoot] < 1e4 * fit.largestRoot * fit.largestRoot
  }

  private func candidate(
    _ trial: AdaptiveTrial,
    rates: AdaptiveFit.Rates,
    isLoose: Bool
  ) -> Fitted {
    let start = start(trial)
    let search = AdaptiveSearch(
      model: AdaptiveModel(
        sample: sample,
        shape: trial.shape,
        gradientShift: moments.isWithoutGradient ? 0 : moments.gradientShift,
        batch: sizes?.batch,
        betas: [start[.beta1], start[.beta2]],
        correctionRoundoff: isLoose ? 0x1p-23 : 0x1p-52
      ),
      rates: rates,
      free: trial.free(in: sample),
      isStepFree: firstStep == nil && trial.shape.countsSteps
    )
    // A few numbers tell where to look, and nearly always that there is nothing to find.
    var coarse = search
    coarse.model.sample = sample.thinned(to: Self.coarseCount)
    let fit = coarse.best(from: start)
    let isWhole = coarse.model.sample.weights[0].count == sample.weights[0].count
    guard !isWhole, fit.deviation <= Self.reach else { return (trial, coarse, fit) }
    return (trial, search, search.refined(search.fit(fit.guess)))
  }

  /// The numbers that a search begins with: those that moments show, those that were declared, and a rule's
  /// defaults.
  private func start(_ trial: AdaptiveTrial) -> AdaptiveGuess {
    var guess = AdaptiveGuess(firstStep: firstStep ?? 0)
    for quantity in AdaptiveQuantity.allCases {
      guard let name = quantity.symbol?.hyperparameter, quantity != .learningRate,
        !trial.absent.contains(quantity)
      else { continue }
      let fallback = trial.rules.lazy.compactMap { rule, _ in
        rule.hyperparameters.first { $0.name == name }?.fallback.number
      }.first
      if let value = declared[name]?.number ?? fallback { guess[quantity] = value }
    }
    for quantity in [AdaptiveQuantity.beta1, .beta2, .alpha] {
      guard let estimate = moments.estimates[quantity] else { continue }
      guess[quantity] = estimate.decimal(preferring: [guess[quantity]] + quantity.usualValues)
    }
    if let decay = moments.estimates[.coupledDecay] { guess[.coupledDecay] = decay.value }
    if !trial.shape.secondStart.mentions(.initialAccumulator) {
      guess[.secondStart] = trial.shape.secondStart.evaluate { _ in 0 }
    }
    if !trial.shape.hasFirst, let kept = moments.estimates[moments.secondQuantity],
      let gain = moments.estimates[.secondGain], moments.isExplained
    {
      let whole = moments.secondSlot == "sum" ? 1 : 1 - kept.value
      let scale = gain.value > 0 && whole > 0 ? (gain.value / whole).squareRoot() : 1
      let error = gain.standardError / gain.value + kept.standardError / whole
      if abs(scale - 1) > 6 * error + 1e-6 { guess.gradientScale = scale }
    }
    return guess
  }
}

extension Estimate {
  /// The estimate of a number that a trainer holds rounded.
  ///
  /// - Parameter roundoff: How far it may be off for that, relative to itself.
  /// - Returns: The estimate with an error of no less.
  func held(in roundoff: Double) -> Estimate {
    Estimate(value, standardError: max(standardError, roundoff * abs(value)))
  }

  /// What was meant by it: one of some numbers if it is near, and otherwise the decimal of the fewest digits
  /// that is.
  ///
  /// A number that went through single precision on its way to the rule is near itself.
  func decimal(preferring numbers: [Double] = []) -> Double {
    let share = 0x1p-22
    return numbers.first { isNear($0, share: share) }
      ?? value.shortest(within: max(Self.reach * standardError, share * abs(value)))
  }
}

// MARK: - The weights' line past a dumped momentum

extension AdaptiveScope {
  /// w' − w ~ (v', w) where the momentum was dumped: what it moves a weight by, and the shrink.
  var momentumLine: (rate: Estimate, shrink: Estimate, fit: Measurement.Fit)? {
    guard let dumped = sample.slots[AdaptiveShape.momentumSlot] else { return nil }
    var columns: [[Double]] = [[], []]
    var target: [Double] = []
    var (targetSquare, roundingSquare) = (0.0, 0.0)
    for place in 0..<max(0, sample.placeCount - 1) {
      guard let moved = dumped[place + 1] else { continue }
      let (old, new) = (sample.weights[place], sample.weights[place + 1])
      for index in old.indices {
        let change = new[index] - old[index]
        let rounding =
          sample.weightRoundoff * max(abs(old[index]), abs(new[index]))
          + 4 * sample.bufferRoundoff * abs(change)
        guard rounding > 0 else { continue }
        target.append(change / rounding)
        columns[0].append(-moved[index] / rounding)
        columns[1].append(-old[index] / rounding)
        targetSquare += change * change
        roundingSquare += rounding * rounding
      }
    }
    guard target.count > 2, targetSquare > 0 else { return nil }
    let solution = LeastSquares(columns: columns, target: target)
    let deviation = (solution.residualSquare / Double(target.count)).squareRoot()
    let scale = (roundingSquare / targetSquare).squareRoot()
    let estimates = [0, 1].map { place in
      Estimate(
        solution.coefficients[place],
        standardError: solution.standardError(place, deviation: max(deviation, 0.5))
      )
    }
    return (
      estimates[0], estimates[1],
      Measurement.Fit(
        residual: deviation * scale,
        rounding: scale,
        condition: solution.condition
      )
    )
  }
}
