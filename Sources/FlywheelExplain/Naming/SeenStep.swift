import FlywheelOptim

/// What one step of weights or of biases does, read off a measurement: its momentum, its rate, its decay.
///
/// A number that the dump does not show is nil.
struct SeenStep {
  let measurement: Measurement
  /// The coefficients that were measured, and those of the step with v' that follow: d f h.
  let letters: [(name: String, estimate: Estimate)]
  /// The same with what rounding may do in their errors.
  private let wide: [(name: String, estimate: Estimate)]

  init(_ measurement: Measurement) {
    self.measurement = measurement
    letters = Self.letters(measurement, measurement.coefficients)
    wide = Self.letters(measurement, measurement.widened)
  }

  /// The number of a letter; nil if it cannot be told.
  subscript(name: String) -> Estimate? { wide.first { $0.name == name }?.estimate }

  private static func letters(
    _ measurement: Measurement,
    _ known: [Coefficient: Estimate]
  ) -> [(name: String, estimate: Estimate)] {
    guard measurement.evidence == .whole, let b = known[.b], let c = known[.c], let q = known[.q],
      let r = known[.r]
    else {
      return Coefficient.allCases.compactMap { name in known[name].map { (name.rawValue, $0) } }
    }
    let (first, last) = ([("b", b), ("c", c)], [("q", q), ("r", r)])
    // Along the first step, or without a momentum, nothing tells how the buffer moves the weight but
    // the gradient.
    guard let a = known[.a], let p = known[.p] else { return first + last }
    guard !a.isZero, !b.isZero else { return [("a", a)] + first + [("p", p)] + last }
    let d = p / a
    let (f, h) = (q - d * b, r - d * c)
    return [("a", a)] + first + [("d", d), ("f", f), ("h", h), ("p", p)] + last
  }

  /// How the step uses its buffer.
  enum Kind { case plain, heavyBall, nesterov, other }

  /// How the step uses its buffer; nil if nothing shows it.
  var kind: Kind? {
    let run = measurement.run
    guard let lagged = run[.laggedGradient], let kept = run[.determinant] else { return nil }
    // A velocity that moves nothing is none.
    if measurement.widened[.p]?.isZero ?? (kept.isZero && lagged.isZero) { return .plain }
    if lagged.isZero { return .heavyBall }
    guard let share = lookAhead else { return .other }
    return share.isNear(1) ? .nesterov : .other
  }

  /// How far the step looks ahead: 0 for heavy ball, 1 for Nesterov, κ (1 + μ)/(−q μ).
  var lookAhead: Estimate? {
    let run = measurement.run
    guard let lagged = run[.laggedGradient], let q = run[.q], !q.isZero,
      let kept = momentum, !kept.isZero
    else { return nil }
    return lagged * (Estimate(1, standardError: 0) + kept) / (q * kept).negated
  }

  /// μ: how much of the last step goes on.
  var momentum: Estimate? {
    measurement.widened[.a] ?? measurement.widened[.determinant]
  }

  /// How far a gradient of 1 moves the weight, through the velocity of this step or directly, without the
  /// look-ahead: lr, and m lr where gradients are summed.
  var rate: Estimate? {
    let run = measurement.run
    guard let q = run[.q] else { return nil }
    guard kind == .nesterov, let lagged = run[.laggedGradient] else { return q.negated }
    return (q + lagged).negated
  }

  /// What joins the gradient, in parts of the weight.
  var coupled: Estimate? {
    guard let b = self["b"], let c = self["c"], !b.isZero else { return nil }
    return c / b
  }

  /// What a weight loses a step past its velocity.
  var shrink: Estimate? {
    guard let h = self["h"] else { return nil }
    guard let f = self["f"], let coupled, !f.isZero else { return h.negated }
    return f * coupled - h
  }

  /// 1 − T + D: 0 without decay.
  var loss: Estimate? { measurement.run[.loss] }

  /// What a weight without gradient loses in a step, once its velocity has settled.
  var idleShrink: Double? {
    if let form = measurement.normalForm { return form.idleShrink }
    guard let loss = loss?.value, let kept = measurement.run[.determinant]?.value else {
      return nil
    }
    // y² − (1 − D + L) y + L = 0
    let sum = 1 - kept + loss
    let discriminant = sum * sum - 4 * loss
    return discriminant < 0 || sum <= 0 ? nil : 2 * loss / (sum + discriminant.squareRoot())
  }
}

extension Estimate {
  // Errors add up in the worst way: nobody knows how they hang together.

  static func + (left: Estimate, right: Estimate) -> Estimate {
    Estimate(left.value + right.value, standardError: left.standardError + right.standardError)
  }

  static func - (left: Estimate, right: Estimate) -> Estimate { left + right.negated }

  static func * (left: Estimate, right: Estimate) -> Estimate {
    Estimate(
      left.value * right.value,
      standardError: abs(left.value) * right.standardError + abs(right.value) * left.standardError
    )
  }

  static func / (left: Estimate, right: Estimate) -> Estimate {
    let quotient = left.value / right.value
    return Estimate(
      quotient,
      standardError: (left.standardError + abs(quotient) * right.standardError) / abs(right.value)
    )
  }

  var negated: Estimate { Estimate(-value, standardError: standardError) }
}
