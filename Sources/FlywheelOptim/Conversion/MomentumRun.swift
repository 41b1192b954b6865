/// What an SGD-like rule does, whatever its buffer holds.
///
/// It is the run of
///
///     v' = μ v + g + λ w
///     w' = w − x w − η v'                 heavy ball
///     w' = w − x w − η (g + λ w + μ v')   Nesterov
///
/// as numbers that no gauge changes. Coupled and decoupled decay are both given as what they take from a
/// weight in a step, y = η λ and x, so that small ones keep all their digits.
struct MomentumRun {
  /// How the buffer moves the weight.
  enum Kind: String {
    /// There is no buffer; coupled and decoupled decay are the same and count as decoupled.
    case plain = "plain SGD"
    /// The new buffer is the step.
    case heavyBall = "heavy-ball momentum"
    /// The step looks ahead along the new buffer.
    case nesterov = "Nesterov momentum"
  }

  var kind: Kind
  /// μ.
  var momentum: Double
  /// η, per unit of mean gradient; negative if the step climbs.
  var rate: Double
  /// y = η λ.
  var coupled: Double
  /// x.
  var shrink: Double

  /// Reads the run of a form without e; nil if it is neither of the three.
  init?(_ form: SGDForm<Double>) {
    let normal = form.normalForm
    guard normal.p != 0 else {
      self.init(kind: .plain, momentum: 0, rate: -normal.q, coupled: 0, shrink: -normal.r)
      return
    }
    let (direct, through) = (form.f, form.d * form.b)
    let isHeavyBall = abs(direct) <= 1e-12 * abs(through)
    let isNesterov = abs(direct * form.a - through) <= 1e-12 * abs(through)
    if isHeavyBall {
      let (coupled, shrink) = (-form.d * form.c, -form.h)
      self.init(
        kind: .heavyBall,
        momentum: form.a,
        rate: -normal.q,
        coupled: coupled,
        shrink: shrink
      )
    } else if isNesterov {
      let coupled = -form.f * form.c / form.b
      // Where the look-ahead carries all of h, what is left is rounding.
      let (lookAhead, own) = (-coupled, form.h)
      let isNoise = abs(own - lookAhead) <= 16 * abs(lookAhead).ulp
      let shrink = isNoise ? 0 : lookAhead - own
      self.init(kind: .nesterov, momentum: form.a, rate: -form.f, coupled: coupled, shrink: shrink)
    } else {
      self.init(skewed: normal)
    }
  }

  /// Reads a Nesterov run whose buffer has a share of the weight in it, by taking that out again: a~ = μ.
  private init?(skewed normal: NormalForm) {
    let (q, lagged) = (normal.q, normal.invariants.laggedGradient)
    let momentum = lagged / -(q + lagged)
    guard momentum.isFinite, momentum > 0, momentum < 1 else { return nil }
    let map = BufferMap(scale: 1, weightShare: (momentum - normal.a) / normal.p)
    let straight = normal.keeping(map)
    let coupled = -(q + lagged) * straight.c / straight.b
    let shrink = -straight.r - coupled * (1 + momentum)
    guard coupled.isFinite, shrink.isFinite else { return nil }
    self.init(
      kind: .nesterov,
      momentum: momentum,
      rate: -(q + lagged),
      coupled: coupled,
      shrink: shrink
    )
  }

  private init(kind: Kind, momentum: Double, rate: Double, coupled: Double, shrink: Double) {
    self.kind = kind
    self.momentum = momentum
    self.rate = rate
    self.coupled = coupled
    self.shrink = shrink
  }
}

extension MomentumRun {
  /// The same run with all its decay coupled: nil if it is not heavy ball.
  ///
  /// D = μ (1 − x) becomes the momentum, and y grows to y + (1 − μ) x.
  var withCoupledDecay: MomentumRun? {
    guard kind == .heavyBall else { return nil }
    var run = self
    run.momentum = momentum * (1 - shrink)
    run.coupled = coupled + (1 - momentum) * shrink
    run.shrink = 0
    return run
  }

  /// The same run with all its decay decoupled: nil if it is not heavy ball, or if idle weights swing.
  ///
  /// x is the smaller root of x² − (1 − μ + y) x + y = 0, here with a shrink that is there already, and
  /// μ becomes D/(1 − x). There is no real root once √y exceeds 1 − √μ.
  var withDecoupledDecay: MomentumRun? {
    guard kind == .heavyBall else { return nil }
    let all = 1 - momentum + coupled + shrink
    let product = coupled + (1 - momentum) * shrink
    let discriminant = all * all - 4 * product
    guard discriminant >= 0 else { return nil }
    var run = self
    // The root's other form, which does not lose a small one to cancellation.
    run.shrink = 2 * product / (all + discriminant.squareRoot())
    run.momentum = momentum * (1 - shrink) / (1 - run.shrink)
    run.coupled = 0
    return run
  }
}
