/// PyTorch's rule and those that were written after it, or that it was written after.
extension SGDRule {
  /// `torch.optim.SGD`: the buffer sums gradients, the learning rate stays outside, decay is coupled.
  ///
  /// `maximize` turns the gradient's sign and leaves the decay's.
  public static let pytorch = SGDRule(
    name: "pytorch",
    summary: "velocity sums gradients, lr outside, decay for biases too",
    source: "torch/optim/sgd.py of PyTorch 2.13",
    form: SGDForm(
      a: .momentum,
      b: direction * (1 - .dampening),
      c: (1 - .dampening) * .weightDecay,
      d: -.learningRate
    ),
    nesterovForm: SGDForm(
      a: .momentum,
      b: direction,
      c: .weightDecay,
      d: -.learningRate * .momentum,
      f: direction * -.learningRate,
      h: -.learningRate * .weightDecay
    ),
    hyperparameters: withVelocity(
      .dampening,
      .addedDecay,
      .lookAhead,
      .flag(.maximize, "climb: take the gradient with the other sign")
    ),
    firstStep: .undamped,
    decayScope: .all
  )

  /// Torch7's `optim.sgd`: PyTorch's rule, but the dampening is the momentum if nobody sets it.
  public static let torch7 = SGDRule(
    name: "torch7",
    summary: "velocity averages gradients after step 1, lr outside, decay coupled",
    source: "optim/sgd.lua of Torch7, as kept in loshchil/AdamW-and-SGDW@7e88245",
    form: SGDForm(
      a: .momentum,
      b: 1 - .dampening,
      c: (1 - .dampening) * .weightDecay,
      d: -.learningRate
    ),
    nesterovForm: coupledLookAhead,
    hyperparameters: withVelocity(.followingDampening, .addedDecay, .lookAhead),
    firstStep: .undamped,
    decayScope: .all
  )

  /// SGDW of Loshchilov and Hutter: a weight loses λ of itself a step, whatever the learning rate is.
  ///
  /// Theirs multiplies λ by the schedule and divides it by √(batches · epochs); here λ is the product.
  public static let sgdw = SGDRule(
    name: "sgdw",
    summary: "Torch7's velocity, lr outside, weights shrink by lambda a step",
    source: "UPDATETORCHFILES/sgd.lua of loshchil/AdamW-and-SGDW@7e88245, sgd_type 1",
    form: SGDForm(a: .momentum, b: 1 - .dampening, d: -.learningRate, h: -.weightDecay),
    nesterovForm: SGDForm(
      a: .momentum,
      b: 1,
      d: -.learningRate * .momentum,
      f: -.learningRate,
      h: -.weightDecay
    ),
    hyperparameters: withVelocity(.followingDampening, .absoluteDecay, .lookAhead),
    firstStep: .undamped,
    decayScope: .all
  )

  /// `mlx.optimizers.SGD`: PyTorch's rule, but from zeros, so that the first step is dampened too.
  public static let mlx = SGDRule(
    name: "mlx",
    summary: "velocity sums gradients from zeros, lr outside, decay coupled",
    source: "python/mlx/optimizers/optimizers.py of MLX 0.32.4",
    form: SGDForm(
      a: .momentum,
      b: 1 - .dampening,
      c: (1 - .dampening) * .weightDecay,
      d: -.learningRate
    ),
    nesterovForm: coupledLookAhead,
    hyperparameters: withVelocity(
      .dampening,
      .addedDecay,
      .lookAhead
    ),
    firstStep: .fromZeros,
    decayScope: .all
  )

  /// fastai's `SGD`, whose weights shrink by lr λ past the velocity.
  public static let fastai = SGDRule(
    name: "fastai",
    summary: "velocity sums gradients, lr outside, weights shrink by lr lambda",
    source: "fastai/optimizer.py of fastai/fastai@0a20fa1",
    form: SGDForm(a: .momentum, b: 1, d: -.learningRate, h: -.learningRate * .weightDecay),
    nesterovForm: nil,
    hyperparameters: withVelocity(.shrinkingDecay),
    firstStep: .fromZeros,
    decayScope: .all
  )

  /// fastai's `SGD` with `decouple_wd=False`.
  public static let fastaiL2 = SGDRule(
    name: "fastai_l2",
    summary: "velocity sums gradients, lr outside, decay joins the gradient",
    source: "fastai/optimizer.py of fastai/fastai@0a20fa1, decouple_wd=False",
    form: SGDForm(a: .momentum, b: 1, c: .weightDecay, d: -.learningRate),
    nesterovForm: nil,
    hyperparameters: withVelocity(.addedDecay),
    firstStep: .fromZeros,
    decayScope: .all
  )

  /// 1 downhill and −1 uphill.
  private static let direction: Formula = 1 - 2 * .maximize

  /// A velocity of gradients with coupled decay, looking ahead.
  static let coupledLookAhead = SGDForm<Formula>(
    a: .momentum,
    b: 1,
    c: .weightDecay,
    d: -.learningRate * .momentum,
    f: -.learningRate,
    h: -.learningRate * .weightDecay
  )
}
