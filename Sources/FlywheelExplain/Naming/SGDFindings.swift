import FlywheelOptim

/// What can be said of an SGD-like trainer: one function for each thing, which says nothing where it is not.
enum SGDFindings {
  /// All findings, mistakes first.
  static func all(of run: SeenRun) -> [Finding] {
    let found = detectors.flatMap { $0(run) }
    return found.filter(\.isMistake) + found.filter { !$0.isMistake }
  }

  private static let detectors: [@Sendable (SeenRun) -> [Finding]] = [
    unexplained, climbs, gradientSummed, gradientMayBeSummed, velocityNotStored, neverForgets,
    lookAheadWrong, learningRateTwice, alignment, decayAppliedTwice, decayGrows, decayWeak,
    biasesDecayed, biasesDiffer, momentum, nesterov, noMomentum, decay, noDecay, biasesNotDecayed,
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
    guard let main = run.main, main.measurement.evidence == .whole, let b = main["b"], b.isZero,
      let q = main["q"], !q.isZero
    else { return [] }
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
    guard let main = run.main, main.kind == .other, let share = main.lookAhead else { return [] }
    return [
      Finding(
        .lookAheadWrong,
        isMistake: true,
        "the step is neither heavy ball nor Nesterov: it looks ahead \(share.value.brief) times as "
          + "far as Nesterov's, which is w - lr (g + mu v') with the new velocity v'"
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
      !run.naming.names.contains(where: { $0.match == .numbers && !run.naming.isOtherThanDeclared })
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
          + "\(times(torch / own)) times as much"
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
          + "in PyTorch, where most texts decay weights only"
      )
    ]
  }

  private static func biasesNotDecayed(_ run: SeenRun) -> [Finding] {
    guard run.weights?.loss?.isZero == false, run.biases?.loss?.isZero == true else { return [] }
    return [
      Finding(
        .biasesNotDecayed,
        "biases are not decayed, weights are; torch.optim.SGD decays both unless they are in groups"
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
    guard let weights = run.weights, let loss = weights.loss, !loss.isZero, loss.value > 0 else {
      return []
    }
    if let coupled = weights.coupled, let shrink = weights.shrink {
      var found: [Finding] = []
      if !coupled.isZero {
        found.append(
          Finding(
            .decayCoupled,
            "weight decay is coupled, as PyTorch's is: \(coupled.value.brief)"
              + "\(run.inWords(coupled, of: weights)) of the weight joins the gradient, and goes "
              + "through the velocity with it"
          )
        )
      }
      if !shrink.isZero {
        found.append(
          Finding(
            .decayDecoupled,
            "weight decay is decoupled: it passes the velocity by, and each step takes "
              + "\(shrink.value.brief)\(run.inWords(shrink, of: weights)) of the weight directly; "
              + "PyTorch's goes through the velocity, which makes 1/(1 - mu) times as much of it"
          )
        )
      }
      return found
    }
    return []
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
      if let hidden = sizes.map({ abs(rate.value) * decay / $0 }).first(where: { $0 <= seen }) {
        kind = .hiddenByRounding
        text +=
          ": the declared one may be there, \(hidden.brief) a step, below what rounding leaves"
        if hidden < 3e-8 {
          text += "; in single precision W - \(hidden.brief)*W is W again, so that it does nothing"
        }
      }
    }
    return [Finding(kind, text)]
  }

  // MARK: - The momentum

  private static func momentum(_ run: SeenRun) -> [Finding] {
    guard let main = run.main, main.kind == .heavyBall, let kept = main.momentum else { return [] }
    let start = "heavy-ball momentum, \(kept.value.brief)"
    guard let b = main["b"], let d = main["d"] else {
      return main.measurement.evidence == .withoutVelocity ? [Finding(.momentum, start)] : []
    }
    let placed: [(isTrue: Bool, text: String)] = [
      (
        abs(abs(d.value) - 1) < 1e-6,
        ", with the learning rate inside the velocity, as Keras's and Nielsen's is: the velocity is "
          + "the step itself"
      ),
      (
        run.isProduct(b, 1, of: main) || run.summedOver != nil,
        ", as PyTorch's is: v' = \(kept.value.brief) v + g, and the learning rate multiplies the "
          + "velocity when it moves the weight"
      ),
      (
        run.isProduct(b, 1 - kept.value, of: main),
        ", of a velocity that averages gradients, as CS230's does: (1 - mu) makes the learning rate "
          + "in effect \((1 - kept.value).brief) of what PyTorch's would be"
      ),
    ]
    return [Finding(.momentum, start + (placed.first(where: \.isTrue)?.text ?? ""))]
  }

  private static func nesterov(_ run: SeenRun) -> [Finding] {
    guard let main = run.main, main.kind == .nesterov, let kept = main.momentum else { return [] }
    return [
      Finding(.nesterov, "Nesterov's momentum, about \(kept.value.brief): the step looks ahead")
    ]
  }

  private static func noMomentum(_ run: SeenRun) -> [Finding] {
    guard let main = run.main, main.kind == .plain else { return [] }
    return [Finding(.noMomentum, "no momentum: nothing goes on from one step to the next")]
  }
}
