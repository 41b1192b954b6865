/// The rules of other libraries in Python, C++ and JavaScript.
extension SGDRule {
  /// TensorFlow 1's `MomentumOptimizer`, which knows no decay.
  public static let tf1 = SGDRule(
    name: "tf1",
    summary: "velocity sums gradients, lr outside, no decay",
    source: "python/training/momentum.py and core/kernels/training_ops.cc of TensorFlow 2.21",
    form: SGDForm(a: .momentum, b: 1, d: -.learningRate),
    nesterovForm: SGDForm(
      a: .momentum,
      b: 1,
      d: -.learningRate * .momentum,
      f: -.learningRate
    ),
    hyperparameters: withVelocity(.lookAhead),
    firstStep: .fromZeros,
    decayScope: .all
  )

  /// Keras's `SGD`: the velocity is the displacement, `weight_decay` shrinks weights past it.
  ///
  /// `l2` is a `kernel_regularizer` L2, `bias_l2` a `bias_regularizer`: penalties without a ½, which join
  /// the gradient.
  public static let keras = SGDRule(
    name: "keras",
    summary: "velocity is the displacement, weights shrink by lr lambda",
    source: "keras/src/optimizers/{sgd,base_optimizer}.py and regularizers of Keras 3.15.1",
    form: SGDForm(
      a: .momentum,
      b: -.learningRate,
      c: -2 * .learningRate * .l2,
      d: 1,
      h: -.learningRate * .weightDecay
    ),
    nesterovForm: SGDForm(
      a: .momentum,
      b: -.learningRate,
      c: -2 * .learningRate * .l2,
      d: .momentum,
      f: -.learningRate,
      h: -.learningRate * .weightDecay - 2 * .learningRate * .l2
    ),
    hyperparameters: withVelocity(
      .shrinkingDecay,
      .number(.l2, .notNegative, "of weights, twice it times the weight joins the gradient"),
      .number(.biasL2, .notNegative, "the same for biases"),
      .lookAhead
    ),
    firstStep: .fromZeros,
    decayScope: .all
  )

  /// `optax.sgd` after `add_decayed_weights`: the decay goes through the trace.
  public static let optax = SGDRule(
    name: "optax",
    summary: "trace sums gradients, lr outside, decay joins the gradient",
    source: "optax/_src/alias.py, transforms/_accumulation.py and _adding.py of optax 0.2.8",
    form: SGDForm(a: .momentum, b: 1, c: .weightDecay, d: -.learningRate),
    nesterovForm: coupledLookAhead,
    hyperparameters: withVelocity(.addedDecay, .lookAhead),
    firstStep: .fromZeros,
    decayScope: .all
  )

  /// optax's `trace`, then `add_decayed_weights`, then the learning rate: the decay passes the trace by.
  public static let optaxDecoupled = SGDRule(
    name: "optax_decoupled",
    summary: "trace sums gradients, lr outside, weights shrink by lr lambda",
    source: "optax/_src/alias.py, transforms/_accumulation.py and _adding.py of optax 0.2.8",
    form: SGDForm(a: .momentum, b: 1, d: -.learningRate, h: -.learningRate * .weightDecay),
    nesterovForm: SGDForm(
      a: .momentum,
      b: 1,
      d: -.learningRate * .momentum,
      f: -.learningRate,
      h: -.learningRate * .weightDecay
    ),
    hyperparameters: withVelocity(.shrinkingDecay, .lookAhead),
    firstStep: .fromZeros,
    decayScope: .all
  )

  /// MXNet's `SGD`, and as its Nesterov form `NAG` of the master branch.
  public static let mxnet = SGDRule(
    name: "mxnet",
    summary: "velocity is the displacement, decay coupled, for biases too",
    source: "optimizer/sgd.py and operator/optimizer_op-inl.h of apache/mxnet@b84609d",
    form: coupledDisplacement(decay: .weightDecay),
    nesterovForm: coupledDisplacementLookAhead(decay: .weightDecay),
    hyperparameters: withVelocity(.addedDecay, .lookAhead),
    firstStep: .fromZeros,
    decayScope: .all
  )

  /// MXNet 1.9.1's `NAG`: the weight is written first, so that the buffer decays the updated one.
  public static let mxnetNAG = SGDRule(
    name: "mxnet_nag_1_9",
    summary: "Nesterov's displacement, decayed with the weight after the step",
    source: "src/operator/optimizer_op-inl.h of apache/mxnet, tag 1.9.1",
    form: SGDForm(
      a: .momentum - .learningRate * .weightDecay * .momentum * .momentum,
      b: -.learningRate + .learningRate * .learningRate * .weightDecay * (1 + .momentum),
      c: -.learningRate * .weightDecay * (1 - (1 + .momentum) * .learningRate * .weightDecay),
      e: .momentum * .momentum,
      f: -(1 + .momentum) * .learningRate,
      h: -(1 + .momentum) * .learningRate * .weightDecay
    ),
    nesterovForm: nil,
    hyperparameters: withVelocity(.addedDecay),
    firstStep: .fromZeros,
    decayScope: .all
  )

