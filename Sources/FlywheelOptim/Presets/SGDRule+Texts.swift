/// The rules of books, courses and questions.
extension SGDRule {
  /// Michael Nielsen's network2.py: no momentum, decay is λ/n on weights only.
  public static let network2 = SGDRule(
    name: "network2",
    summary: "plain steps, decay lr lambda/n, weights only",
    source: "src/network2.py of mnielsen/neural-networks-and-deep-learning@72db53d",
    form: SGDForm(f: -.learningRate, h: -.learningRate * .weightDecay / .trainingSize),
    nesterovForm: nil,
    hyperparameters: [
      .stepSize,
      .number(.weightDecay, .notNegative, "divided by the size of the training set"),
    ],
    firstStep: .fromZeros,
    decayScope: .weights
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
    hyperparameters: withVelocity(
      .number(.weightDecay, .notNegative, "divided by the size of the training set")
    ),
    firstStep: .fromZeros,
    decayScope: .weights
  )

  /// Michael Nielsen's network3.py: no momentum, λ is divided by the number of mini-batches.
  public static let network3 = SGDRule(
    name: "network3",
    summary: "plain steps, decay lr lambda m/n, weights only",
    source: "src/network3.py of mnielsen/neural-networks-and-deep-learning@72db53d",
    form: SGDForm(
      f: -.learningRate,
      h: -.learningRate * .weightDecay * .batchSize / .trainingSize
    ),
    nesterovForm: nil,
    hyperparameters: [
      .stepSize, .number(.weightDecay, .notNegative, "divided by the number of mini-batches"),
    ],
    firstStep: .fromZeros,
    decayScope: .weights
  )

  /// The momentum of deeplearning.ai and CS230: the velocity averages gradients, which λ/m decays.
  public static let cs230 = SGDRule(
    name: "cs230",
    summary: "velocity averages gradients, lr outside, decay lambda/m, weights only",
    source: "the optimization assignment of deeplearning.ai and CS230, and its slides",
    form: SGDForm(
      a: .momentum,
      b: 1 - .momentum,
      c: (1 - .momentum) * .weightDecay / .batchSize,
      d: -.learningRate
    ),
    nesterovForm: nil,
    hyperparameters: withVelocity(.batchDecay()),
    firstStep: .fromZeros,
    decayScope: .weights
  )

  /// The momentum of Stanford's cs231n notes, and their Nesterov form with the velocity of before.
  ///
  /// These hold the weights at which gradients are taken. Sutskever's look-ahead, from which the notes
  /// derive theirs, holds others, θ = w − μ v: it is no rule of its own, but this one with its weights
  /// moved.
  public static let cs231n = SGDRule(
    name: "cs231n",
    summary: "velocity is the displacement, decay coupled, weights only",
    source: "neural-networks-3.md and neural-networks-case-study.md of cs231n.github.io@3d84654",
    form: coupledDisplacement(decay: .weightDecay),
    nesterovForm: SGDForm(
      a: .momentum,
      b: -.learningRate,
      c: -.learningRate * .weightDecay,
      d: 1 + .momentum,
      e: -.momentum
    ),
    hyperparameters: withVelocity(.addedDecay, .lookAhead),
    firstStep: .fromZeros,
    decayScope: .weights
  )

  /// The question from which Flywheel began, its gradient a mean: decay past the velocity, λ over the
  /// size of the mini-batch.
  public static let question = SGDRule(
    name: "question",
    summary: "velocity sums gradients, lr outside, weights shrink by lr lambda/m",
    source: "update_params of the question, with a gradient averaged over the mini-batch",
    form: SGDForm(
      a: .momentum,
      b: 1,
      d: -.learningRate,
      h: -.learningRate * .weightDecay / .batchSize
    ),
    nesterovForm: nil,
    hyperparameters: withVelocity(.batchDecay()),
    firstStep: .fromZeros,
    decayScope: .weights
  )

  /// The same with the gradient that it may have had: the sum over the mini-batch.
  public static let questionSummed = SGDRule(
    name: "question_summed",
    summary: "velocity sums m times the mean gradient, else as the question",
    source: "update_params of the question, with a gradient summed over the mini-batch",
    form: SGDForm(
      a: .momentum,
      b: .batchSize,
      d: -.learningRate,
      h: -.learningRate * .weightDecay / .batchSize
    ),
    nesterovForm: nil,
    hyperparameters: withVelocity(.batchDecay()),
    firstStep: .fromZeros,
    decayScope: .weights
  )
}
