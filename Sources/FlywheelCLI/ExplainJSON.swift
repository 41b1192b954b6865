import FlywheelCore
import FlywheelExplain
import FlywheelOptim
import OrderedCollections

/// An explanation as JSON.
enum ExplainJSON {
  static func value(of explanation: Explanation) -> JSONValue {
    let kind = { (name: String) in
      explanation.kinds.first { $0.name == name }.map(value) ?? .null
    }
    return [
      "family": explanation.family.map { JSONValue($0.rawValue) } ?? .null,
      "verdict": JSONValue(explanation.verdict.joined(separator: " ")),
      "evidence": explanation.kinds.first.map { JSONValue($0.evidence) } ?? .null,
      "weights": kind("weights"),
      "biases": kind("biases"),
      "tensors": .array(explanation.tensors.map(value)),
      "names": .array(explanation.names.map(value)),
      "findings": .array(
        explanation.findings.map { finding in
          [
            "kind": JSONValue(finding.kind.rawValue),
            "is_mistake": JSONValue(finding.isMistake),
            "text": JSONValue(finding.text),
          ]
        }
      ),
      "not_identifiable": .array(
        explanation.notIdentifiable.map { question in
          [
            "what": JSONValue(question.what),
            "reason": JSONValue(question.reason),
            "remedy": JSONValue(question.remedy),
          ]
        }
      ),
      "learning_rates": .array(explanation.learningRates.map { JSONValue($0) }),
      "alignment": [
        "gradient_shift": JSONValue(explanation.alignment.gradientShift),
        "velocity_shift": JSONValue(explanation.alignment.velocityShift),
      ],
      "notes": .array(explanation.notes.map { JSONValue($0) }),
      "against": explanation.against.map(value) ?? .null,
    ]
  }

  private static func value(of kind: Explanation.Kind) -> JSONValue {
    var coefficients = OrderedDictionary<String, JSONValue>()
    for number in kind.numbers {
      coefficients[number.letter] = [
        "value": finite(number.estimate.value),
        "standard_error": finite(number.estimate.standardError),
        "products": .array(number.products.map { JSONValue($0) }),
      ]
    }
    var fits = OrderedDictionary<String, JSONValue>()
    for fit in kind.fits {
      fits[fit.line] = [
        "residual": finite(fit.fit.residual),
        "rounding": finite(fit.fit.rounding),
        "condition": finite(fit.fit.condition),
      ]
    }
    return [
      "name": JSONValue(kind.name),
      "parameters": .array(kind.parameters.map { JSONValue($0) }),
      "evidence": JSONValue(kind.evidence),
      "equations": .array(kind.equations.map { JSONValue($0) }),
      "coefficients": .object(coefficients),
      "residual": kind.fits.map(\.fit.residual).max().map(finite) ?? .null,
      "fits": .object(fits),
      "steps": JSONValue(kind.stepCount),
      "elements": JSONValue(kind.elementCount),
    ]
  }

  private static func value(of name: RuleName) -> JSONValue {
    [
      "rule": JSONValue(name.rule.name),
      "call": JSONValue(name.call),
      "match": JSONValue(name.match.rawValue),
      "hyperparameters": numbers(name.hyperparameters),
      "open": .array(name.open.map { JSONValue($0.rawValue) }),
      "biases_undecayed": JSONValue(name.areBiasesUndecayed),
      "unknown_size": name.unknownSize.map { JSONValue($0.rawValue) } ?? .null,
      "buffer": name.bufferMap.map { map in
        ["scale": finite(map.scale), "weight_share": finite(map.weightShare)]
      } ?? .null,
    ]
  }

  private static func value(of against: RuleDifference) -> JSONValue {
    [
      "rule": JSONValue(against.rule.name),
      "call": JSONValue(against.rule.call(against.hyperparameters)),
      "same": JSONValue(against.isSame),
      "relation": JSONValue(against.relation.rawValue),
      "differences": .array(
        against.differences.map { difference in
          [
            "kind": JSONValue(difference.kind.rawValue),
            "text": JSONValue(difference.text),
            "ratio": difference.ratio.map(finite) ?? .null,
          ]
        }
      ),
      "equivalent": .array(
        against.equivalents.map { equivalent in
          [
            "parameters": JSONValue(equivalent.parameters), "call": JSONValue(equivalent.call),
          ]
        }
      ),
      "remarks": .array(against.remarks.map { JSONValue($0) }),
      "change": .array(
        against.changes.map { change in
          [
            "parameters": JSONValue(change.parameters), "before": JSONValue(change.before),
            "after": JSONValue(change.after),
          ]
        }
      ),
    ]
  }

  private static func numbers(_ hyperparameters: Hyperparameters) -> JSONValue {
    var members = OrderedDictionary<String, JSONValue>()
    for (name, value) in hyperparameters.ordered {
      members[name.rawValue] =
        switch value {
        case .number(let number): finite(number)
        case .flag(let flag): JSONValue(flag)
        }
    }
    return .object(members)
  }

  private static func finite(_ number: Double) -> JSONValue {
    number.isFinite ? JSONValue(number) : .null
  }
}
