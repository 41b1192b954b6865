import FlywheelOptim

/// What can be said of an SGD-like trainer: one function for each thing, which says nothing where it is not.
enum SGDFindings {
  /// All findings, mistakes first.
  static func all(of run: SeenRun) -> [Finding] {
    let found = detectors.flatMap { $0(run) }
    return found.filter(\.isMistake) + found.filter { !$0.isMistake }
  }

  private static let detectors: [@Sendable (SeenRun) -> [Finding]] = [
    wrongLayer, unexplained, climbs, gradientSummed, gradientMayBeSummed, velocityNotStored,
    neverForgets,
    lookAheadWrong, learningRateTwice, alignment, decayAppliedTwice, decayGrows,
    biasesDiffer, momentum, nesterov, noMomentum, place, decay, decayWeak, noDecay,
    biasesNotDecayed,
    biasesDecayed,
  ]

  // MARK: - Trust

  private static func unexplained(_ run: SeenRun) -> [Finding] {
    [run.measurement.weights, run.measurement.biases].compactMap(\.self).compactMap { kind in
      guard !kind.isExplained else { return nil }
      let worst = kind.fits.values.max { $0.residual < $1.residual }
      let left = worst.map {
        ": a residual of \($0.residual.text(digits: 2)) is left where rounding would leave "
          + "\($0.rounding.text(digits: 2))"
      }
      return Finding(
        .unexplained,
        isMistake: true,
        "no rule with one velocity, and the same numbers for all, explains the "
          + "\(kind.isWeight ? "weights" : "biases")\(left ?? "")"
      )
    }
  }

  /// A parameter whose lines another one's arrays explain.
  private static func wrongLayer(_ run: SeenRun) -> [Finding] {
    run.measurement.parameters.compactMap { parameter in
      guard let borrowed = parameter.borrowing, let name = parameter.names.first else { return nil }
      let what =
        switch borrowed.kind {
        case .velocity: "velocity"
        case .gradient: "gradient"
        case .both: "velocity and the gradient"
        }
      let does = borrowed.line == .weight ? "moves along" : "keeps a velocity made of"
      return Finding(
        .wrongLayer,
        isMistake: true,
        "'\(name)' \(does) the \(what) of '\(borrowed.name)' instead of its own"
      )
    }
  }

  // MARK: - The gradient

  private static func climbs(_ run: SeenRun) -> [Finding] {
    guard let main = run.main, let rate = main.rate, rate.value < 0, !rate.isZero else { return [] }
    return [
      Finding(
        .climbs,
        isMistake: true,
        "the step goes uphill: a gradient of 1 adds \((-rate.value).brief) to the weight; the sign "
          + "of the step, or of the gradient in the velocity, is wrong"
      )
    ]
  }

  private static func gradientSummed(_ run: SeenRun) -> [Finding] {
    guard let m = run.summedOver, let main = run.main, let rate = main.rate else { return [] }
    let samples = m.brief
    let mean = rate.value / m
    var text =
      "the gradient is summed over the \(samples) samples of a mini-batch, not averaged: it is "
      + "\(samples) times as large, so that the learning rate is in effect \(rate.value.brief) "
      + "instead of \(mean.brief)"
    if let momentum = main.momentum, momentum.value > 0, momentum.value < 1, main.kind != .plain {
      let gain = 1 / (1 - momentum.value)
      text +=
        "; momentum makes 1/(1 - mu) = \(gain.brief) times that of it, \((gain * rate.value).brief) "
        + "a step for a steady gradient"
    }
    return [
      Finding(
        .gradientSummed,
        isMistake: true,
        "\(text); divide dW and db by \(samples), or the learning rate"
      )
    ]
  }

  private static func gradientMayBeSummed(_ run: SeenRun) -> [Finding] {
    guard let largest = run.lastBiasGradient, largest > 1, !run.declaration.isGradientSummed,
      run.summedOver == nil
    else { return [] }
    let times = run.value(.batchSize).map { $0.brief } ?? "m"
    return [
      Finding(
        .gradientMayBeSummed,
        isMistake: true,
        "the dumped gradient of the last bias reaches \(largest.brief): the mean over a mini-batch of "
          + "softmax or sigmoid with cross-entropy never exceeds 1, so dW and db may be sums; if "
          + "they are, the learning rate is in effect \(times) times as large, and momentum "
          + "multiplies that by 1/(1 - mu): say --summed-gradient to see it so"
      )
    ]
  }

  // MARK: - The velocity

  private static func velocityNotStored(_ run: SeenRun) -> [Finding] {
    guard run.hasStillVelocity else { return [] }
    return [
      Finding(
        .velocityNotStored,
        isMistake: true,
        "the velocity never takes the gradient in (b = 0), though the gradient moves the weight: the "
          + "new velocity is made but not stored back; add self.v = v after the step"
      )
    ]
  }

