import FlywheelOptim

extension RuleDifference {
  /// Holds a trainer against a rule; nil if nothing is known of the trainer.
  init?(_ run: SeenRun, meant rule: UpdateRule, _ hyperparameters: Hyperparameters) {
    guard run.main != nil else { return nil }
    guard case .sgd(let sgd) = rule else {
      self.init(
        rule: rule,
        hyperparameters: hyperparameters,
        relation: .other,
        differences: [
          Difference(
            .other,
            "'\(rule.name)' divides by the root of a second moment, and this trainer does not"
          )
        ]
      )
      return
    }
    let comparison = MeantComparison(run, rule: sgd, hyperparameters: hyperparameters)
    self.init(
      rule: rule,
      hyperparameters: hyperparameters,
      relation: comparison.relation
    )
    guard !isSame else { return }
    differences = comparison.differences
    (equivalents, remarks) = comparison.equivalents
    changes = comparison.changes
  }
}
