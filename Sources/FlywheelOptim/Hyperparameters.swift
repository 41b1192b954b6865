public import FlywheelCore

/// The numbers that a user sets for a group of parameters, in the words of their framework.
///
/// What they mean is the rule's business: the same `weightDecay` is a gradient term in one rule and
/// is divided by the size of the training set in another.
public struct Hyperparameters: Sendable, Hashable {
  /// The learning rate; not negative.
  public var learningRate: Double
  /// The momentum coefficient μ, at least 0 and below 1.
  public var momentum: Double
  /// The dampening τ of PyTorch's SGD: the gradient enters the buffer times (1 − τ).
  public var dampening: Double
  /// The weight decay λ; not negative.
  public var weightDecay: Double
  /// Whether the step looks ahead along the buffer (Nesterov).
  public var nesterov: Bool

  /// Creates a set of hyperparameters; what is not given is off.
  public init(
    learningRate: Double,
    momentum: Double = 0,
    dampening: Double = 0,
    weightDecay: Double = 0,
    nesterov: Bool = false
  ) {
    self.learningRate = learningRate
    self.momentum = momentum
    self.dampening = dampening
    self.weightDecay = weightDecay
    self.nesterov = nesterov
  }

  /// Checks that the numbers make sense together.
  ///
  /// - Throws: `invalidArgument`, naming the number and its range.
  public func validate() throws(FlywheelError) {
    try require("learning_rate", learningRate, isWithin: learningRate >= 0, "at least 0")
    try require("momentum", momentum, isWithin: momentum >= 0 && momentum < 1, "from 0 to below 1")
    try require("dampening", dampening, isWithin: dampening >= 0 && dampening <= 1, "from 0 to 1")
    try require("weight_decay", weightDecay, isWithin: weightDecay >= 0, "at least 0")
    if nesterov && (momentum == 0 || dampening != 0) {
      throw FlywheelError(
        .invalidArgument,
        "nesterov needs a momentum above 0 and a dampening of 0; "
          + "found momentum \(momentum) and dampening \(dampening)."
      )
    }
  }

  private func require(
    _ name: String,
    _ value: Double,
    isWithin: Bool,
    _ range: String
  ) throws(FlywheelError) {
    guard isWithin, value.isFinite else {
      throw FlywheelError(.invalidArgument, "\(name) is \(value); it must be a number \(range).")
    }
  }
}