  private static func neverForgets(_ run: SeenRun) -> [Finding] {
    guard let main = run.main, main.kind != .plain, let kept = main.momentum, kept.value > 0,
      kept.value >= 1 || kept.isNear(1), let b = main["b"], !b.isZero
    else { return [] }
    return [
      Finding(
        .velocityNeverForgets,
        isMistake: true,
        "the velocity keeps \(kept.value.brief) of itself each step and so never forgets a gradient: "
          + "the momentum has to be below 1"
      )
    ]
  }

  private static func lookAheadWrong(_ run: SeenRun) -> [Finding] {
    guard let main = run.main, run.kind == .other, let share = run.lookAhead else { return [] }
    return [
      Finding(
        .lookAheadWrong,
        isMistake: true,
        "the step is neither heavy ball nor Nesterov: "
          + (share.value < 0
            ? "the old velocity moves the weight besides the new one; Nesterov's"
            : "it looks ahead \(share.value.brief) times as far as Nesterov's, which")
          + " is w - lr (g + mu v') with the new velocity v'",
        summary: main.momentum.map { "a velocity of momentum \($0.value.brief)" }
      )
    ]
  }

  private static func learningRateTwice(_ run: SeenRun) -> [Finding] {
    guard let main = run.main, let b = main["b"], let d = main["d"], let f = main["f"], f.isZero
    else { return [] }
    let (inside, outside) = (abs(b.value), abs(d.value))
    let isDeclared =
      run.declaration.learningRate.map {
        run.isProduct(b, $0, of: main) && run.isProduct(d, $0, of: main)
      } ?? false
    let isAlike =
      Estimate(inside, standardError: b.standardError).isNear(outside, share: 1e-6) && inside < 0.99
    guard isDeclared || (run.declaration.learningRate == nil && isAlike) else { return [] }
    return [
      Finding(
        .learningRateTwice,
        isMistake: true,
        "the learning rate is applied twice: the gradient enters the velocity times \(inside.brief), "
          + "and the velocity moves the weight times \(outside.brief), so that it is in effect "
          + "\((inside * outside).brief); leave one of them out"
      )
    ]
  }

  private static func alignment(_ run: SeenRun) -> [Finding] {
    guard let shift = run.main?.measurement.alignment.gradientShift, shift != 0 else { return [] }
    let isAfter = shift > 0
    return [
      Finding(
        isAfter ? .gradientDumpedAfter : .gradientLate,
        isMistake: !isAfter,
        isAfter
          ? "each dump holds the gradient of the step before it: gradients were dumped after their "
            + "steps, which is taken into account"
          : "each step uses the gradient of the step before: the gradient comes one step late"
      )
    ]
  }

  // MARK: - The decay

  private static func decayAppliedTwice(_ run: SeenRun) -> [Finding] {
    guard let weights = run.weights, let coupled = weights.coupled, let shrink = weights.shrink,
      !coupled.isZero
    else { return [] }
    if !shrink.isZero, coupled.value > 0, shrink.value > 0 {
      return [
        Finding(
          .decayAppliedTwice,
          isMistake: true,
          "weight decay is applied twice: \(coupled.value.brief) of the weight joins the gradient "
            + "(coupled), and each step takes \(shrink.value.brief) of the weight directly "
            + "(decoupled); leave one of them out"
        )
      ]
    }
    guard let declared = run.declaration.weightDecay,
      [1, run.value(.batchSize), run.value(.trainingSize)].compactMap(\.self)
        .contains(where: { run.isProduct(coupled, 2 * declared / $0, of: weights) }),
      !run.naming.names.contains(where: { $0.match == .numbers })
    else { return [] }
    return [
      Finding(
        .decayAppliedTwice,
        isMistake: true,
        "weight decay is twice what was declared: \(coupled.value.brief) of the weight joins the "
          + "gradient; it is added twice, or made as the gradient of lambda w^2 instead of lambda/2 w^2"
      )
    ]
  }

  private static func decayGrows(_ run: SeenRun) -> [Finding] {
    guard let weights = run.weights, let loss = weights.loss, !loss.isZero, loss.value < 0 else {
      return []
    }
    return [
      Finding(
        .decayGrows,
        isMistake: true,
        "weights without a gradient grow instead of shrinking: the sign of the weight decay is wrong"
      )
    ]
  }

