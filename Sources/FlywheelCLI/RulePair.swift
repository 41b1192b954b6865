import FlywheelCore
import FlywheelOptim

/// Two rules to compare, with all numbers that it takes, some of them perhaps only for example.
struct RulePair {
  /// Each rule with its numbers.
  let first: (rule: UpdateRule, hyperparameters: Hyperparameters)
  let second: (rule: UpdateRule, hyperparameters: Hyperparameters)
  /// The sizes of mini-batch and training set.
  let sizes: TrainingSizes
  /// Whether nobody gave any number.
  let isExample: Bool
  /// What nobody gave, and so is an example, as `name value`.
  let examples: [String]

  /// Puts together what was typed.
  ///
  /// A rule without brackets has the numbers of the other one; if neither has brackets, both have those of
  /// an example.
  init(
    _ first: RuleCall,
    _ second: RuleCall,
    batchSize: Int?,
    trainingSize: Int?
  ) throws(FlywheelError) {
    isExample = first.given == nil && second.given == nil
    let typed = isExample ? Self.example(first.rule, second.rule) : Hyperparameters()
    let ofFirst = try first.hyperparameters(
      or: Self.taken(first.given == nil ? second.given ?? typed : Hyperparameters(), by: first.rule)
    )
    let ofSecond = try second.hyperparameters(
      or: Self.taken(
        second.given == nil ? first.given ?? typed : Hyperparameters(),
        by: second.rule
      )
    )
    self.first = (first.rule, ofFirst)
    self.second = (second.rule, ofSecond)
    let example = TrainingSizes(batch: 32, training: 50_000)
    sizes = TrainingSizes(
      batch: batchSize ?? example.batch,
      training: trainingSize ?? example.training
    )
    let rules = [first.rule, second.rule]
    var examples = isExample ? typed.ordered.map { "\($0.name.rawValue) \($0.value.text)" } : []
    if batchSize == nil, rules.contains(where: { $0.mentions(.batchSize) }) {
      examples.append("--batch-size \(example.batch)")
    }
    if trainingSize == nil, rules.contains(where: { $0.mentions(.trainingSize) }) {
      examples.append("--train-size \(example.training)")
    }
    self.examples = examples
  }

  /// How the two compare for a weight, or for a bias.
  func comparison(ofWeights isWeight: Bool) throws(FlywheelError) -> RuleComparison {
    let use = { (side: (rule: UpdateRule, hyperparameters: Hyperparameters)) in
      RuleUse(
        rule: side.rule,
        hyperparameters: side.hyperparameters,
        sizes: sizes,
        isWeight: isWeight
      )
    }
    return try RuleComparison(use(first), use(second))
  }

  private static func example(_ first: UpdateRule, _ second: UpdateRule) -> Hyperparameters {
    let isAdaptive = [first, second].contains { if case .adaptive = $0 { true } else { false } }
    return Hyperparameters(
      [
        .learningRate: .number(isAdaptive ? 0.001 : 0.01),
        .weightDecay: .number(isAdaptive ? 0.01 : 0.1),
      ].merging(isAdaptive ? [:] : [.momentum: .number(0.9)]) { $1 }
    )
  }

  /// The numbers that a rule takes; a weight decay may have to be a penalty's half.
  private static func taken(_ given: Hyperparameters, by rule: UpdateRule) -> Hyperparameters {
    let names = Set(rule.hyperparameters.map(\.name))
    var taken = Hyperparameters(given.values.filter { names.contains($0.key) })
    if let decay = given[.weightDecay], !names.contains(.weightDecay), names.contains(.l2) {
      taken[.l2] = .number(decay.number / 2)
    }
    return taken
  }
}
