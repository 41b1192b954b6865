import FlywheelCore
import FlywheelOptim
import OrderedCollections

/// A comparison of two rules as JSON.
enum RuleComparisonJSON {
  static func value(
    of pair: RulePair,
    weights: RuleComparison,
    biases: RuleComparison
  ) -> JSONValue {
    [
      "first": side(pair.first.rule, pair.first.hyperparameters),
      "second": side(pair.second.rule, pair.second.hyperparameters),
      "batch_size": JSONValue(pair.sizes.batch),
      "training_size": JSONValue(pair.sizes.training),
      "examples": .array(pair.examples.map { JSONValue($0) }),
      "same": JSONValue(weights.isSame && biases.isSame),
      "weights": value(of: weights),
      "biases": value(of: biases),
    ]
  }

  private static func side(_ rule: UpdateRule, _ hyperparameters: Hyperparameters) -> JSONValue {
    [
      "rule": JSONValue(rule.name),
      "call": JSONValue(rule.call(hyperparameters)),
      "hyperparameters": numbers(hyperparameters),
    ]
  }

  private static func numbers(_ hyperparameters: Hyperparameters) -> JSONValue {
    var members = OrderedDictionary<String, JSONValue>()
    for (name, value) in hyperparameters.ordered { members[name.rawValue] = number(value) }
    return .object(members)
  }

  private static func number(_ value: Hyperparameters.Value) -> JSONValue {
    switch value {
    case .number(let number): JSONValue(number)
    case .flag(let flag): JSONValue(flag)
    }
  }

  private static func value(of comparison: RuleComparison) -> JSONValue {
    let conversion = comparison.conversion
    return [
      "same": JSONValue(comparison.isSame),
      "first": meaning(comparison.first),
      "second": meaning(comparison.second),
      "differences": .array(RuleComparisonView(comparison).differences.map { JSONValue($0) }),
      "as_given": verdict(comparison.asGiven.verdict),
      "conversion": [
        "verdict": verdict(conversion.verdict),
        "hyperparameters": numbers(conversion.target.hyperparameters),
        "buffers": .array(
          conversion.buffers.map { buffer in
            [
              "slot": JSONValue(buffer.slot),
              "source": buffer.source.map { JSONValue($0) } ?? .null,
              "scale": JSONValue(buffer.map.scale),
              "weight_share": JSONValue(buffer.map.weightShare),
              "constant": JSONValue(buffer.constant),
            ]
          }
        ),
        "remarks": .array(conversion.remarks.map { JSONValue($0) }),
      ],
    ]
  }

  private static func verdict(_ verdict: Verdict) -> JSONValue {
    ["kind": JSONValue(verdict.kind), "text": JSONValue(verdict.description)]
  }

  private static func meaning(_ use: RuleUse) -> JSONValue {
    guard let meaning = RunMeaning(use) else { return .null }
    return [
      "trace": JSONValue(meaning.invariants.trace),
      "determinant": JSONValue(meaning.invariants.determinant),
      "gradient": JSONValue(meaning.invariants.gradient),
      "lagged_gradient": JSONValue(meaning.invariants.laggedGradient),
      "momentum": JSONValue(meaning.momentum),
      "steady_rate": finite(meaning.steadyRate),
      "penalty": finite(meaning.penalty),
      "idle_shrink": meaning.idleShrink.map(finite) ?? .null,
    ]
  }

  private static func finite(_ number: Double) -> JSONValue {
    number.isFinite ? JSONValue(number) : .null
  }
}