  /// Caffe's `SGD` and `Nesterov`: the velocity is what is subtracted.
  public static let caffe = SGDRule(
    name: "caffe",
    summary: "velocity is what is subtracted, decay coupled, for biases too",
    source: "src/caffe/solvers/{sgd,nesterov}_solver.cpp of BVLC/caffe@9b89154",
    form: SGDForm(
      a: .momentum,
      b: .learningRate,
      c: .learningRate * .weightDecay,
      d: -1
    ),
    nesterovForm: SGDForm(
      a: .momentum,
      b: .learningRate,
      c: .learningRate * .weightDecay,
      d: -(1 + .momentum),
      e: .momentum
    ),
    hyperparameters: withVelocity(.addedDecay, .lookAhead),
    firstStep: .fromZeros,
    decayScope: .all
  )

  /// Lasagne's `momentum` and `nesterov_momentum`, with `regularize_network_params(…, l2)`, which has no
  /// ½ and leaves biases alone.
  public static let lasagne = SGDRule(
    name: "lasagne",
    summary: "velocity is the displacement, l2 coupled with factor 2, weights only",
    source: "lasagne/updates.py and regularization.py of Lasagne@5d3c63c",
    form: coupledDisplacement(decay: 2 * .l2),
    nesterovForm: coupledDisplacementLookAhead(decay: 2 * .l2),
    hyperparameters: withVelocity(
      .number(.l2, .notNegative, "of weights, twice it times the weight joins the gradient"),
      .lookAhead
    ),
    firstStep: .fromZeros,
    decayScope: .weights
  )

  /// scikit-learn's multi-layer perceptrons with `solver='sgd'`: `alpha` is divided by the size of the
  /// mini-batch at hand, a short one's own.
  public static let sklearn = SGDRule(
    name: "sklearn",
    summary: "velocity is the displacement, decay lambda/m, weights only",
    source: "sklearn/neural_network/_stochastic_optimizers.py of scikit-learn 1.9.1",
    form: coupledDisplacement(decay: .weightDecay / .batchSize),
    nesterovForm: coupledDisplacementLookAhead(decay: .weightDecay / .batchSize),
    hyperparameters: withVelocity(
      .batchDecay(default: 1e-4),
      .flag(.nesterov, default: true, "look ahead along the velocity")
    ),
    firstStep: .fromZeros,
    decayScope: .weights
  )

  /// ConvNetJS's `sgd` and `nesterov`: the first keeps the displacement, the second what is subtracted.
  public static let convnetjs = SGDRule(
    name: "convnetjs",
    summary: "velocity is the displacement, decay lambda/m, weights only",
    source: "src/convnet_trainers.js of karpathy/convnetjs@4c3358a",
    form: coupledDisplacement(decay: .weightDecay / .batchSize),
    nesterovForm: SGDForm(
      a: .momentum,
      b: .learningRate,
      c: .learningRate * (.weightDecay / .batchSize),
      d: -(1 + .momentum),
      e: .momentum
    ),
    hyperparameters: withVelocity(.batchDecay(), .lookAhead),
    firstStep: .fromZeros,
    decayScope: .weights
  )

  /// `sgd` of HIPS autograd: an average of the gradients' negatives, times the learning rate.
  public static let hipsAutograd = SGDRule(
    name: "hips_autograd",
    summary: "velocity averages negative gradients, lr outside, no decay",
    source: "autograd/misc/optimizers.py of HIPS/autograd, as issue 289 quotes it",
    form: SGDForm(a: .momentum, b: -(1 - .momentum), d: .learningRate),
    nesterovForm: nil,
    hyperparameters: withVelocity(),
    firstStep: .fromZeros,
    decayScope: .all
  )

  /// A velocity that is the displacement, with a decay that joins the gradient.
  static func coupledDisplacement(decay: Formula) -> SGDForm<Formula> {
    SGDForm(a: .momentum, b: -.learningRate, c: -.learningRate * decay, d: 1)
  }

  /// The same, looking ahead: w' = w + μ v' − lr ĝ.
  static func coupledDisplacementLookAhead(decay: Formula) -> SGDForm<Formula> {
    SGDForm(
      a: .momentum,
      b: -.learningRate,
      c: -.learningRate * decay,
      d: .momentum,
      f: -.learningRate,
      h: -.learningRate * decay
    )
  }
}
