import FlywheelCore
import FlywheelOptim

/// Every combination of what a rule's numbers and switches may be in a test.
struct HyperparameterGrid {
  /// What to try for a number; a switch is tried both ways, and what is not here stays at its default.
  var choices: [Hyperparameter: [Double]]

  /// The combinations that the rule takes.
  func combinations(of rule: UpdateRule) throws -> [Hyperparameters] {
    var all = [Hyperparameters()]
    for definition in rule.hyperparameters {
      let values: [Hyperparameters.Value] =
        if case .flag = definition.fallback {
          [.flag(false), .flag(true)]
        } else {
          (choices[definition.name] ?? [definition.fallback.number]).map { .number($0) }
        }
      all = all.flatMap { given in
        values.map { given.merging(Hyperparameters([definition.name: $0])) }
      }
    }
    // Nesterov's look-ahead is refused beside a dampening.
    let taken = all.filter { (try? rule.validate($0)) != nil }
    return try taken.map { try rule.completed($0) }
  }
}
