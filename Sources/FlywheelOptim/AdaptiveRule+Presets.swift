extension AdaptiveRule {
  /// `torch.optim.Adam`: decay joins the gradient, and so both moments; ε is added after the bias
  /// correction.
  public static let adam = AdaptiveRule(
    name: "adam",
    summary: "torch.optim.Adam: decay joins the gradient, for biases too",
    source: "torch/optim/adam.py of PyTorch 2.13; Kingma and Ba, Adam, 2015",
    form: adamForm(coupledDecay: .weightDecay, shrink: 0),
    slots: adamSlots,
    hyperparameters: adamHyperparameters(
      .number(.weightDecay, .notNegative, "added to the gradient, times the weight")
    ),
    decayScope: .all
  )

  /// `torch.optim.AdamW`: the weight shrinks by lr λ, past the moments.
  public static let adamw = AdaptiveRule(
    name: "adamw",
    summary: "torch.optim.AdamW: weights shrink by lr lambda, biases too",
    source: "torch/optim/adamw.py of PyTorch 2.13; Loshchilov and Hutter, 2019",
    form: adamForm(coupledDecay: 0, shrink: .learningRate * .weightDecay),
    slots: adamSlots,
    hyperparameters: adamHyperparameters(
      .number(.weightDecay, .notNegative, default: 0.01, "times lr, what a weight loses a step")
    ),
    decayScope: .all
  )

  /// `torch.optim.RMSprop`: the learning rate outside the momentum, ε outside the root.
  public static let rmsprop = AdaptiveRule(
    name: "rmsprop",
    summary: "torch.optim.RMSprop: lr outside the momentum, decays biases too",
    source: "torch/optim/rmsprop.py of PyTorch 2.13; Hinton's lecture 6e",
    form: AdaptiveForm(
      coupledDecay: .weightDecay,
      firstKept: 0,
      firstGain: 0,
      secondKept: .alpha,
      secondGain: 1 - .alpha,
      firstShare: 0,
      gradientShare: 1,
      centering: .centered,
      maximum: 0,
      epsilonInside: 0,
      epsilonOutside: .epsilon,
      momentum: .momentum,
      insideRate: 1,
      shrink: 0,
      rate: .learningRate
    ),
    slots: SlotNames(
      first: nil,
      second: "square_avg",
      maximum: nil,
      mean: "grad_avg",
      momentum: "momentum_buffer"
    ),
    hyperparameters: [
      .number(.learningRate, .notNegative, default: 0.001, "learning rate"),
      .number(.momentum, .belowOne, "how much of the last step is kept"),
      .number(.alpha, .belowOne, default: 0.99, "how much of the mean square is kept"),
      .number(.epsilon, .notNegative, default: 1e-8, "added to the root"),
      .number(.weightDecay, .notNegative, "added to the gradient, times the weight"),
      .flag(.centered, "divide by the deviation"),
    ],
    decayScope: .all
  )

  private static let adamSlots = SlotNames(
    first: "exp_avg",
    second: "exp_avg_sq",
    maximum: "max_exp_avg_sq",
    mean: nil,
    momentum: nil
  )

  private static func adamForm(coupledDecay: Formula, shrink: Formula) -> AdaptiveForm<Formula> {
    AdaptiveForm(
      coupledDecay: coupledDecay,
      firstKept: .beta1,
      firstGain: 1 - .beta1,
      secondKept: .beta2,
      secondGain: 1 - .beta2,
      firstShare: 1,
      gradientShare: 0,
      centering: 0,
      maximum: .amsgrad,
      epsilonInside: 0,
      epsilonOutside: .epsilon * .squareRoot(.secondCorrection),
      momentum: 0,
      insideRate: 1,
      shrink: shrink,
      rate: .learningRate * .squareRoot(.secondCorrection) / .firstCorrection
    )
  }

  private static func adamHyperparameters(
    _ weightDecay: HyperparameterDefinition
  ) -> [HyperparameterDefinition] {
    [
      .number(.learningRate, .notNegative, default: 0.001, "learning rate"),
      .number(.beta1, .belowOne, default: 0.9, "how much of the first moment is kept"),
      .number(.beta2, .belowOne, default: 0.999, "how much of the second moment is kept"),
      .number(.epsilon, .notNegative, default: 1e-8, "added to the corrected root"),
      weightDecay,
      .flag(.amsgrad, "divide by the largest second moment so far"),
    ]
  }
}
