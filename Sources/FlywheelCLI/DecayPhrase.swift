import FlywheelOptim

/// One way that a rule decays, in words that fit a table.
struct DecayPhrase {
  /// `coupled`, `decoupled`, or `mixed` where one number does not say it.
  let kind: String
  /// How strong it is, in the rule's letters.
  let strength: String
  /// Which parameters it is for: `all` or `weights`.
  let scope: String

  /// The ways that a rule decays, coupled ones last; none if it takes no decay.
  static func all(of rule: UpdateRule) -> [DecayPhrase] {
    let decay = rule.decay
    let scope = rule.decayScope == .all ? "all" : "weights"
    return [
      ("decoupled", decay.decoupled), ("coupled", decay.coupled), ("mixed", decay.mixed),
    ].compactMap { kind, formula in
      formula.isZero ? nil : DecayPhrase(kind: kind, strength: "\(formula)", scope: scope)
    }
  }
}
