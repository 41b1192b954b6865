/// The steps of an SGD-like rule with one parameter's numbers, at any learning rate.
struct ScheduledForm {
  /// The coefficients in the learning rate and the size of a mini-batch alone, once there is a buffer.
  private let formulas: SGDForm<Formula>
  /// The size of a mini-batch.
  private let batch: Double
  /// Whether momentum follows the rate.
  let isCorrected: Bool
  /// Where the learning rate is; nil without a velocity that matters.
  private let placement: LearningRatePlacement?

  init(_ rule: SGDRule, _ hyperparameters: Hyperparameters, sizes: TrainingSizes, isWeight: Bool) {
    let all = rule.prepare(hyperparameters, sizes: sizes, hasBuffer: true, isWeight: isWeight)
    (formulas, batch) = (all, Double(sizes.batch))
    isCorrected = hyperparameters.isOn(.momentumCorrection)
    placement = all.learningRatePlacement
  }

  /// Whether the velocity holds the learning rate.
  var holdsRate: Bool { if case .inside? = placement { true } else { false } }

  /// What momentum is multiplied by at a step.
  private func correction(rate: Double, last: Double) -> Double {
    guard isCorrected, let placement else { return 1 }
    // Where momentum cannot follow there is no such step, and no other is near it.
    return (try? placement.momentumCorrection(rate: rate, last: last)) ?? .nan
  }

  /// The coefficients at a constant rate, without e.
  func form(rate: Double) -> SGDForm<Double> {
    formulas.map { formula in formula.evaluate { $0 == .batchSize ? batch : rate } }
      .withoutOldBuffer
  }

  /// The coefficients of a step.
  func normalForm(rate: Double, last: Double) -> NormalForm {
    var form = form(rate: rate)
    form.a *= correction(rate: rate, last: last)
    return form.normalForm
  }
}

extension ScheduledForm {
  /// How this rule's buffer becomes another's before a step; nil where one of the two has none that matters
  /// or the rate of 0 has emptied it.
  static func map(_ source: NormalForm, to target: NormalForm) -> BufferMap? {
    let scale = source.p / target.p
    guard scale.isFinite, scale != 0 else { return nil }
    // Where both agree but for rounding, nothing of the weight belongs into the buffer.
    let parts = source.r - target.r
    let isNoise = abs(parts) <= 16 * max(abs(source.r), abs(target.r)).ulp
    let share = isNoise ? 0 : parts / target.p
    return share.isFinite
      ? BufferMap(scale: scale.shortestDecimal, weightShare: share.shortestDecimal) : nil
  }

  /// Whether two rules make the same weights of any gradients while the rate takes these values.
  ///
  /// With a map (s, k) before each step, one step of the source seen through the next map must be one of
  /// the target seen through this one:
  ///
  ///     s' a + k' p = a~ s      s' b + k' q = b~      s' c + k' (1 + r) = a~ k + c~      q = q~
  ///
  /// At a constant rate that is: the invariants agree.
  ///
  /// - Parameters:
  ///   - target: The other rule.
  ///   - rates: The source's rates, the first of which is that of the step before.
  ///   - share: The target's rate over the source's.
  ///   - momentum: What the target's momentum is multiplied by besides, told by the rate before.
  /// - Returns: Whether they do, as far as rounding lets it be told.
  func runs(
    as target: ScheduledForm,
    rates: [Double],
    share: Double,
    momentum: (Double) -> Double = { _ in 1 }
  ) -> Bool {
    let steps = zip(rates, rates.dropFirst()).map { last, rate in
      let source = normalForm(rate: rate, last: last)
      var form = target.form(rate: share * rate)
      form.a *= momentum(last) * target.correction(rate: rate, last: last)
      return (source: source, target: form.normalForm)
    }
    return zip(steps, steps.dropFirst()).allSatisfy { step, next in
      let (n, m) = (step.source, step.target)
      guard isNear(n.q, m.q, n.q) else { return false }
      if n.p == 0 || m.p == 0 {
        return n.p == m.p && isNear(n.r, m.r, n.r)
      }
      guard let now = Self.map(n, to: m), let then = Self.map(next.source, to: next.target) else {
        return false
      }
      let (s, k) = (then.scale, then.weightShare)
      let moved = m.a * now.weightShare
      // What a weight loses in a step cannot be told closer than its own rounding.
      let rounding = 4 * Double.ulpOfOne / abs(m.p)
      return isNear(s * n.a + k * n.p, m.a * now.scale, s * n.a)
        && isNear(s * n.b + k * n.q, m.b, s * n.b)
        && isNear(s * n.c + k * (1 + n.r), moved + m.c, max(abs(s * n.c), abs(k)), rounding)
    }
  }

  /// Whether two sides of an equation agree but for rounding, seen beside a term of it.
  private func isNear(
    _ left: Double,
    _ right: Double,
    _ term: Double,
    _ rounding: Double = 0
  ) -> Bool {
    abs(left - right) <= 1e-12 * max(abs(left), abs(right), abs(term)) + rounding
  }
}
