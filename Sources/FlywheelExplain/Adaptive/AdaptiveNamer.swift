import FlywheelOptim

/// Puts names and decimals to what fits the weights, or the biases, of a dump.
struct AdaptiveNamer {
  let scope: AdaptiveScope

  /// A rule that fits.
  struct Named {
    let rule: AdaptiveRule
    let hyperparameters: Hyperparameters
    /// What it comes of.
    let candidate: AdaptiveScope.Candidate
    /// The numbers of the equations that these decimals stand for.
    let fit: AdaptiveFit
    /// What the trainer does otherwise than the rule.
    let mistakes: [String]
    /// How many digits its numbers have that are not the rule's defaults.
    let oddity: Int
  }

  /// The decay of a candidate, as the two ways that it may go.
  struct Decay {
    /// What joins the gradient.
    let coupled: Estimate?
    /// What the weight loses past the moments.
    let shrink: Estimate
  }

  /// Every rule that fits.
  var all: [Named] {
    scope.accepted.flatMap { candidate in
      candidate.trial.rules.compactMap { named($0.rule, $0.switches, candidate) }
    }
  }

  private func named(
    _ rule: AdaptiveRule,
    _ switches: Set<Hyperparameter>,
    _ candidate: AdaptiveScope.Candidate
  ) -> Named? {
    let fit = rounded(candidate, for: rule)
    if let start = scope.start {
      let isMeant = rule.secondStart.mentions(.initialAccumulator)
      guard isMeant || abs(rule.secondStart(Hyperparameters()) - start) <= 1e-6 * start else {
        return nil
      }
    }
    var numbers = Hyperparameters()
    for definition in rule.hyperparameters {
      let quantity = AdaptiveQuantity.allCases.first {
        $0.symbol?.hyperparameter == definition.name
      }
      switch definition.range {
      case .flag: numbers[definition.name] = .flag(switches.contains(definition.name))
      default: numbers[definition.name] = .number(quantity.map { fit.guess[$0] } ?? 0)
      }
    }
    if fit.model.isOfMomentum, let block = fit.blocks.first {
      let error = block.solution.standardError(0, deviation: fit.spread)
      let kept = Estimate(block.solution.coefficients[0], standardError: error)
      numbers[.momentum] = .number(kept.decimal(preferring: AdaptiveQuantity.momentum.usualValues))
    }
    if numbers[.initialAccumulator] != nil, let start = scope.start {
      numbers[.initialAccumulator] = .number(Estimate(start, standardError: 0).decimal())
    }
    guard let rate = learningRate(fit, for: rule) else { return nil }
    numbers.learningRate = rate
    guard let decay = weightDecay(candidate, fit, for: rule, rate: rate) else { return nil }
    if numbers[.weightDecay] != nil { numbers[.weightDecay] = .number(decay) }
    guard (try? UpdateRule.adaptive(rule).validate(numbers)) != nil else { return nil }
    return Named(
      rule: rule,
      hyperparameters: numbers,
      candidate: candidate,
      fit: fit,
      mistakes: [candidate.trial.mistake?.sentence].compactMap(\.self) + gainMistakes
        + twiceMistakes(self.decay(candidate, fit)),
      oddity: oddity(of: numbers, in: rule)
    )
  }

  /// The fit with decimals that a person would type, as far as they fit as well.
  private func rounded(
    _ candidate: AdaptiveScope.Candidate,
    for rule: AdaptiveRule
  ) -> AdaptiveFit {
    var best = candidate.fit
    let isSingle = scope.sample.weightRoundoff >= 0x1p-24
    func attempt(_ change: (inout AdaptiveGuess) -> Void) -> Bool {
      var guess = best.guess
      change(&guess)
      for tried in isSingle ? [guess, guess.held] : [guess] {
        let other = candidate.search.fit(tried)
        guard other.misfit <= candidate.limit else { continue }
        best = other.named(guess)
        return true
      }
      return false
    }
    let wanted = candidate.search.free.map { quantity in
      let name = quantity.symbol?.hyperparameter
      let fallback = rule.hyperparameters.first { $0.name == name }?.fallback.number
      let isOne = quantity == .epsilon && candidate.search.free.contains(.epsilonRoot)
      let none: Double? = quantity == .coupledDecay || isOne ? 0 : nil
      let numbers = [name.flatMap { scope.declared[$0]?.number }, fallback, none]
      return (quantity: quantity, numbers: numbers.compactMap(\.self))
    }
    let estimates = candidate.estimates
    let decimals = wanted.map { estimates[$0.quantity]?.decimal(preferring: $0.numbers) }
    // All at once first: what one is off may be what another is off. Then with a second epsilon of 0.
    let short = wanted.map { wanted in
      let value = best.guess[wanted.quantity]
      let isSecond = wanted.quantity == .epsilon && wanted.numbers.contains(0)
      return isSecond ? 0 : value.shortest(within: 1e-6 * value)
    }
    for numbers in [decimals, short] {
      let isDone = attempt { guess in
        for (wanted, number) in zip(wanted, numbers) {
          guess[wanted.quantity] = number ?? guess[wanted.quantity]
        }
      }
      if isDone { break }
    }
    for (wanted, decimal) in zip(wanted, decimals) {
      for value in wanted.numbers + [decimal].compactMap(\.self)
      where attempt({ $0[wanted.quantity] = value }) {
        break
      }
    }
    return best
  }

