/// RMSprop's kin: where ε is, and whether the learning rate enters the momentum, tells them apart.
extension AdaptiveRule {
  /// `torch.optim.RMSprop`: the learning rate outside the momentum, ε outside the root.
  public static let rmsprop = AdaptiveRule(
    name: "rmsprop",
    summary: "torch.optim.RMSprop: lr outside the momentum, decays biases too",
    source: "torch/optim/rmsprop.py of PyTorch 2.13; Hinton's lecture 6e",
    form: rmspropForm(coupledDecay: .weightDecay, epsilonOutside: .epsilon),
    slots: allSlots,
    hyperparameters: rmspropHyperparameters(
      alpha: 0.99,
      epsilon: 1e-8,
      .lastKept,
      .addedDecay,
      .divideByDeviation
    ),
    decayScope: .all
  )

  /// Keras's `RMSprop`: the learning rate inside the momentum, ε under the root.
  public static let kerasRMSprop = AdaptiveRule(
    name: "keras_rmsprop",
    summary: "Keras RMSprop: +lr inside the momentum, weights shrink by lr lambda",
    source: "keras/src/optimizers/{rmsprop,base_optimizer}.py of Keras 3.15.1",
    form: rmspropForm(
      epsilonInside: .epsilon,
      insideRate: .learningRate,
      shrink: .learningRate * .weightDecay,
      rate: 1
    ),
    slots: allSlots,
    hyperparameters: rmspropHyperparameters(
      alpha: 0.9,
      epsilon: 1e-7,
      .lastKept,
      .shrinkingDecay,
      .divideByDeviation
    ),
    decayScope: .all
  )

  /// TensorFlow 1's `RMSPropOptimizer`: Keras's without decay, the mean of squares starting from 1.
  public static let tf1RMSProp = AdaptiveRule(
    name: "tf1_rmsprop",
    summary: "TensorFlow 1's RMSProp: +lr inside the momentum, squares start from 1",
    source: "python/training/rmsprop.py and core/kernels/training_ops.cc of TensorFlow 2.21",
    form: rmspropForm(epsilonInside: .epsilon, insideRate: .learningRate, rate: 1),
    slots: allSlots,
    secondStart: 1,
    hyperparameters: rmspropHyperparameters(
      alpha: 0.9,
      epsilon: 1e-10,
      .lastKept,
      .divideByDeviation
    ),
    decayScope: .all
  )

  /// `optax.rmsprop`: the trace holds the displacement, ε is under the root.
  public static let optaxRMSprop = AdaptiveRule(
    name: "optax_rmsprop",
    summary: "optax.rmsprop: -lr inside the trace, epsilon under the root, no decay",
    source: "optax/_src/alias.py and transform.py of optax 0.2.8, eps_in_sqrt=True",
    form: rmspropForm(epsilonInside: .epsilon, insideRate: -.learningRate, rate: -1),
    slots: allSlots,
    hyperparameters: rmspropHyperparameters(
      alpha: 0.9,
      epsilon: 1e-8,
      .lastKept,
      .divideByDeviation
    ),
    decayScope: .all
  )

  /// MLX's `RMSprop`: torch's without momentum, decay and centering.
  public static let mlxRMSprop = AdaptiveRule(
    name: "mlx_rmsprop",
    summary: "MLX RMSprop: epsilon outside the root, no momentum, no decay",
    source: "python/mlx/optimizers/optimizers.py of MLX 0.32.4",
    form: rmspropForm(epsilonOutside: .epsilon),
    slots: SlotNames(second: "square_avg"),
    hyperparameters: rmspropHyperparameters(alpha: 0.99, epsilon: 1e-8),
    decayScope: .all
  )

  private static let allSlots = SlotNames(
    second: "square_avg",
    mean: "grad_avg",
    momentum: "momentum_buffer"
  )

  /// RMSprop's step; if nobody says otherwise with the learning rate outside the momentum.
  private static func rmspropForm(
    coupledDecay: Formula = 0,
    epsilonInside: Formula = 0,
    epsilonOutside: Formula = 0,
    insideRate: Formula = 1,
    shrink: Formula = 0,
    rate: Formula = .learningRate
  ) -> AdaptiveForm<Formula> {
    AdaptiveForm(
      coupledDecay: coupledDecay,
      firstKept: 0,
      firstGain: 0,
      secondKept: .alpha,
      secondGain: 1 - .alpha,
      firstShare: 0,
      gradientShare: 1,
      centering: .centered,
      maximum: 0,
      epsilonInside: epsilonInside,
      epsilonOutside: epsilonOutside,
      momentum: .momentum,
      insideRate: insideRate,
      shrink: shrink,
      rate: rate
    )
  }

  private static func rmspropHyperparameters(
    alpha: Double,
    epsilon: Double,
    _ others: HyperparameterDefinition...
  ) -> [HyperparameterDefinition] {
    [
      .number(.learningRate, .notNegative, default: 0.001, "learning rate"),
      .number(.alpha, .belowOne, default: alpha, "how much of the mean square is kept"),
      .number(.epsilon, .notNegative, default: epsilon, "added to the root"),
    ] + others
  }
}

extension HyperparameterDefinition {
  fileprivate static let lastKept = number(
    .momentum,
    .belowOne,
    "how much of the last step is kept"
  )
  fileprivate static let divideByDeviation = flag(.centered, "divide by the deviation")
}
