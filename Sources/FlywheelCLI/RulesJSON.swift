import FlywheelCore
import FlywheelOptim

/// Rules as JSON: every fact that the tables and the equations show, in the same letters.
enum RulesJSON {
  static func value(of rules: [UpdateRule]) -> JSONValue {
    ["rules": .array(rules.map(value))]
  }

  private static func value(of rule: UpdateRule) -> JSONValue {
    let decay = rule.decay
    let isAdaptive = if case .adaptive = rule { true } else { false }
    return [
      "name": JSONValue(rule.name),
      "family": JSONValue(isAdaptive ? "adaptive" : "sgd"),
      "summary": JSONValue(rule.summary),
      "source": JSONValue(rule.source),
      "steps": .array(
        ([[]] + rule.variants.map { [$0.name] }).map { step(rule, switches: $0) }
      ),
      "learning_rate": learningRate(rule.learningRatePlacement),
      "decay": [
        "coupled": JSONValue(decay.coupled.description),
        "decoupled": JSONValue(decay.decoupled.description),
        "mixed": JSONValue(decay.mixed.description),
        "parameters": JSONValue(rule.decayScope.rawValue),
      ],
      "slots": .array(slots(rule)),
      "hyperparameters": .array(rule.hyperparameters.map(hyperparameter)),
    ]
  }

  private static func learningRate(_ placement: LearningRatePlacement?) -> JSONValue {
    switch placement {
    case .outside: "outside"
    case .inside(let sign): sign < 0 ? "inside, minus" : "inside, plus"
    case nil: "no buffer"
    }
  }

  /// The equations with some switches on; of SGD's kin the invariants, too.
  private static func step(_ rule: UpdateRule, switches: [Hyperparameter]) -> JSONValue {
    var invariants = JSONValue.null
    if case .sgd(let sgd) = rule {
      let found = sgd.form(with: Set(switches)).invariants
      invariants = [
        "trace": JSONValue(found.trace.description),
        "determinant": JSONValue(found.determinant.description),
        "gradient": JSONValue(found.gradient.description),
        "lagged_gradient": JSONValue(found.laggedGradient.description),
      ]
    }
    return [
      "switches": .array(switches.map { JSONValue($0.rawValue) }),
      "equations": .array(rule.equations(with: Set(switches)).map { JSONValue($0) }),
      "invariants": invariants,
    ]
  }

  /// The buffers with their letters, and what they start from.
  private static func slots(_ rule: UpdateRule) -> [JSONValue] {
    let slots: [(name: String?, letter: String, start: String)] =
      switch rule {
      case .sgd(let rule):
        [
          (
            rule.form(with: []).hasBuffer ? SGDRule.slotName : nil, "v",
            rule.firstStep == .undamped ? "gradient" : "0"
          )
        ]
      case .adaptive(let rule):
        [
          (rule.slots.first, "m1", "0"), (rule.slots.second, "s", "\(rule.secondStart)"),
          (rule.slots.maximum, "x", "0"), (rule.slots.mean, "a", "0"),
          (rule.slots.momentum, "v", "0"),
        ]
      }
    return slots.compactMap { slot in
      slot.name.map { name in
        [
          "name": JSONValue(name), "letter": JSONValue(slot.letter), "start": JSONValue(slot.start),
        ]
      }
    }
  }

  private static func hyperparameter(_ definition: HyperparameterDefinition) -> JSONValue {
    let value: JSONValue =
      switch definition.fallback {
      case .number(let number): JSONValue(number)
      case .flag(let flag): JSONValue(flag)
      }
    return [
      "name": JSONValue(definition.name.rawValue),
      "letter": definition.name.letter.map { JSONValue($0) } ?? .null,
      "default": value,
      "range": range(definition.range),
      "follows": definition.followed.map { JSONValue($0.rawValue) } ?? .null,
      "summary": JSONValue(definition.summary),
    ]
  }

  private static func range(_ range: HyperparameterDefinition.Range) -> JSONValue {
    switch range {
    case .notNegative: ["minimum": 0]
    case .belowOne: ["minimum": 0, "below": 1]
    case .upToOne: ["minimum": 0, "maximum": 1]
    case .flag: .null
    }
  }
}
