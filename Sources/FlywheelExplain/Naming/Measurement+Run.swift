import FlywheelCore
import FlywheelOptim

extension Measurement {
  /// The normal form that was measured; nil if a coefficient is missing.
  var normalForm: NormalForm? {
    guard let a = coefficients[.a]?.value, let b = coefficients[.b]?.value,
      let c = coefficients[.c]?.value, let p = coefficients[.p]?.value,
      let q = coefficients[.q]?.value, let r = coefficients[.r]?.value
    else { return nil }
    return NormalForm(a: a, b: b, c: c, p: p, q: q, r: r)
  }

  /// What no way of keeping the buffer changes: D, L, q and κ, as far as they are known.
  ///
  /// The errors of the six add up in the worst way: nobody knows how they hang together.
  var run: [Coefficient: Estimate] {
    guard evidence == .whole else {
      return widened.filter { [.determinant, .loss, .q, .laggedGradient].contains($0.key) }
    }
    let known = widened
    guard let form = normalForm else { return plainRun(known) }
    let error = { (name: Coefficient) in known[name]?.standardError ?? 0 }
    let (a, b, c) = (error(.a), error(.b), error(.c))
    let (p, q, r) = (error(.p), error(.q), error(.r))
    let ofProduct = abs(form.p) * c + abs(form.c) * p
    return [
      .determinant: Estimate(
        form.invariants.determinant,
        standardError: abs(1 + form.r) * a + abs(form.a) * r + ofProduct
      ),
      .loss: Estimate(
        form.coefficient(.loss) ?? 0,
        standardError: abs(1 - form.a) * r + abs(form.r) * a + ofProduct
      ),
      .q: Estimate(form.q, standardError: q),
      .laggedGradient: Estimate(
        form.invariants.laggedGradient,
        standardError: abs(form.p) * b + abs(form.b) * p + abs(form.q) * a + abs(form.a) * q
      ),
    ]
  }

  /// The run where velocities were dumped that nothing ever enters: there is none.
  private func plainRun(_ known: [Coefficient: Estimate]) -> [Coefficient: Estimate] {
    guard let b = known[.b], let c = known[.c], b.isZero, c.isZero, let q = known[.q],
      let r = known[.r]
    else { return [:] }
    let none = Estimate(0, standardError: .ulpOfOne)
    return [.determinant: none, .loss: r.negated, .q: q, .laggedGradient: none]
  }

  /// The same for gradients that are so many times as large as the dumped ones.
  ///
  /// A sum over m samples is m times the mean that rules speak of: of means, the coefficients are m times as
  /// large.
  func forGradient(dividedBy size: Double) -> Measurement {
    var other = self
    for name in [Coefficient.b, .q, .laggedGradient] {
      other.coefficients[name] = coefficients[name].map {
        Estimate($0.value * size, standardError: $0.standardError * size)
      }
    }
    return other
  }

  /// How much a coefficient may be off besides its error: what rounding alone leaves of the lines, which in
  /// single precision is not quite random.
  var share: Double {
    let rounding = fits.values.map(\.rounding).max() ?? 0
    return min(1e-6, max(1e-11, rounding))
  }

  /// The coefficients with that in their errors.
  var widened: [Coefficient: Estimate] {
    coefficients.mapValues {
      Estimate(
        $0.value,
        standardError: $0.standardError + share * abs($0.value) / Estimate.reach
      )
    }
  }

  /// What share of itself a weight can lose directly without changing in its type; nil if it is no float.
  ///
  /// It is a quarter of the step above 1: half a step is at least that of a number.
  var precision: Double? {
    switch dtype {
    case .float64: 0x1p-54
    case .float32: 0x1p-25
    case .float16: 0x1p-12
    case .bfloat16: 0x1p-9
    default: nil
    }
  }

  /// Whether no line leaves more than rounding explains.
  var isExplained: Bool { !fits.isEmpty && fits.values.allSatisfy(\.isExplained) }
}