  /// The learning rate of the first step, with which the rule moves weights as they were moved; nil if none
  /// does.
  private func learningRate(_ fit: AdaptiveFit, for rule: AdaptiveRule) -> Double? {
    guard let block = fit.blocks.first else { return nil }
    let declared = [scope.declared[.learningRate]?.number].compactMap(\.self)
    let error = { (place: Int) in block.solution.standardError(place, deviation: fit.spread) }
    let loose = fit.places.map { fit.model.looseness(place: $0) }.min() ?? 0
    guard fit.model.isOfMomentum else {
      let rate = block.solution.coefficients[0]
      guard rate > 0, rate.isFinite else { return nil }
      return Estimate(rate, standardError: error(0) + (loose + roundedKeeping(fit)) * rate).decimal(
        preferring: declared
      )
    }
    guard let line = scope.momentumLine else { return nil }
    let inside = Estimate(block.solution.coefficients[1], standardError: error(1))
    let form = fit.guess.form(fit.model.shape, place: 0, batch: scope.sizes?.batch)
    let isInside = fit.model.shape.form.insideRate.mentions(.learningRate)
    let (carrier, other, expected) =
      isInside ? (inside, line.rate, form.rate) : (line.rate, inside, form.insideRate)
    guard other.isNear(expected, share: 1e-5) else { return nil }
    let rate = carrier.value / (isInside ? form.insideRate : form.rate)
    guard rate > 0, rate.isFinite else { return nil }
    return Estimate(rate, standardError: carrier.standardError).decimal(preferring: declared)
  }

  /// How far the learning rate may seem off because the trainer holds β₁, β₂ or α in single precision, as a
  /// share that reaches as far as a standard error does.
  ///
  /// 1 − 0.999 then is 1.3e-5 of itself less than 0.001, and with it all that a bias correction makes, or
  /// the square that it lets in.
  private func roundedKeeping(_ fit: AdaptiveFit) -> Double {
    guard scope.sample.weightRoundoff >= 0x1p-24 else { return 0 }
    let shape = fit.model.shape
    let parts: [(AdaptiveQuantity, isFelt: Bool, Double)] = [
      (.beta1, shape.form.rate.mentions(.firstCorrection), 1),
      (.beta2, shape.form.rate.mentions(.secondCorrection), 0.5),
      (.alpha, shape.mentions(.alpha), 0.5),
    ]
    return parts.reduce(0) { sum, part in
      guard part.isFelt else { return sum }
      return sum + 0x1p-25 * part.2 / (1 - min(fit.guess[part.0], 0.9999)) / Estimate.reach
    }
  }

  /// The decay that a candidate shows.
  func decay(_ candidate: AdaptiveScope.Candidate, _ fit: AdaptiveFit) -> Decay {
    var coupled = scope.moments.estimates[.coupledDecay]
    if candidate.search.free.contains(.coupledDecay), let found = candidate.estimates[.coupledDecay]
    {
      coupled = Estimate(fit.guess[.coupledDecay], standardError: found.standardError)
    }
    // What is less than a sixteenth of a rounding is one of the arithmetic here.
    let floor = scope.sample.weightRoundoff / 16 / Estimate.reach
    if fit.model.isOfMomentum, let line = scope.momentumLine {
      let error = line.shrink.standardError + floor
      return Decay(coupled: coupled, shrink: Estimate(line.shrink.value, standardError: error))
    }
    guard let block = fit.blocks.first else {
      return Decay(coupled: coupled, shrink: Estimate(0, standardError: .infinity))
    }
    return Decay(
      coupled: coupled,
      shrink: Estimate(
        block.solution.coefficients[1],
        standardError: block.solution.standardError(1, deviation: fit.spread) + floor
      )
    )
  }

  /// Whether the shrink goes with the learning rates of a schedule as a rule's does: along with them, or not
  /// at all.
  private func followsSchedule(
    _ fit: AdaptiveFit,
    _ shrink: (_ rate: Double) -> Double
  ) -> Bool {
    let solutions = fit.blocks.map(\.solution)
    guard solutions.count > 1, let first = solutions.first else { return true }
    let unit = first.coefficients[1] / shrink(first.coefficients[0])
    return solutions.allSatisfy { solution in
      let error =
        solution.standardError(1, deviation: fit.spread)
        + first.standardError(1, deviation: fit.spread) + scope.sample.weightRoundoff / 2
      return Estimate(solution.coefficients[1], standardError: error)
        .isNear(unit * shrink(solution.coefficients[0]))
    }
  }

