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

extension UpdateRule {
  /// The hyperparameters that a framework's word sets under this rule; nil if it sets none that the rule takes.
  ///
  /// - Parameter word: The word, such as `lr`, or a hyperparameter's own name.
  /// - Returns: The names, in the order of the word's values.
  package func meaning(of word: String) -> [Hyperparameter]? {
    let taken = hyperparameters.map(\.name)
    let own = Hyperparameter(rawValue: word)
    if taken.contains(own) { return [own] }
    return HyperparameterSpelling.meanings[word]?.first { $0.allSatisfy(taken.contains) }
  }
}

extension Hyperparameter {
  /// Whether a word is that of a number which some rule takes.
  ///
  /// - Parameter word: The word, such as `lr`, or a hyperparameter's own name.
  /// - Returns: Whether it is.
  package static func isWord(_ word: String) -> Bool {
    wellKnown.contains { $0.rawValue == word } || HyperparameterSpelling.meanings[word] != nil
  }
}