  /// PyTorch's rule with the same numbers, beside which a decay may be weak.
  private static func decayWeak(_ run: SeenRun) -> [Finding] {
    guard let weights = run.weights, let decay = run.value(.weightDecay), decay > 0,
      let rate = run.value(.learningRate), let momentum = run.value(.momentum),
      let own = weights.idleShrink, own > 0, weights.loss?.isZero == false
    else { return [] }
    let numbers = Hyperparameters(
      learningRate: rate,
      momentum: momentum,
      weightDecay: decay
    )
    let torch = SGDRule.pytorch.resolve(
      numbers,
      sizes: TrainingSizes(batch: 1, training: 1),
      hasBuffer: true,
      isWeight: true
    ).normalForm.idleShrink
    guard let torch, torch > 1.5 * own else { return [] }
    return [
      Finding(
        .decayWeak,
        "a weight without gradient loses \(own.brief) of itself a step; "
          + "torch.optim.SGD with the same lr, momentum and weight_decay takes \(torch.brief), "
          + "\(times(torch / own)) times as much",
        summary: "\(times(torch / own)) times weaker than PyTorch's with the same numbers"
      )
    ]
  }

  private static func times(_ ratio: Double) -> String {
    ratio < 1e6 ? "\((ratio.text(digits: ratio < 1000 ? 3 : 4)))" : ratio.text(digits: 2)
  }

  private static func biasesDecayed(_ run: SeenRun) -> [Finding] {
    guard let biases = run.biases, let loss = biases.loss, !loss.isZero, loss.value > 0,
      run.weights?.loss?.isZero == false, let biasShrink = biases.idleShrink
    else { return [] }
    return [
      Finding(
        .biasesDecayed,
        "biases are decayed, too: one without gradient loses \(biasShrink.brief) of itself a step, as "
          + "in PyTorch, where most texts decay weights only",
        summary: "biases are decayed, too"
      )
    ]
  }

  private static func biasesNotDecayed(_ run: SeenRun) -> [Finding] {
    guard run.weights?.loss?.isZero == false, run.biases?.loss?.isZero == true else { return [] }
    return [
      Finding(
        .biasesNotDecayed,
        "biases are not decayed, weights are; torch.optim.SGD decays both unless they are in groups",
        summary: "biases are not decayed"
      )
    ]
  }

  private static func biasesDiffer(_ run: SeenRun) -> [Finding] {
    guard let weights = run.weights, let biases = run.biases else { return [] }
    var parts: [String] = []
    func compare(_ name: String, _ one: Estimate?, _ other: Estimate?, share: Double) {
      guard let one, let other, !(one - other).isZero,
        abs(one.value - other.value) > share * abs(one.value)
      else { return }
      parts.append("\(name) \(one.value.brief) for weights and \(other.value.brief) for biases")
    }
    // D holds a share of the decay where nothing else shows the momentum.
    let isWhole = weights.measurement.evidence == .whole
    compare("the momentum is", weights.momentum, biases.momentum, share: isWhole ? 1e-6 : 0.01)
    compare("the learning rate is in effect", weights.rate, biases.rate, share: 1e-6)
    guard !parts.isEmpty else { return [] }
    return [Finding(.biasesDiffer, isMistake: true, parts.joined(separator: ", and "))]
  }

  private static func decay(_ run: SeenRun) -> [Finding] {
    guard let weights = run.weights, weights.loss.map({ $0.value > 0 }) ?? true else { return [] }
    var found = decayOfRun(run)
    if let coupled = weights.coupled, !coupled.isZero {
      found.append(
        Finding(
          .decayCoupled,
          "weight decay is coupled, as PyTorch's is: \(coupled.value.brief)"
            + "\(run.inWords(coupled, of: weights, isDecay: true)) of the weight joins the gradient, and goes "
            + "through the velocity with it",
          summary: "the weight decay is coupled, as PyTorch's"
        )
      )
    }
    if let shrink = weights.shrink, !shrink.isZero, shrink.value > 0 {
      found.append(
        Finding(
          .decayDecoupled,
          "weight decay is decoupled: it passes the velocity by, and each step takes "
            + "\(shrink.value.brief)\(run.inWords(shrink, of: weights, isDecay: true)) of the weight directly; "
            + "PyTorch's goes through the velocity, which makes 1/(1 - mu) times as much of it",
          summary: "the weight decay is decoupled"
        )
      )
    }
    return found
  }

  /// How weights are decayed where no velocity was dumped: biases that are not decayed show the momentum,
  /// and a decoupled decay makes that of weights smaller, D = mu (1 - x).
  private static func decayOfRun(_ run: SeenRun) -> [Finding] {
    guard let weights = run.weights, let biases = run.biases, weights.kind == .heavyBall,
      weights.measurement.evidence == .withoutVelocity, weights.loss?.isZero == false,
      biases.loss?.isZero == true, let kept = weights.momentum, let free = biases.momentum
    else { return [] }
    let shrink = Estimate(1, standardError: 0) - kept / free
    if shrink.isZero {
      return [
        Finding(
          .decayCoupled,
          "weight decay is coupled, as PyTorch's is: the momentum of weights is that of biases, which "
            + "are not decayed",
          summary: "the weight decay is coupled, as PyTorch's"
        )
      ]
    }
    guard shrink.value > 0 else { return [] }
    return [
      Finding(
        .decayDecoupled,
        "weight decay is decoupled: it passes the velocity by, and each step takes "
          + "\(shrink.value.brief)\(run.inWords(shrink, of: weights, isDecay: true)) of the weight "
          + "directly, as the momentum of biases shows, which are not decayed",
        summary: "the weight decay is decoupled"
      )
    ]
  }

