import FlywheelOptim

/// A number that dumped steps of an Adam-like trainer can show.
public enum AdaptiveQuantity: String, Sendable, Hashable, CaseIterable {
  /// The learning rate, as the rule that is looked at takes it.
  case learningRate = "learning_rate"
  /// What the first moment keeps from step to step, β₁.
  case beta1
  /// What the second moment keeps from step to step, β₂.
  case beta2
  /// What RMSprop's mean of squares keeps from step to step, α.
  case alpha
  /// What keeps a denominator from zero, ε.
  case epsilon
  /// What is added to the corrected second moment under the root.
  case epsilonRoot = "eps_root"
  /// How much of the last step is kept, μ.
  case momentum
  /// How fast the learning rate falls by itself, η.
  case learningRateDecay = "lr_decay"
  /// What the second moment started from.
  case secondStart = "second_start"
  /// How the gradient enters the first moment; 1 − β₁ in every known rule.
  case firstGain = "first_gain"
  /// How the squared gradient enters the second moment; 1 − β₂ in every known rule that averages.
  case secondGain = "second_gain"
  /// How the quotient enters the momentum: the learning rate, or 1 where that stays outside.
  case insideRate = "inside_rate"
  /// How the weight joins the gradient: coupled weight decay.
  case coupledDecay = "coupled_decay"
  /// What part of itself a weight loses a step past the moments: decoupled weight decay.
  case shrink

  /// The letter that formulas have for it; nil for what they say by itself.
  var symbol: Formula.Symbol? {
    switch self {
    case .learningRate: .learningRate
    case .beta1: .beta1
    case .beta2: .beta2
    case .alpha: .alpha
    case .epsilon: .epsilon
    case .epsilonRoot: .epsilonRoot
    case .momentum: .momentum
    case .learningRateDecay: .learningRateDecay
    case .secondStart: .initialAccumulator
    case .firstGain, .secondGain, .insideRate, .coupledDecay, .shrink: nil
    }
  }

  /// What people use most, the most usual first: where a search begins.
  var usualValues: [Double] {
    switch self {
    case .beta1: [0.9, 0.95, 0.8, 0.5, 0.99, 0]
    case .beta2: [0.999, 0.99, 0.95, 0.98, 0.9, 0.9999]
    case .alpha: [0.99, 0.9, 0.95, 0.999, 0.5]
    case .epsilon: [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-9, 1e-10]
    case .epsilonRoot: [1e-8, 1e-6, 1e-4, 1e-3, 1e-10]
    case .momentum: [0.9, 0.5, 0.99]
    case .learningRateDecay: [0, 1e-4, 1e-3, 1e-2, 0.1]
    case .secondStart: [0, 0.1, 1]
    case .coupledDecay: [0, 1e-4, 1e-3, 1e-2, 0.1, 1e-5, 1e-6]
    case .learningRate, .firstGain, .secondGain, .insideRate, .shrink: []
    }
  }

  /// Whether a search goes by the logarithm: by that of the distance from 1 for what is kept.
  var scale: Scale {
    switch self {
    case .beta1, .beta2, .alpha, .momentum: .keeping
    case .epsilon, .epsilonRoot, .learningRateDecay: .logarithmic
    default: .linear
    }
  }

  /// How a search goes along a number.
  enum Scale {
    /// By log(1 − x).
    case keeping
    /// By log x.
    case logarithmic
    /// By x.
    case linear
  }
}
