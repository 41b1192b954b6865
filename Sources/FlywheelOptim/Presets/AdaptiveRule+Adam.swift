/// Adam and its kin. Two questions tell them apart: whether ε is added after the bias correction or before
/// it ("ε hat"), and where the decay goes.
extension AdaptiveRule {
  /// `torch.optim.Adam`: decay joins the gradient, and so both moments; ε is added after the bias
  /// correction.
  public static let adam = AdaptiveRule(
    name: "adam",
    summary: "torch.optim.Adam: decay joins the gradient, for biases too",
    source: "torch/optim/adam.py of PyTorch 2.13; Kingma and Ba, Adam, 2015",
    form: adamForm(coupledDecay: .weightDecay, maximum: .amsgrad),
    slots: adamSlotsWithMaximum,
    hyperparameters: adamHyperparameters(.addedDecay, .largestSecond),
    decayScope: .all
  )

  /// `torch.optim.AdamW`: the weight shrinks by lr λ, past the moments.
  public static let adamw = AdaptiveRule(
    name: "adamw",
    summary: "torch.optim.AdamW: weights shrink by lr lambda, biases too",
    source: "torch/optim/adamw.py of PyTorch 2.13; Loshchilov and Hutter, 2019",
    form: adamForm(shrink: .learningRate * .weightDecay, maximum: .amsgrad),
    slots: adamSlotsWithMaximum,
    hyperparameters: adamHyperparameters(.shrinkingDecay(default: 0.01), .largestSecond),
    decayScope: .all
  )

  /// Keras's `Adam` and `AdamW`, which differ only in the decay's default: ε hat, decay past the moments.
  public static let kerasAdam = AdaptiveRule(
    name: "keras_adam",
    summary: "Keras Adam, AdamW: epsilon hat, weights shrink by lr lambda",
    source: "keras/src/optimizers/{adam,adamw,base_optimizer}.py of Keras 3.15.1",
    form: adamForm(
      shrink: .learningRate * .weightDecay,
      maximum: .amsgrad,
      epsilon: .epsilon
    ),
    slots: adamSlotsWithMaximum,
    hyperparameters: adamHyperparameters(epsilon: 1e-7, .shrinkingDecay, .largestSecond),
    decayScope: .all
  )

  /// TensorFlow 1's `AdamOptimizer`: ε hat, no decay.
  public static let tf1Adam = AdaptiveRule(
    name: "tf1_adam",
    summary: "TensorFlow 1's Adam: epsilon hat, no decay",
    source: "python/training/adam.py and core/kernels/training_ops.cc of TensorFlow 2.21",
    form: adamForm(epsilon: .epsilon),
    slots: adamSlots,
    hyperparameters: adamHyperparameters(),
    decayScope: .all
  )

  /// `optax.adam`: torch's without decay, and an ε under the root besides.
  public static let optaxAdam = AdaptiveRule(
    name: "optax_adam",
    summary: "optax.adam: as torch's, eps_root under the root, no decay",
    source: "optax/_src/alias.py and transform.py of optax 0.2.8",
    form: adamForm(epsilonInside: .epsilonRoot * .secondCorrection),
    slots: adamSlots,
    hyperparameters: adamHyperparameters(.rootEpsilon),
    decayScope: .all
  )

  /// `optax.adamw`: the weight shrinks by lr λ, past the moments.
  public static let optaxAdamW = AdaptiveRule(
    name: "optax_adamw",
    summary: "optax.adamw: eps_root under the root, weights shrink by lr lambda",
    source: "optax/_src/alias.py and transform.py of optax 0.2.8",
    form: adamForm(
      shrink: .learningRate * .weightDecay,
      epsilonInside: .epsilonRoot * .secondCorrection
    ),
    slots: adamSlots,
    hyperparameters: adamHyperparameters(.rootEpsilon, .shrinkingDecay(default: 1e-4)),
    decayScope: .all
  )

  /// MLX's `Adam`, whose bias correction is off unless it is asked for.
  public static let mlxAdam = AdaptiveRule(
    name: "mlx_adam",
    summary: "MLX Adam: as torch's, bias correction only on request, no decay",
    source: "python/mlx/optimizers/optimizers.py of MLX 0.32.4",
    form: adamForm(),
    slots: adamSlots,
    hyperparameters: adamHyperparameters(.corrected),
    decayScope: .all
  )

