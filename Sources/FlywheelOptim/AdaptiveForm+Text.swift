extension AdaptiveForm<Formula> {
  /// The lines of the step, as the literature writes them; what is 0 is left out.
  ///
  /// The letters are those of the form, but that the first moment is `m1`, because m is the size of the
  /// mini-batch, and that the gradient with decay, ĝ, is `G`.
  public var equations: [String] {
    let isDecayed = !coupledDecay.isZero
    let gradient = isDecayed ? "G" : "g"
    let hasFirst = !firstShare.isZero
    let hasMomentum = !momentum.isZero
    var lines: [String] = []
    func add(_ name: String, _ terms: [(coefficient: Formula, name: String?)]) {
      lines.append("\(name) = \(Formula.text(of: terms))")
    }
    if isDecayed { add("G", [(1, "g"), (coupledDecay, "w")]) }
    if hasFirst { add("m1'", [(firstKept, "m1"), (firstGain, gradient)]) }
    add("s'", [(secondKept, "s"), (secondGain, "\(gradient)^2")])
    if !centering.isZero { add("a'", [(secondKept, "a"), (secondGain, gradient)]) }
    if !maximum.isZero { lines.append("x' = max(x, s')") }
    let above = Formula.text(of: [(firstShare, "m1'"), (gradientShare, gradient)])
    let below = denominator
    let isSum = !firstShare.isZero && !gradientShare.isZero
    lines.append(
      "u = " + (isSum ? "(\(above))" : above) + "/"
        + (epsilonOutside.isZero ? below : "(\(below))")
    )
    if hasMomentum { add("v'", [(momentum, "v"), (insideRate, "u")]) }
    let step = hasMomentum ? (-rate, "v'") : (-rate * insideRate, "u")
    add("w'", [(1, "w"), step, (-shrink, "w")])
    return lines
  }

  /// What the gradient or its mean is divided by, for example `sqrt(s') + eps`.
  public var denominator: String {
    let square: [(Formula, String?)] = [
      (1, maximum.isZero ? "s'" : "x'"), (-centering, "a'^2"), (epsilonInside, nil),
    ]
    let root = "sqrt(\(Formula.text(of: square)))"
    return Formula.text(of: [(1, root), (epsilonOutside, nil)])
  }

  /// How weight decay enters.
  var decay: DecayMeaning {
    DecayMeaning(coupled: coupledDecay.simplified, decoupled: shrink.simplified)
  }
}