  /// What decay would have been seen.
  private static func noDecay(_ run: SeenRun) -> [Finding] {
    guard let weights = run.weights, let loss = weights.loss, loss.isZero, let rate = weights.rate
    else { return [] }
    let seen = Estimate.reach * loss.standardError
    var text =
      "no weight decay is seen; one that takes \(seen.text(digits: 2)) of a weight a step would "
      + "have been"
    var kind = Finding.Kind.noDecay
    if let decay = run.declaration.weightDecay, decay > 0 {
      let sizes = [1, run.value(.batchSize), run.value(.trainingSize)].compactMap(\.self)
      let precision = weights.measurement.precision ?? 0
      if let hidden = sizes.map({ abs(rate.value) * decay / $0 })
        .first(where: { $0 <= max(seen, precision) })
      {
        kind = .hiddenByRounding
        text += ": the declared one may be there, \(hidden.brief) a step, and rounding hides it"
        if hidden < precision {
          text +=
            "; in \(weights.measurement.dtype) W - \(hidden.brief)*W is W again, so that directly it "
            + "does nothing"
        }
      }
    }
    return [Finding(kind, text, summary: "no weight decay is seen")]
  }

  // MARK: - The momentum

  private static func momentum(_ run: SeenRun) -> [Finding] {
    guard let main = run.main, main.kind == .heavyBall, let kept = main.momentum else { return [] }
    let start = "heavy-ball momentum, \(kept.value.brief)"
    guard let b = main["b"], let d = main["d"] else {
      return main.measurement.evidence == .withoutVelocity ? [Finding(.momentum, start)] : []
    }
    let placed: [(isTrue: Bool, owner: String, text: String)] = [
      (
        abs(abs(d.value) - 1) < 1e-6, "Keras's and Nielsen's",
        ", with the learning rate inside the velocity, as Keras's and Nielsen's is: the velocity is "
          + "the step itself"
      ),
      (
        run.isProduct(b, 1, of: main) || run.summedOver != nil, "PyTorch's",
        ", as PyTorch's is: v' = \(kept.value.brief) v + g, and the learning rate multiplies the "
          + "velocity when it moves the weight"
      ),
      (
        run.isProduct(b, 1 - kept.value, of: main), "that of CS230, of averaged gradients",
        ", of a velocity that averages gradients, as CS230's does: (1 - mu) makes the learning rate "
          + "in effect \((1 - kept.value).brief) of what PyTorch's would be"
      ),
    ]
    let place = placed.first(where: \.isTrue)
    return [
      Finding(
        .momentum,
        start + (place?.text ?? ""),
        summary: place.map { "the momentum is \($0.owner)" } ?? start
      )
    ]
  }

  /// Where the learning rate is, where no gradient was dumped.
  private static func place(_ run: SeenRun) -> [Finding] {
    guard let main = run.main, main.measurement.evidence == .withoutGradient,
      let new = main["d"], let old = main["e"], run.kind == .heavyBall || run.kind == .nesterov
    else { return [] }
    // Nesterov's look-ahead adds to the one what it takes from the other.
    let d = new + old
    let isInside = d.isNear(1) || d.isNear(-1)
    let text =
      isInside
      ? "the velocity is the step itself, so that the learning rate is inside it, as Keras's and "
        + "Nielsen's"
      : "the velocity moves the weight times \(abs(d.value).brief): the learning rate is outside of it, "
        + "as PyTorch's"
    return [Finding(.learningRatePlace, text, summary: text)]
  }

  private static func nesterov(_ run: SeenRun) -> [Finding] {
    guard run.kind == .nesterov, let kept = run.momentum else { return [] }
    return [
      Finding(
        .nesterov,
        "Nesterov's momentum, \(kept.value.brief): the step looks ahead along its velocity",
        summary: "the momentum is Nesterov's"
      )
    ]
  }

  private static func noMomentum(_ run: SeenRun) -> [Finding] {
    guard let main = run.main, main.kind == .plain, !run.hasStillVelocity else { return [] }
    return [
      Finding(
        .noMomentum,
        "no momentum: nothing goes on from one step to the next",
        summary: "there is no momentum"
      )
    ]
  }
}