  /// MLX's `AdamW`, whose bias correction is off unless it is asked for.
  public static let mlxAdamW = AdaptiveRule(
    name: "mlx_adamw",
    summary: "MLX AdamW: bias correction on request, weights shrink by lr lambda",
    source: "python/mlx/optimizers/optimizers.py of MLX 0.32.4",
    form: adamForm(shrink: .learningRate * .weightDecay),
    slots: adamSlots,
    hyperparameters: adamHyperparameters(.shrinkingDecay(default: 0.01), .corrected),
    decayScope: .all
  )

  /// scikit-learn's multi-layer perceptrons with `solver='adam'`: ε hat, `alpha` over the size of the
  /// mini-batch at hand.
  public static let sklearnAdam = AdaptiveRule(
    name: "sklearn_adam",
    summary: "scikit-learn's adam: epsilon hat, decay lambda/m, weights only",
    source: "sklearn/neural_network/_stochastic_optimizers.py of scikit-learn 1.9.1",
    form: adamForm(coupledDecay: .weightDecay / .batchSize, epsilon: .epsilon),
    slots: adamSlots,
    hyperparameters: adamHyperparameters(.batchDecay(default: 1e-4)),
    decayScope: .weights
  )

  /// MXNet's `Adam`: ε hat, decay joins the gradient.
  public static let mxnetAdam = AdaptiveRule(
    name: "mxnet_adam",
    summary: "MXNet Adam: epsilon hat, decay joins the gradient",
    source: "python/mxnet/optimizer/adam.py of apache/mxnet@b84609d",
    form: adamForm(coupledDecay: .weightDecay, epsilon: .epsilon),
    slots: adamSlots,
    hyperparameters: adamHyperparameters(.addedDecay),
    decayScope: .all
  )

  /// Caffe's `Adam`, which calls β₁ momentum, β₂ momentum2 and ε delta: ε hat, decay joins the gradient.
  public static let caffeAdam = AdaptiveRule(
    name: "caffe_adam",
    summary: "Caffe Adam: epsilon hat, decay joins the gradient",
    source: "src/caffe/solvers/adam_solver.cpp of BVLC/caffe@9b89154",
    form: adamForm(coupledDecay: .weightDecay, epsilon: .epsilon),
    slots: adamSlots,
    hyperparameters: adamHyperparameters(.addedDecay),
    decayScope: .all
  )

  /// Lasagne's `adam`: ε hat, no decay.
  public static let lasagneAdam = AdaptiveRule(
    name: "lasagne_adam",
    summary: "Lasagne's adam: epsilon hat, no decay",
    source: "lasagne/updates.py of Lasagne@5d3c63c",
    form: adamForm(epsilon: .epsilon),
    slots: adamSlots,
    hyperparameters: adamHyperparameters(),
    decayScope: .all
  )

  /// fastai's `Adam`: torch's AdamW with other defaults.
  public static let fastaiAdam = AdaptiveRule(
    name: "fastai_adam",
    summary: "fastai Adam: weights shrink by lr lambda, other defaults",
    source: "fastai/optimizer.py of fastai/fastai@0a20fa1",
    form: adamForm(shrink: .learningRate * .weightDecay),
    slots: adamSlots,
    hyperparameters: adamHyperparameters(
      beta2: 0.99,
      epsilon: 1e-5,
      .shrinkingDecay(default: 0.01)
    ),
    decayScope: .all
  )

  /// `Adam` of Optimisers.jl: torch's without decay.
  public static let optimisersJLAdam = AdaptiveRule(
    name: "optimisers_jl_adam",
    summary: "Optimisers.jl Adam: as torch's, no decay",
    source: "src/rules.jl of Optimisers.jl@b3595f5",
    form: adamForm(),
    slots: adamSlots,
    hyperparameters: adamHyperparameters(),
    decayScope: .all
  )

