import FlywheelOptim

/// All rules as two tables that fit 80 columns: SGD's kin and Adam's, and what tells them apart.
enum RulesTable {
  static func lines(_ rules: [UpdateRule]) -> [String] {
    var lines: [String] = []
    let sgd = rules.compactMap { if case .sgd(let rule) = $0 { rule } else { nil } }
    let adaptive = rules.compactMap { if case .adaptive(let rule) = $0 { rule } else { nil } }
    if !sgd.isEmpty {
      let heading = ["SGD and its kin", "lr", "decay", "strength", "of", "starts"]
      lines += TextTable.lines([heading] + sgd.flatMap(rows)) + [""]
    }
    if !adaptive.isEmpty {
      let heading = ["Adam and its kin", "lr", "decay", "strength", "of", "epsilon", "s ="]
      lines += TextTable.lines([heading] + adaptive.flatMap(rows)) + [""]
    }
    return lines + legend
  }

  private static func rows(_ rule: SGDRule) -> [[String]] {
    rows(.sgd(rule)) { [start(.sgd(rule))] }
  }

  private static func rows(_ rule: AdaptiveRule) -> [[String]] {
    let form = rule.form(with: [])
    let epsilon =
      form.epsilonOutside.isZero
      ? form.epsilonInside.isZero ? "none" : "in the root" : "\(form.epsilonOutside)"
    return rows(.adaptive(rule)) { [epsilon, "\(rule.secondStart)"] }
  }

  /// What the first step finds, in three letters; nothing for a rule that keeps nothing.
  static func start(_ rule: UpdateRule) -> String {
    switch rule {
    case .sgd(let rule):
      rule.form(with: []).hasBuffer ? rule.firstStep == .undamped ? "v = G" : "v = 0" : ""
    case .adaptive(let rule): "s = \(rule.secondStart)"
    }
  }

  /// One row for each way that the rule decays, and one if it does not; the first has the name.
  private static func rows(_ rule: UpdateRule, _ rest: () -> [String]) -> [[String]] {
    let decay = DecayPhrase.all(of: rule)
    return (decay.isEmpty ? [nil] : decay.map(Optional.some)).enumerated().map { index, phrase in
      let names = index == 0 ? [rule.name, word(rule.learningRatePlacement)] : ["", ""]
      let decay = phrase.map { [$0.kind, $0.strength, $0.scope] } ?? ["none", "", ""]
      return names + decay + (index == 0 ? rest() : [])
    }
  }

  static func word(_ placement: LearningRatePlacement?) -> String {
    switch placement {
    case .outside: "outside"
    case .inside(let sign): sign < 0 ? "inside -" : "inside +"
    case nil: "no v"
    }
  }

  private static let legend = [
    "lr        outside: v holds gradients; inside -: v holds what is added to w,",
    "          inside +: what is taken off it; no v: nothing is kept",
    "decay     coupled: strength times w joins the gradient g, G = g + strength w;",
    "          decoupled: w loses this share of itself a step, past all buffers;",
    "          mixed: velocity and weight are decayed by different weights",
    "m, n      the sizes of mini-batch and training set; lambda is weight_decay",
    "starts    v = G: the first v' is G, whatever the dampening; v = 0: v is zeros",
    "epsilon   eps sqrt(c2): added after the bias correction; eps: before it",
    "'flywheel rules NAME' shows one rule, 'flywheel rules A B' compares two.",
  ]
}
