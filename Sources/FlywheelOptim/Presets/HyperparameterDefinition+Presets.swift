/// Hyperparameters that several rules take with one meaning.
extension HyperparameterDefinition {
  /// The learning rate of SGD's kin.
  static let stepSize = number(.learningRate, .notNegative, default: 0.05, "learning rate")

  /// A decay that joins the gradient.
  static let addedDecay = number(
    .weightDecay,
    .notNegative,
    "added to the gradient, times the weight"
  )

  /// A decay that passes the buffers by.
  static let shrinkingDecay = shrinkingDecay(default: 0)

  /// A decay that passes the buffers by, on if nobody says otherwise.
  static func shrinkingDecay(default fallback: Double) -> HyperparameterDefinition {
    number(.weightDecay, .notNegative, default: fallback, "times lr, what a weight loses a step")
  }

  /// A decay that passes the buffers and the learning rate by.
  static let absoluteDecay = number(
    .weightDecay,
    .notNegative,
    "what a weight loses a step, whatever lr is"
  )

  /// A decay over the size of the mini-batch at hand.
  static func batchDecay(default fallback: Double = 0) -> HyperparameterDefinition {
    number(
      .weightDecay,
      .notNegative,
      default: fallback,
      "divided by the size of the mini-batch"
    )
  }

  /// PyTorch's dampening.
  static let dampening = number(
    .dampening,
    .upToOne,
    "the gradient enters the velocity times 1 - dampening"
  )

  /// Torch7's dampening.
  static let followingDampening = number(
    .dampening,
    .upToOne,
    following: .momentum,
    default: 0.9,
    "the gradient enters the velocity times 1 - dampening"
  )

  /// Nesterov's switch.
  static let lookAhead = flag(.nesterov, "look ahead along the velocity")
}

extension SGDRule {
  /// What every rule with a velocity takes, and what one takes beside that.
  static func withVelocity(_ others: HyperparameterDefinition...) -> [HyperparameterDefinition] {
    [.stepSize, .number(.momentum, .belowOne, default: 0.9, "how much of the velocity is kept")]
      + others
      + [.flag(.momentumCorrection, "momentum follows changes of the learning rate")]
  }
}