  /// `AdamW` of Optimisers.jl as it is by default, with `couple=true`: the weight shrinks by lr λ.
  public static let optimisersJLAdamW = AdaptiveRule(
    name: "optimisers_jl_adamw",
    summary: "Optimisers.jl AdamW: weights shrink by lr lambda",
    source: "src/rules.jl of Optimisers.jl@b3595f5, couple=true",
    form: adamForm(shrink: .learningRate * .weightDecay),
    slots: adamSlots,
    hyperparameters: adamHyperparameters(.shrinkingDecay),
    decayScope: .all
  )

  /// ConvNetJS's `adam`: moments are multiplied by what others divide them by, and the exponents count
  /// samples.
  public static let convnetjsAdam = AdaptiveRule(
    name: "convnetjs_adam",
    summary: "ConvNetJS adam: corrections multiply and count samples, decay lambda/m",
    source: "src/convnet_trainers.js of karpathy/convnetjs@4c3358a",
    form: adamForm(
      coupledDecay: .weightDecay / .batchSize,
      epsilon: .epsilon / .squareRoot(.secondCorrection),
      rate: .learningRate * .firstCorrection / .squareRoot(.secondCorrection)
    ),
    slots: adamSlots,
    correctionCount: .samples,
    hyperparameters: adamHyperparameters(learningRate: 0.01, .batchDecay()),
    decayScope: .weights
  )

  /// Loshchilov and Hutter's own AdamW: ε hat, and a weight loses λ of itself a step, whatever the
  /// learning rate is.
  ///
  /// Theirs multiplies λ by the schedule and divides it by √(batches · epochs); here λ is the product.
  public static let adamwLua = AdaptiveRule(
    name: "adamw_lua",
    summary: "Loshchilov's AdamW: epsilon hat, weights shrink by lambda a step",
    source: "UPDATETORCHFILES/adam.lua of loshchil/AdamW-and-SGDW@7e88245",
    form: adamForm(shrink: .weightDecay, epsilon: .epsilon),
    slots: adamSlots,
    hyperparameters: adamHyperparameters(.absoluteDecay),
    decayScope: .all
  )

  private static let adamSlots = SlotNames(first: "exp_avg", second: "exp_avg_sq")
  private static let adamSlotsWithMaximum = SlotNames(
    first: "exp_avg",
    second: "exp_avg_sq",
    maximum: "max_exp_avg_sq"
  )

  /// Adam's step; if nobody says otherwise with ε added after the bias correction, and without decay.
  private static func adamForm(
    coupledDecay: Formula = 0,
    shrink: Formula = 0,
    maximum: Formula = 0,
    epsilonInside: Formula = 0,
    epsilon: Formula = .epsilon * .squareRoot(.secondCorrection),
    rate: Formula = .learningRate * .squareRoot(.secondCorrection) / .firstCorrection
  ) -> AdaptiveForm<Formula> {
    AdaptiveForm(
      coupledDecay: coupledDecay,
      firstKept: .beta1,
      firstGain: 1 - .beta1,
      secondKept: .beta2,
      secondGain: 1 - .beta2,
      firstShare: 1,
      gradientShare: 0,
      centering: 0,
      maximum: maximum,
      epsilonInside: epsilonInside,
      epsilonOutside: epsilon,
      momentum: 0,
      insideRate: 1,
      shrink: shrink,
      rate: rate
    )
  }

  private static func adamHyperparameters(
    learningRate: Double = 0.001,
    beta2: Double = 0.999,
    epsilon: Double = 1e-8,
    _ others: HyperparameterDefinition...
  ) -> [HyperparameterDefinition] {
    [
      .number(.learningRate, .notNegative, default: learningRate, "learning rate"),
      .number(.beta1, .belowOne, default: 0.9, "how much of the first moment is kept"),
      .number(.beta2, .belowOne, default: beta2, "how much of the second moment is kept"),
      .number(.epsilon, .notNegative, default: epsilon, "added to the root"),
    ] + others
  }
}

extension HyperparameterDefinition {
  fileprivate static let largestSecond = flag(
    .amsgrad,
    "divide by the largest second moment so far"
  )
  fileprivate static let corrected = flag(
    .biasCorrection,
    "correct the moments for having started from zero"
  )
  fileprivate static let rootEpsilon = number(
    .epsilonRoot,
    .notNegative,
    "added to the corrected second moment under the root"
  )
}
