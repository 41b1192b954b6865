/// The name of a number or a switch that a user sets for an optimizer, as checkpoints spell it.
///
/// The set is open: a trainer of somebody else's has names of its own.
public struct Hyperparameter: RawRepresentable, Sendable, Hashable {
  /// The spelling, for example `weight_decay`.
  public let rawValue: String

  /// Creates a name.
  ///
  /// - Parameter rawValue: The spelling.
  public init(rawValue: String) {
    self.rawValue = rawValue
  }

  /// The learning rate, lr.
  public static let learningRate = Hyperparameter(rawValue: "learning_rate")
  /// The momentum coefficient μ.
  public static let momentum = Hyperparameter(rawValue: "momentum")
  /// The dampening τ of PyTorch's SGD: the gradient enters the buffer times (1 − τ).
  public static let dampening = Hyperparameter(rawValue: "dampening")
  /// What the first moment keeps from step to step, β₁.
  public static let beta1 = Hyperparameter(rawValue: "beta1")
  /// What the second moment keeps from step to step, β₂.
  public static let beta2 = Hyperparameter(rawValue: "beta2")
  /// What RMSprop's mean of squares keeps from step to step, α.
  public static let alpha = Hyperparameter(rawValue: "alpha")
  /// What keeps a denominator from zero, ε.
  public static let epsilon = Hyperparameter(rawValue: "epsilon")
  /// The number that a user types as weight decay, λ.
  public static let weightDecay = Hyperparameter(rawValue: "weight_decay")
  /// Whether the step looks ahead along the buffer.
  public static let nesterov = Hyperparameter(rawValue: "nesterov")
  /// Whether Adam divides by the largest second moment so far.
  public static let amsgrad = Hyperparameter(rawValue: "amsgrad")
  /// Whether RMSprop divides by the deviation instead of the root of the mean square.
  public static let centered = Hyperparameter(rawValue: "centered")

  /// The coefficient of a penalty λ Σ w² on weights, without the ½ that weight decay has: Keras's L2.
  public static let l2 = Hyperparameter(rawValue: "l2")
  /// The same for biases.
  public static let biasL2 = Hyperparameter(rawValue: "bias_l2")
  /// What is added to the corrected second moment under the root: optax's `eps_root`.
  public static let epsilonRoot = Hyperparameter(rawValue: "eps_root")
  /// How fast Adagrad's learning rate falls: lr/(1 + (t − 1) η).
  public static let learningRateDecay = Hyperparameter(rawValue: "lr_decay")
  /// What Adagrad's sum of squares starts from.
  public static let initialAccumulator = Hyperparameter(rawValue: "initial_accumulator_value")
  /// Whether moments are corrected for having started from zero.
  public static let biasCorrection = Hyperparameter(rawValue: "bias_correction")
  /// Whether the step climbs: the gradient is taken with the other sign, weight decay with its own.
  public static let maximize = Hyperparameter(rawValue: "maximize")
  /// Whether momentum follows a change of the learning rate, so that the run is that of a rule with the
  /// learning rate on the other side of its velocity.
  public static let momentumCorrection = Hyperparameter(rawValue: "momentum_correction")

  /// The names that Flywheel's own rules use, in the order they are written.
  public static let wellKnown: [Hyperparameter] = [
    .learningRate, .momentum, .dampening, .beta1, .beta2, .alpha, .epsilon, .epsilonRoot,
    .weightDecay, .l2, .biasL2, .learningRateDecay, .initialAccumulator, .nesterov, .amsgrad,
    .centered, .biasCorrection, .maximize, .momentumCorrection,
  ]
}
