/// Adagrad's kin: what the sum of squares starts from, and where ε is, tells them apart.
extension AdaptiveRule {
  /// `torch.optim.Adagrad`: ε outside the root, a learning rate that falls by itself if asked to.
  public static let adagrad = AdaptiveRule(
    name: "adagrad",
    summary: "torch.optim.Adagrad: epsilon outside the root, decay coupled",
    source: "torch/optim/adagrad.py of PyTorch 2.13; Duchi, Hazan and Singer, 2011",
    form: adagradForm(
      coupledDecay: .weightDecay,
      epsilonOutside: .epsilon,
      rate: .learningRate / (1 + (.step - 1) * .learningRateDecay)
    ),
    slots: SlotNames(second: "sum"),
    secondStart: .initialAccumulator,
    hyperparameters: [
      stepSize(0.01), epsilon(1e-10), .addedDecay,
      .number(.learningRateDecay, .notNegative, "lr falls as 1/(1 + (t - 1) lr_decay)"),
      start(0),
    ],
    decayScope: .all
  )

  /// Keras's `Adagrad`: ε under the root, the sum starts from 0.1, decay past it.
  public static let kerasAdagrad = AdaptiveRule(
    name: "keras_adagrad",
    summary: "Keras Adagrad: epsilon under the root, weights shrink by lr lambda",
    source: "keras/src/optimizers/{adagrad,base_optimizer}.py of Keras 3.15.1",
    form: adagradForm(epsilonInside: .epsilon, shrink: .learningRate * .weightDecay),
    slots: SlotNames(second: "sum"),
    secondStart: .initialAccumulator,
    hyperparameters: [stepSize(0.001), epsilon(1e-7), .shrinkingDecay, start(0.1)],
    decayScope: .all
  )

  /// TensorFlow 1's `AdagradOptimizer`: no ε, the sum starts from 0.1.
  public static let tf1Adagrad = AdaptiveRule(
    name: "tf1_adagrad",
    summary: "TensorFlow 1's Adagrad: no epsilon, no decay",
    source: "python/training/adagrad.py and core/kernels/training_ops.cc of TensorFlow 2.21",
    form: adagradForm(),
    slots: SlotNames(second: "sum"),
    secondStart: .initialAccumulator,
    hyperparameters: [stepSize(0.01), start(0.1)],
    decayScope: .all
  )

  /// `optax.adagrad`: ε under the root, the sum starts from 0.1.
  public static let optaxAdagrad = AdaptiveRule(
    name: "optax_adagrad",
    summary: "optax.adagrad: epsilon under the root, no decay",
    source: "optax/_src/alias.py and transform.py of optax 0.2.8",
    form: adagradForm(epsilonInside: .epsilon),
    slots: SlotNames(second: "sum"),
    secondStart: .initialAccumulator,
    hyperparameters: [stepSize(0.01), epsilon(1e-7), start(0.1)],
    decayScope: .all
  )

  /// MLX's `Adagrad`: ε outside the root, the sum starts from 0.
  public static let mlxAdagrad = AdaptiveRule(
    name: "mlx_adagrad",
    summary: "MLX Adagrad: epsilon outside the root, no decay",
    source: "python/mlx/optimizers/optimizers.py of MLX 0.32.4",
    form: adagradForm(epsilonOutside: .epsilon),
    slots: SlotNames(second: "sum"),
    hyperparameters: [stepSize(0.01), epsilon(1e-8)],
    decayScope: .all
  )

  /// Lasagne's `adagrad`: ε under the root, the sum starts from 0, a learning rate of 1 by default.
  public static let lasagneAdagrad = AdaptiveRule(
    name: "lasagne_adagrad",
    summary: "Lasagne's adagrad: epsilon under the root, no decay",
    source: "lasagne/updates.py of Lasagne@5d3c63c",
    form: adagradForm(epsilonInside: .epsilon),
    slots: SlotNames(second: "sum"),
    hyperparameters: [stepSize(1), epsilon(1e-6)],
    decayScope: .all
  )

  /// Adagrad's step.
  private static func adagradForm(
    coupledDecay: Formula = 0,
    epsilonInside: Formula = 0,
    epsilonOutside: Formula = 0,
    shrink: Formula = 0,
    rate: Formula = .learningRate
  ) -> AdaptiveForm<Formula> {
    AdaptiveForm(
      coupledDecay: coupledDecay,
      firstKept: 0,
      firstGain: 0,
      secondKept: 1,
      secondGain: 1,
      firstShare: 0,
      gradientShare: 1,
      centering: 0,
      maximum: 0,
      epsilonInside: epsilonInside,
      epsilonOutside: epsilonOutside,
      momentum: 0,
      insideRate: 1,
      shrink: shrink,
      rate: rate
    )
  }

  private static func stepSize(_ fallback: Double) -> HyperparameterDefinition {
    .number(.learningRate, .notNegative, default: fallback, "learning rate")
  }

  private static func epsilon(_ fallback: Double) -> HyperparameterDefinition {
    .number(.epsilon, .notNegative, default: fallback, "added to the root")
  }

  private static func start(_ fallback: Double) -> HyperparameterDefinition {
    .number(.initialAccumulator, .notNegative, default: fallback, "what the sum starts from")
  }
}
