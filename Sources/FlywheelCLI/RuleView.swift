import FlywheelCore
import FlywheelOptim

/// One rule as text that fits 80 columns: its equations, what its numbers mean, and where it is from.
enum RuleView {
  static func lines(_ rule: UpdateRule) -> [String] {
    var lines = [rule.name] + Formatting.paragraph(rule.summary, indent: 2)
    lines += Formatting.paragraph(rule.source, indent: 2)
    lines += ["", "A step"] + stepLines(rule)
    lines += ["", "What it means"] + meaningLines(rule)
    lines += ["", "What it takes"] + hyperparameterLines(rule)
    return lines + [""] + legend(rule)
  }

  /// The equations with all switches off, and then those that a switch changes.
  private static func stepLines(_ rule: UpdateRule) -> [String] {
    let plain = rule.equations()
    var lines = plain.flatMap { Formatting.paragraph($0, indent: 2, hanging: 5) }
    for (name, equations) in rule.variants {
      lines.append("with \(name.rawValue)")
      lines += equations.filter { !plain.contains($0) }
        .flatMap { Formatting.paragraph($0, indent: 2, hanging: 5) }
    }
    return lines
  }

  private static func meaningLines(_ rule: UpdateRule) -> [String] {
    var lines = labelled("first step", start(rule))
    lines += labelled("lr", placement(rule))
    let phrases = DecayPhrase.all(of: rule)
    lines += labelled("decay", phrases.isEmpty ? "none" : decay(rule))
    if case .sgd(let sgd) = rule {
      lines += invariants(sgd, [])
      if sgd.nesterovForm != nil { lines += invariants(sgd, [.nesterov]) }
    }
    return lines
  }

  private static func start(_ rule: UpdateRule) -> String {
    switch rule {
    case .sgd(let rule):
      let form = rule.form(with: [])
      guard form.hasBuffer else { return "like all others" }
      let first = rule.firstForm.equations.first ?? ""
      return rule.firstStep == .undamped
        ? "\(first), undamped: there is no v before" : "v is zeros: \(first)"
    case .adaptive(let rule):
      let others = rule.secondStart == 0 ? "all buffers are zeros" : "s is \(rule.secondStart)"
      return others
    }
  }

  private static func placement(_ rule: UpdateRule) -> String {
    switch rule.learningRatePlacement {
    case .outside:
      "outside all buffers: they hold gradients, and a new lr acts at once"
    case .inside(let sign) where sign < 0:
      "inside v, with minus: v holds what is added to w, made with the lr of its steps"
    case .inside:
      "inside v, with plus: v holds what is taken off w, made with the lr of its steps"
    case nil: "before the gradient; no velocity is kept"
    }
  }

  private static func decay(_ rule: UpdateRule) -> String {
    let decay = rule.decay
    var parts: [String] = []
    if !decay.coupled.isZero {
      parts.append(
        "coupled: \(decay.coupled.text(times: "w")) joins the gradient, and what is made of it"
      )
    }
    if !decay.decoupled.isZero {
      parts.append("decoupled: w loses \(decay.decoupled) of itself a step, past all buffers")
    }
    if !decay.mixed.isZero {
      parts.append(
        "mixed: \(decay.mixed.text(times: "w")) joins the gradient, but velocity and weight see "
          + "different weights"
      )
    }
    let scope = rule.decayScope == .all ? "weights and biases" : "weights only"
    return parts.joined(separator: "; ") + "; \(scope)"
  }

  /// The four invariants in letters.
  static func invariants(_ rule: SGDRule, _ switches: Set<Hyperparameter>) -> [String] {
    let found = rule.form(with: switches).invariants
    let parts = [
      "T = \(found.trace)", "D = \(found.determinant)", "q = \(found.gradient)",
      "kappa = \(found.laggedGradient)",
    ]
    return Formatting.wrapped(parts, after: switches.isEmpty ? "invariants  " : "  nesterov  ")
  }

  private static func hyperparameterLines(_ rule: UpdateRule) -> [String] {
    let facts = rule.hyperparameters.map { definition in
      [
        definition.name.rawValue, definition.name.letter ?? "",
        definition.followed?.rawValue ?? definition.fallback.text, interval(definition.range),
      ]
    }
    let starts = TextTable.lines(facts, indent: 2)
    let width = 2 + (starts.map(\.count).max() ?? 0)
    return zip(starts, rule.hyperparameters).flatMap { start, definition in
      hung(on: Formatting.left(start, width), definition.summary)
    }
  }

  private static func interval(_ range: HyperparameterDefinition.Range) -> String {
    switch range {
    case .notNegative: "[0, inf)"
    case .belowOne: "[0, 1)"
    case .upToOne: "[0, 1]"
    case .flag: ""
    }
  }

  /// What the letters stand for that are no hyperparameters.
  private static func legend(_ rule: UpdateRule) -> [String] {
    let text = (rule.equations() + rule.variants.flatMap(\.equations)).joined(separator: " ")
    let words = Set(text.split { !($0.isLetter || $0.isNumber) }.map(String.init))
    let phrases = letters.filter { words.contains($0.letter) }.map { "\($0.letter) \($0.meaning)" }
    return Formatting.wrapped(phrases + ["' after the step"], after: "")
  }

  private static let letters: [(letter: String, meaning: String)] = [
    ("g", "gradient of the mini-batch's mean loss"), ("G", "gradient with decay"), ("w", "weight"),
    ("v", "velocity"), ("m1", "first moment"), ("s", "second moment"), ("a", "mean of gradients"),
    ("x", "largest s so far"), ("t", "number of the step from 1"), ("c1", "1 - b1^t"),
    ("c2", "1 - b2^t"), ("m", "size of the mini-batch"), ("n", "size of the training set"),
  ]

  private static func labelled(_ label: String, _ text: String) -> [String] {
    hung(on: Formatting.left(label, 12), text)
  }

  /// Text in lines that begin where the start ends.
  private static func hung(on start: String, _ text: String) -> [String] {
    let lines = Formatting.paragraph(text, indent: start.count)
    return [start + lines[0].dropFirst(start.count)] + lines.dropFirst()
  }
}
