extension RuleSpelling {
  /// The names that frameworks have for rules.
  ///
  /// Where a default is not said here, it is the rule's.
  public static let frameworks: [RuleSpelling] = [
    // torch/optim of PyTorch 2.13
    .init("torch.optim.SGD", .sgd(.pytorch), [.learningRate: 0.001, .momentum: 0]),
    .init("torch.optim.Adam", .adaptive(.adam)),
    .init("torch.optim.AdamW", .adaptive(.adamw)),
    .init("torch.optim.RMSprop", .adaptive(.rmsprop), [.learningRate: 0.01]),
    .init("torch.optim.Adagrad", .adaptive(.adagrad), [.learningRate: 0.01]),
    // keras/src/optimizers of Keras 3.15.1
    .init("tf.keras.optimizers.SGD", .sgd(.keras), [.learningRate: 0.01, .momentum: 0]),
    .init("tf.keras.optimizers.Adam", .adaptive(.kerasAdam)),
    .init("tf.keras.optimizers.AdamW", .adaptive(.kerasAdam), [.weightDecay: 0.004]),
    .init("tf.keras.optimizers.RMSprop", .adaptive(.kerasRMSprop)),
    .init("tf.keras.optimizers.Adagrad", .adaptive(.kerasAdagrad), [.learningRate: 0.001]),
    // optax/_src/alias.py of optax 0.2.8
    .init("optax.sgd", .sgd(.optax), [.momentum: 0]),
    .init("optax.adam", .adaptive(.optaxAdam)),
    .init("optax.adamw", .adaptive(.optaxAdamW)),
    .init("optax.rmsprop", .adaptive(.optaxRMSprop)),
    .init("optax.adagrad", .adaptive(.optaxAdagrad)),
    // python/mlx/optimizers/optimizers.py of MLX 0.32.4
    .init("mlx.optimizers.SGD", .sgd(.mlx), [.momentum: 0]),
    .init("mlx.optimizers.Adam", .adaptive(.mlxAdam)),
    .init("mlx.optimizers.AdamW", .adaptive(.mlxAdamW)),
    .init("mlx.optimizers.RMSprop", .adaptive(.mlxRMSprop)),
    .init("mlx.optimizers.Adagrad", .adaptive(.mlxAdagrad)),
    // tensorflow/python/training of TensorFlow 2.21
    .init("tf.compat.v1.train.GradientDescentOptimizer", .sgd(.tf1), [.momentum: 0]),
    .init("tf.compat.v1.train.MomentumOptimizer", .sgd(.tf1)),
    .init("tf.compat.v1.train.AdamOptimizer", .adaptive(.tf1Adam)),
    .init("tf.compat.v1.train.RMSPropOptimizer", .adaptive(.tf1RMSProp)),
    .init("tf.compat.v1.train.AdagradOptimizer", .adaptive(.tf1Adagrad)),
    // sklearn/neural_network/_stochastic_optimizers.py of scikit-learn 1.9.1
    .init("sklearn.neural_network.SGDOptimizer", .sgd(.sklearn), [.learningRate: 0.1]),
    .init("sklearn.neural_network.AdamOptimizer", .adaptive(.sklearnAdam)),
    // lasagne/updates.py
    .init("lasagne.updates.sgd", .sgd(.lasagne), [.momentum: 0]),
    .init("lasagne.updates.momentum", .sgd(.lasagne)),
    .init("lasagne.updates.nesterov_momentum", .sgd(.lasagne), [.nesterov: 1]),
    .init("lasagne.updates.adam", .adaptive(.lasagneAdam)),
    .init("lasagne.updates.adagrad", .adaptive(.lasagneAdagrad)),
    // python/mxnet/optimizer of MXNet
    .init("mxnet.mx.optimizer.SGD", .sgd(.mxnet), [.learningRate: 0.1, .momentum: 0]),
    .init("mxnet.mx.optimizer.NAG", .sgd(.mxnet), [.learningRate: 0.1, .nesterov: 1]),
    .init("mxnet.mx.optimizer.Adam", .adaptive(.mxnetAdam)),
    // src/rules.jl of Optimisers.jl, and fastai/optimizer.py
    .init("Optimisers.Momentum", .sgd(.optimisersJL), [.learningRate: 0.01]),
    .init("Optimisers.Nesterov", .sgd(.optimisersJLNesterov), [.learningRate: 0.001]),
    .init("Optimisers.Adam", .adaptive(.optimisersJLAdam)),
    .init("Optimisers.AdamW", .adaptive(.optimisersJLAdamW)),
    .init("Flux.Momentum", .sgd(.flux), [.learningRate: 0.01]),
    .init("fastai.optimizer.SGD", .sgd(.fastai), [.momentum: 0]),
    .init("fastai.optimizer.Adam", .adaptive(.fastaiAdam)),
  ]

  /// A framework's name; defaults are numbers, of a switch 1 for on.
  private init(
    _ name: String,
    _ rule: UpdateRule,
    _ defaults: [Hyperparameter: Double] = [:]
  ) {
    let values = defaults.map { name, number in
      (name, name == .nesterov ? Hyperparameters.Value.flag(number != 0) : .number(number))
    }
    self.init(
      name: name,
      rule: rule,
      defaults: Hyperparameters(Dictionary(values, uniquingKeysWith: { first, _ in first }))
    )
  }
}
