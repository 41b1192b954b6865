import FlywheelOptim

extension AdaptiveNamer {
  /// Means that take in more or less than they forget, as sentences.
  ///
  /// A gradient that is multiplied by something first is no mistake of theirs.
  var gainMistakes: [String] {
    let moments = scope.moments
    guard !moments.isWithoutGradient, gradientScale == nil else { return [] }
    return gains.compactMap { gain in
      guard !gain.ratio.isNear(1, share: 1e-5) else { return nil }
      let name = gain.kept.rawValue
      return gain.value.isNear(1, share: 1e-5)
        ? "(1 - \(name)) is forgotten: the \(gain.moment) moment takes in all of the \(gain.taken)"
        : "the \(gain.moment) moment takes in \(gain.value.value.brief) of the \(gain.taken), not "
          + "1 - \(name)"
    }
  }

  /// Decay that both joins the gradient and shrinks the weight, as a sentence.
  func twiceMistakes(_ decay: Decay) -> [String] {
    guard let coupled = decay.coupled, !coupled.isZero, !decay.shrink.isZero else { return [] }
    return [
      "the decay is applied twice: \(coupled.value.brief) w joins the gradient, and the weight loses "
        + "\(decay.shrink.value.brief) of itself besides"
    ]
  }

  /// What the gradient is multiplied by before the moments take it in; nil if it is not.
  var gradientScale: Double? {
    let gains = gains
    guard !scope.moments.isWithoutGradient, let square = gains.first(where: { $0.isSquare }),
      square.ratio.value > 0
    else { return nil }
    let scale = square.ratio.value.squareRoot()
    guard !square.ratio.isNear(1, share: 1e-5) else { return nil }
    guard let first = gains.first(where: { !$0.isSquare }) else {
      return square.value.isNear(1, share: 1e-5) ? nil : scale
    }
    return first.ratio.isNear(scale, share: 1e-5) ? first.ratio.value : nil
  }

  /// What a moment takes in.
  private struct Gain {
    let moment: String
    let taken: String
    let kept: AdaptiveQuantity
    let isSquare: Bool
    let value: Estimate
    /// Over what it would take in if it took in what it forgets.
    let ratio: Estimate
  }

  private var gains: [Gain] {
    let moments = scope.moments
    let pairs: [(AdaptiveQuantity, AdaptiveQuantity)] = [
      (.beta1, .firstGain), (moments.secondQuantity, .secondGain),
    ]
    return pairs.compactMap { kept, gain in
      guard let keeping = moments.estimates[kept], let value = moments.estimates[gain] else {
        return nil
      }
      let isSum = gain == .secondGain && moments.secondSlot == "sum"
      let whole = isSum ? 1 : 1 - keeping.decimal(preferring: kept.usualValues)
      guard whole > 0 else { return nil }
      return Gain(
        moment: gain == .firstGain ? "first" : "second",
        taken: gain == .firstGain ? "gradient" : "square",
        kept: kept,
        isSquare: gain == .secondGain,
        value: value,
        ratio: Estimate(
          value.value / whole,
          standardError: (value.standardError + (isSum ? 0 : keeping.standardError)) / whole
        )
      )
    }
  }

  /// What a person should know of the scope, mistakes first.
  var findings: [Finding] {
    let moments = scope.moments
    let kind = scope.sample.isWeight ? "weights" : "biases"
    guard let best = all.min(by: { $0.oddity < $1.oddity }) else {
      guard let nearest = scope.nearest, let rule = nearest.trial.rules.first?.rule else {
        return []
      }
      let times = (nearest.fit.fit.residual / max(nearest.fit.fit.rounding, 1e-300)).brief
      return [
        Finding(
          .unexplained,
          isMistake: true,
          "no rule of Adam's family explains the steps of the \(kind): '\(rule.name)', the nearest, "
            + "leaves \(times) times what rounding does"
        )
      ]
    }
    var findings = best.mistakes.map { Finding(.other, isMistake: true, $0) }
    if let scale = gradientScale {
      findings.append(
        Finding(
          .gradientSummed,
          isMistake: true,
          "the moments take in \(scale.brief) times the gradient that was dumped; a step of this family "
            + "hardly feels that, but for epsilon"
        )
      )
    }
    if moments.isWithoutGradient, scope.sample.hasGradients {
      findings.append(
        Finding(
          .other,
          isMistake: true,
          "the moments fit each other, but not the gradient that was dumped: it was clipped, scaled or "
            + "replaced before the step"
        )
      )
    }
    if moments.gradientShift == 1 {
      findings.append(Finding(.gradientDumpedAfter, "gradients were dumped after their steps"))
    } else if moments.gradientShift == -1 {
      findings.append(
        Finding(
          .gradientLate,
          isMistake: true,
          "a step uses the gradient of the step before"
        )
      )
    }
    if let finding = biasFinding(best) { findings.append(finding) }
    findings += decayFindings(best)
    if best.candidate.fit.rates == .free, let first = best.candidate.fit.blocks.first,
      let last = best.candidate.fit.blocks.last
    {
      findings.append(
        Finding(
          .schedule,
          "the learning rate goes from \(first.solution.coefficients[0].brief) to "
            + "\(last.solution.coefficients[0].brief)"
        )
      )
    }
    return findings
  }

