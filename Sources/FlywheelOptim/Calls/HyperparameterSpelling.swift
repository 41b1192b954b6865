/// What frameworks and texts call the numbers that rules take.
enum HyperparameterSpelling {
  /// What a word sets, by the word: the first meaning that the rule takes all of.
  ///
  /// `alpha` is RMSprop's mean of squares in torch and the weight decay in scikit-learn.
  static let meanings: [String: [[Hyperparameter]]] = [
    "lr": [[.learningRate]], "eta": [[.learningRate]], "step_size": [[.learningRate]],
    "base_lr": [[.learningRate]], "learning_rate_init": [[.learningRate]],
    "mu": [[.momentum]], "mom": [[.momentum]], "mass": [[.momentum]],
    "rho": [[.alpha], [.momentum]],
    "decay": [[.alpha], [.weightDecay]],
    "alpha": [[.weightDecay]], "wd": [[.weightDecay]], "lambda": [[.weightDecay]],
    "lam": [[.weightDecay]], "lmbda": [[.weightDecay]], "reg": [[.weightDecay]],
    "l2_decay": [[.weightDecay]], "weightDecay": [[.weightDecay]],
    "l2": [[.weightDecay]],
    "damp": [[.dampening]], "tau": [[.dampening]],
    "betas": [[.beta1, .beta2]],
    "b1": [[.beta1]], "beta_1": [[.beta1]],
    "b2": [[.beta2]], "beta_2": [[.beta2]],
    "eps": [[.epsilon]], "delta": [[.epsilon]],
    "nesterovs_momentum": [[.nesterov]],
    "initial_accumulator": [[.initialAccumulator]],
  ]
}
