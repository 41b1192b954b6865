public import FlywheelCore

/// Where the learning rate is in a rule with a velocity or a momentum.
///
/// With a constant rate it makes no difference to a run whether the buffer has the rate in itself; when the
/// rate changes, it does.
public enum LearningRatePlacement: Sendable, Hashable {
  /// It multiplies what enters the buffer, with this sign: −1 if the buffer holds what is added to the
  /// weight, 1 if it holds what is subtracted.
  case inside(sign: Int)
  /// It multiplies what leaves the buffer, which knows of gradients only.
  case outside
}

extension SGDForm<Formula> {
  /// Where the learning rate is, as the formula of `b` tells it; nil for a form that keeps no buffer.
  public var learningRatePlacement: LearningRatePlacement? {
    a == 0 ? nil : LearningRatePlacement(entering: b)
  }
}

extension SGDRule {
  /// Where the learning rate is in the ordinary form; nil for a rule without a velocity.
  ///
  /// ConvNetJS's Nesterov form has another sign: ask the form itself where that matters.
  public var learningRatePlacement: LearningRatePlacement? { form.learningRatePlacement }
}

extension AdaptiveRule {
  /// Where the learning rate is in the rule's momentum; nil for a rule without one.
  ///
  /// Moments never have it.
  public var learningRatePlacement: LearningRatePlacement? {
    slots.momentum == nil ? nil : LearningRatePlacement(entering: form.insideRate)
  }
}

extension LearningRatePlacement {
  /// What momentum is multiplied by so that the run is that of the other placement.
  ///
  /// A velocity that holds the rate of the last step is brought to this step's (Goyal and others, Accurate,
  /// Large Minibatch SGD, 2017, section 3.1); one that does not is made to feel the old rate.
  ///
  /// A rate of 0 is followed as far as it can be. It empties a velocity that holds it, which fits the other
  /// run for as long as the rate stays 0, and one that does not hold it may start from 0. The two other ways
  /// have no factor: what was emptied does not come back with the rate, and no velocity moves a weight
  /// that it meets times 0.
  ///
  /// - Parameters:
  ///   - rate: The learning rate of this step.
  ///   - last: The learning rate of the step before.
  /// - Throws: `unsupported` if the one that is divided by is 0 and the other is not.
  /// - Returns: The factor.
  public func momentumCorrection(rate: Double, last: Double) throws(FlywheelError) -> Double {
    let (numerator, denominator) =
      switch self {
      case .inside: (rate, last)
      case .outside: (last, rate)
      }
    guard numerator != denominator else { return 1 }
    guard denominator != 0 else {
      let reason =
        switch self {
        case .inside: "a velocity that holds the rate is empty after a step at 0"
        case .outside: "at a rate of 0 a velocity that does not hold it moves nothing"
        }
      throw FlywheelError(
        .unsupported,
        "Momentum cannot follow the learning rate from \(last) to \(rate): \(reason). "
          + "Let the schedule stay above 0, or go without momentum_correction."
      )
    }
    return numerator / denominator
  }

  /// The place that the factor of what enters a buffer tells.
  fileprivate init(entering factor: Formula) {
    guard factor.mentions(.learningRate) else {
      self = .outside
      return
    }
    // What else is in such a factor is of higher order: at a small rate the sign is the rate's own.
    let value = factor.evaluate { $0 == .learningRate ? 1e-3 : 0 }
    self = .inside(sign: value < 0 ? -1 : 1)
  }
}
