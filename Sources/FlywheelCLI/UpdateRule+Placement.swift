import FlywheelOptim

extension UpdateRule {
  /// Where the learning rate is, as the tables show it; nil for a rule that keeps nothing.
  ///
  /// Moments never have it in themselves: without a momentum, it is outside.
  var learningRatePlacement: LearningRatePlacement? {
    switch self {
    case .sgd(let rule): rule.learningRatePlacement
    case .adaptive(let rule): rule.learningRatePlacement ?? .outside
    }
  }
}
