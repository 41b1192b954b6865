extension SGDForm<Formula> {
  /// The lines of the step, as the literature writes them; what is 0 is left out.
  ///
  /// For example `v' = mu v - lr g` and `w' = w + v'`. A rule without a buffer has one line.
  public var equations: [String] {
    let buffer = [(a, "v")] + Self.gradientAndWeight(b, c)
    let weight = [(1, "w"), (d, "v'"), (e, "v")] + Self.gradientAndWeight(f, h)
    let lines = hasBuffer ? ["v' = " + Formula.text(of: buffer)] : []
    return lines + ["w' = " + Formula.text(of: weight)]
  }

  /// Whether anything is kept from step to step.
  public var hasBuffer: Bool { !(a.isZero && b.isZero && c.isZero) }

  /// What decides which weights come out, in the letters of the rule.
  public var invariants: SymbolicInvariants {
    let (p, q, r) = (d * a + e, d * b + f, d * c + h)
    return SymbolicInvariants(
      trace: (a + 1 + r).expanded,
      determinant: (a * (1 + r) - p * c).expanded,
      gradient: q.expanded,
      laggedGradient: (p * b - q * a).expanded
    )
  }

  /// How weight decay enters.
  ///
  /// What joins the gradient wherever the gradient goes is coupled; what is left of h is decoupled. The old
  /// buffer's share e does not matter: put in by the new one, it takes as much from f as from h.
  var decay: DecayMeaning {
    // Without a buffer nothing tells the two apart.
    let (gradient, weight) = b.isZero ? (f, h) : (b, c)
    if let coupled = Self.ratio(weight, gradient) {
      return DecayMeaning(coupled: coupled, decoupled: (f * coupled - h).expanded)
    }
    let (first, firstGradient) = (weight.lowestOrder, gradient.lowestOrder)
    return DecayMeaning(mixed: Self.ratio(first, firstGradient) ?? first)
  }

  /// The gradient and the weight, in brackets if their coefficients share more than a sign.
  private static func gradientAndWeight(
    _ gradient: Formula,
    _ weight: Formula
  ) -> [(coefficient: Formula, name: String?)] {
    let apart: [(Formula, String?)] = [(gradient, "g"), (weight, "w")]
    let isUnit = FormulaSum(gradient).product.factors.isEmpty
    guard !weight.isZero, !isUnit, let ratio = ratio(weight, gradient) else { return apart }
    return [(gradient, "(\(Formula.text(of: [(1, "g"), (ratio, "w")])))")]
  }

  /// The quotient of two formulas if no sum is left below the line; nil if one is, or for 0 below it.
  private static func ratio(_ above: Formula, _ below: Formula) -> Formula? {
    guard !below.isZero else { return nil }
    let ratios = [false, true].map { FormulaSum(above / below, isExpanding: $0) }
    return ratios.filter { !$0.hasSumBelow }.min { $0.text.count < $1.text.count }?.formula
  }
}
