import FlywheelCore
import FlywheelOptim

/// What a network keeps for its optimizer: which buffers for which parameter, and whether gradients are
/// stored or taken into the step as they arise.
struct OptimizerPlan {
  let rule: UpdateRule
  let grouping: ParameterGrouping
  /// Whether every gradient is stored before a step is taken from it.
  let storesGradients: Bool

  /// The plan for a configuration.
  ///
  /// - Parameters:
  ///   - configuration: The rule, the groups and whether gradients are clipped.
  ///   - storesGradients: Whether somebody else wants to see gradients.
  /// - Throws: What `ParameterGrouping` throws.
  init(
    _ configuration: TrainingConfiguration,
    storesGradients: Bool = false
  ) throws(FlywheelError) {
    rule = configuration.rule
    grouping = try ParameterGrouping(configuration)
    let isFused = if case .sgd = rule { configuration.clipping == nil } else { false }
    self.storesGradients = storesGradients || !isFused
  }

  /// The slots that a group's parameters have.
  func slotNames(ofGroup group: Int) -> [String] {
    rule.slotNames(grouping.hyperparameters[group])
  }
}
