extension SGDRule {
  /// `torch.optim.SGD`: the buffer sums gradients, the learning rate stays outside, decay is coupled.
  public static let pytorch = SGDRule(
    name: "pytorch",
    summary: "velocity sums gradients, lr outside, decay for biases too",
    source: "torch/optim/sgd.py of PyTorch 2.13",
    form: SGDForm(
      a: .momentum,
      b: 1 - .dampening,
      c: (1 - .dampening) * .weightDecay,
      d: -.learningRate
    ),
    nesterovForm: SGDForm(
      a: .momentum,
      b: 1,
      c: .weightDecay,
      d: -.learningRate * .momentum,
      f: -.learningRate,
      h: -.learningRate * .weightDecay
    ),
    hyperparameters: [
      .number(.learningRate, .notNegative, default: 0.05, "learning rate"),
      .number(.momentum, .belowOne, default: 0.9, "how much of the velocity is kept"),
      .number(.dampening, .upToOne, "the gradient enters the velocity times 1 - dampening"),
      .number(.weightDecay, .notNegative, "added to the gradient, times the weight"),
      .flag(.nesterov, "look ahead along the velocity"),
    ],
    firstStep: .undamped,
    decayScope: .all
  )

  /// Michael Nielsen's momentum: the velocity is the displacement, decay is λ/n on weights only.
  public static let nielsen = SGDRule(
    name: "nielsen",
    summary: "velocity is the displacement, decay lambda/n, weights only",
    source: "Nielsen, Neural Networks and Deep Learning, chapter 3; network2.py for the decay",
    form: SGDForm(
      a: .momentum,
      b: -.learningRate,
      c: -.learningRate * .weightDecay / .trainingSize,
      d: 1
    ),
    nesterovForm: nil,
    hyperparameters: [
      .number(.learningRate, .notNegative, default: 0.05, "learning rate"),
      .number(.momentum, .belowOne, default: 0.9, "how much of the velocity is kept"),
      .number(.weightDecay, .notNegative, "divided by the size of the training set"),
    ],
    firstStep: .fromZeros,
    decayScope: .weights
  )
}