  /// The weight decay of a rule that is a candidate's decay; nil if the rule decays otherwise.
  private func weightDecay(
    _ candidate: AdaptiveScope.Candidate,
    _ fit: AdaptiveFit,
    for rule: AdaptiveRule,
    rate: Double
  ) -> Double? {
    let decay = decay(candidate, fit)
    let isCoupled = decay.coupled.map { !$0.isZero } ?? false
    let isShrinking = !decay.shrink.isZero
    guard isCoupled || isShrinking else { return 0 }
    // Where it does both, it is a rule that lets weights shrink, with a mistake.
    guard let found = isShrinking ? decay.shrink : decay.coupled, found.value > 0,
      scope.sample.isWeight || rule.decayScope == .all
    else { return nil }
    let ofBatch = UpdateRule.adaptive(rule).mentions(.batchSize)
    guard !ofBatch || scope.sizes != nil else { return nil }
    func unit(_ rate: Double) -> AdaptiveForm<Double> {
      rule.resolve(
        Hyperparameters([.learningRate: .number(rate), .weightDecay: .number(1)]),
        sizes: scope.sizes ?? TrainingSizes(batch: 1, training: 1),
        step: 1,
        isWeight: true
      )
    }
    let one = unit(rate)
    let share = isShrinking ? one.shrink : one.coupledDecay
    guard share > 0, !isShrinking || followsSchedule(fit, { unit($0).shrink }) else { return nil }
    // A trainer may multiply a weight by 1 - lr lambda, which is rounded first.
    let rounding = isShrinking ? scope.sample.weightRoundoff / 2 / Estimate.reach : 0
    let fallback = rule.hyperparameters.first { $0.name == .weightDecay }?.fallback.number
    return Estimate(
      found.value / share,
      standardError: (found.standardError + 1.01 * rounding) / share
    )
    .decimal(
      preferring: [scope.declared[.weightDecay]?.number, fallback].compactMap(\.self)
        + Self.usualDecays
    )
  }

  private static let usualDecays = [1e-2, 1e-3, 1e-4, 5e-4, 1e-1, 5e-2, 5e-3, 1e-5, 5e-5, 1e-6]

  /// How many digits the numbers have that nobody has to type, and one for each switch that is on.
  private func oddity(of numbers: Hyperparameters, in rule: AdaptiveRule) -> Int {
    rule.hyperparameters.reduce(0) { sum, definition in
      guard let value = numbers[definition.name], value != definition.fallback else { return sum }
      switch value {
      case .flag: return sum + 1
      case .number(let number): return sum + (number == 0 ? 1 : number.digitCount)
      }
    }
  }

  /// What the scope shows, with the numbers of what fits best.
  var measurement: AdaptiveMeasurement {
    let (sample, moments) = (scope.sample, scope.moments)
    let isBlind = !sample.hasGradients || moments.isWithoutGradient
    var measurement = AdaptiveMeasurement(
      sample,
      evidence: moments.secondSlot == nil ? .withoutVelocity : isBlind ? .withoutGradient : .whole
    )
    measurement.estimates = moments.estimates
    measurement.fits = moments.fits
    measurement.alignment.gradientShift = moments.gradientShift
    let named = all.min { $0.oddity < $1.oddity }?.candidate
    guard let best = named ?? scope.accepted.first ?? scope.nearest else { return measurement }
    measurement.fits[best.fit.model.isOfMomentum ? .momentum : .weight] = best.fit.fit
    measurement.steps = best.fit.places
    if let line = scope.momentumLine { measurement.fits[.weight] = line.fit }
    guard !scope.accepted.isEmpty else { return measurement }
    let told = best.estimates.filter { quantity, estimate in
      estimate.standardError < (quantity.scale == .keeping ? 0.05 : .infinity)
    }
    measurement.estimates.merge(told) { $1 }
    measurement.firstStep =
      best.trial.shape.countsSteps ? best.fit.guess.firstStep : scope.firstStep
    if best.fit.rates == .free {
      measurement.learningRates = zip(best.fit.places, best.fit.blocks).map { place, block in
        AdaptiveMeasurement.StepRate(
          place: place,
          learningRate: Estimate(
            block.solution.coefficients[0],
            standardError: block.solution.standardError(0, deviation: best.fit.spread)
          )
        )
      }
    }
    return measurement
  }
}

extension Double {
  /// How many significant digits its shortest decimal has.
  fileprivate var digitCount: Int {
    (1...16).first { rounded(toDigits: $0) == self } ?? 17
  }
}