  /// That the moments are not divided by 1 - beta^t, if they are not, and what the first step is then.
  private func biasFinding(_ best: Named) -> Finding? {
    let rule = best.rule
    guard rule.slots.first != nil, rule.hyperparameters.contains(where: { $0.name == .beta2 })
    else { return nil }
    let switches = Set(
      UpdateRule.adaptive(rule).switches.filter { best.hyperparameters.number($0) != 0 }
    )
    let form = rule.form(with: switches)
    guard ![form.rate, form.insideRate].contains(where: { $0.mentions(.firstCorrection) }) else {
      return nil
    }
    let numbers = best.hyperparameters
    let times = (1 - numbers.number(.beta1)) / (1 - numbers.number(.beta2)).squareRoot()
    return Finding(
      .noBiasCorrection,
      "the moments are not corrected for their bias: the first step is "
        + "\(times.text(digits: 2)) times as long as with 1 - beta^t, and later ones approach it"
    )
  }

  private func decayFindings(_ best: Named) -> [Finding] {
    let decay = decay(best.candidate, best.fit)
    var findings: [Finding] = []
    let kind = scope.sample.isWeight ? "weight" : "bias"
    if let coupled = decay.coupled, !coupled.isZero {
      findings.append(
        Finding(
          .decayCoupled,
          "the decay joins the gradient of a \(kind), as \(coupled.value.brief) w, and goes through the "
            + "second moment that divides it"
        )
      )
    }
    if !decay.shrink.isZero {
      findings.append(
        Finding(
          .decayDecoupled,
          "the decay passes the moments by: a \(kind) loses \(decay.shrink.value.brief) of itself a step"
        )
      )
    } else if scope.sample.isWeight, decay.shrink.standardError.isFinite {
      findings.append(
        Finding(
          .noDecay,
          "no decoupled decay was seen; one of "
            + "\((Estimate.reach * decay.shrink.standardError).text(digits: 2)) a step would have been"
        )
      )
    }
    return findings
  }

  /// What the scope cannot show.
  var openQuestions: [OpenQuestion] {
    guard let best = all.min(by: { $0.oddity < $1.oddity }) else { return [] }
    let (fit, search) = (best.fit, best.candidate.search)
    var questions: [OpenQuestion] = []
    if !scope.sample.hasGradients || scope.moments.isWithoutGradient {
      questions.append(
        OpenQuestion(
          what: "whether a decay joins the gradient",
          reason: "the moments show the gradient only with it",
          remedy: "dump the gradients, too"
        )
      )
    }
    let known = scope.moments.estimates.merging(best.candidate.estimates) { $1 }
    let untold = [AdaptiveQuantity.beta1, .beta2, .alpha].filter { quantity in
      search.model.shape.mentions(quantity) && (known[quantity]?.standardError ?? 1) > 0.05
    }
    if !untold.isEmpty {
      questions.append(
        OpenQuestion(
          what: untold.map(\.rawValue).joined(separator: " and "),
          reason: "in these steps the moments start from nothing, and keep nothing of it",
          remedy: "dump more steps; the defaults of \(best.rule.name) are shown"
        )
      )
    }
    if let bound = epsilonBound(best) {
      questions.append(
        OpenQuestion(
          what: "epsilon",
          reason: "up to \(bound) it leaves no trace in these steps: every sqrt(s) is far larger",
          remedy: "dump parameters with small gradients; \(best.rule.name)'s default is shown"
        )
      )
    }
    if search.isStepFree {
      let steps = [fit.guess.firstStep / 2, fit.guess.firstStep * 2 + 1].filter { step in
        var guess = fit.guess
        guess.firstStep = step
        return search.fit(guess).misfit <= best.candidate.limit
      }
      if !steps.isEmpty {
        questions.append(
          OpenQuestion(
            what: "how many steps came before",
            reason: "the bias corrections do not change enough in these steps",
            remedy: "say --step, or dump from the first step on"
          )
        )
      }
    }
    if scope.moments.secondSlot == nil {
      questions.append(
        OpenQuestion(
          what: "the moments themselves",
          reason:
            "no buffers were dumped, and they were computed from the gradients, starting at step 1",
          remedy: "dump exp_avg and exp_avg_sq, too, to check them"
        )
      )
    }
    return questions
  }

  /// The largest usual ε that fits as well; nil if it can be told.
  func epsilonBound(_ best: Named) -> Double? {
    guard best.candidate.search.free.contains(.epsilon) else { return nil }
    let fitting = AdaptiveQuantity.epsilon.usualValues.filter { value in
      var guess = best.fit.guess
      guess[.epsilon] = value
      return best.candidate.search.fit(guess).misfit <= best.candidate.limit
    }
    return fitting.count > 1 ? fitting.max() : nil
  }
}
