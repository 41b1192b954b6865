public import FlywheelCore

/// An update rule of either family: what a trainer, a checkpoint and a user know by one name.
public enum UpdateRule: Sendable, Hashable {
  /// One of SGD's kin: six coefficients and at most one buffer.
  case sgd(SGDRule)
  /// One of Adam's kin, which divide by a running second moment.
  case adaptive(AdaptiveRule)

  /// Every rule that has a name: SGD's kin, then Adam's, RMSprop's and Adagrad's.
  public static let presets: [UpdateRule] =
    [
      .pytorch, .torch7, .sgdw, .mlx, .fastai, .fastaiL2,
      .tf1, .keras, .optax, .optaxDecoupled, .mxnet, .mxnetNAG, .caffe, .lasagne, .sklearn,
      .convnetjs, .hipsAutograd,
      .optimisersJL, .optimisersJLNesterov, .optimisersJLDecoupled, .flux,
      .nielsen, .network2, .network3, .cs230, .cs231n, .question, .questionSummed,
    ].map { .sgd($0) }
    + [
      .adam, .adamw, .kerasAdam, .tf1Adam, .optaxAdam, .optaxAdamW, .mlxAdam, .mlxAdamW,
      .sklearnAdam, .mxnetAdam, .caffeAdam, .lasagneAdam, .fastaiAdam, .optimisersJLAdam,
      .optimisersJLAdamW, .convnetjsAdam, .adamwLua,
      .rmsprop, .kerasRMSprop, .tf1RMSProp, .optaxRMSprop, .mlxRMSprop,
      .adagrad, .kerasAdagrad, .tf1Adagrad, .optaxAdagrad, .mlxAdagrad, .lasagneAdagrad,
    ].map { .adaptive($0) }

  /// The rule with a name; nil if Flywheel has none.
  ///
  /// - Parameter name: The name.
  /// - Returns: The rule.
  public static func preset(_ name: String) -> UpdateRule? { presets.first { $0.name == name } }

  /// The rule with a name.
  ///
  /// - Parameter name: The name.
  /// - Throws: `invalidArgument`, listing the names there are.
  /// - Returns: The rule.
  public static func named(_ name: String) throws(FlywheelError) -> UpdateRule {
    guard let rule = preset(name) else {
      throw FlywheelError(
        .invalidArgument,
        "There is no rule '\(name)'; choose one of \(presets.map(\.name).joined(separator: ", "))."
      )
    }
    return rule
  }

  /// The name that users type.
  public var name: String {
    switch self {
    case .sgd(let rule): rule.name
    case .adaptive(let rule): rule.name
    }
  }

  /// One line that says where the learning rate and the decay enter.
  public var summary: String {
    switch self {
    case .sgd(let rule): rule.summary
    case .adaptive(let rule): rule.summary
    }
  }

  /// Where the rule is written: a file of a framework at a version, or a text.
  public var source: String {
    switch self {
    case .sgd(let rule): rule.source
    case .adaptive(let rule): rule.source
    }
  }

  /// Whether a coefficient of the rule speaks of a symbol, with Nesterov's look-ahead or without.
  ///
  /// - Parameter symbol: The symbol.
  /// - Returns: Whether one does.
  public func mentions(_ symbol: Formula.Symbol) -> Bool {
    var found = false
    let look = { (formula: Formula) in
      found = found || formula.mentions(symbol)
      return formula
    }
    switch self {
    case .sgd(let rule):
      _ = rule.form.map(look)
      _ = rule.nesterovForm?.map(look)
    case .adaptive(let rule):
      _ = rule.form.map(look)
    }
    return found
  }

  /// The hyperparameters that the rule takes.
  public var hyperparameters: [HyperparameterDefinition] {
    switch self {
    case .sgd(let rule): rule.hyperparameters
    case .adaptive(let rule): rule.hyperparameters
    }
  }

  /// The buffers that a step with these hyperparameters keeps for each parameter.
  ///
  /// - Parameter hyperparameters: The numbers.
  /// - Returns: The names of the slots, in the order they are written.
  public func slotNames(_ hyperparameters: Hyperparameters) -> [String] {
    switch self {
    case .sgd(let rule): rule.keepsBuffer(hyperparameters) ? [SGDRule.slotName] : []
    case .adaptive(let rule): rule.slotNames(hyperparameters)
    }
  }

  /// Checks hyperparameters against what the rule takes.
  ///
  /// - Parameter hyperparameters: The numbers; what the rule does not take must be off.
  /// - Throws: `invalidArgument`, naming the one that does not fit.
  public func validate(_ hyperparameters: Hyperparameters) throws(FlywheelError) {
    for (name, value) in hyperparameters.ordered {
      if let definition = self.hyperparameters.first(where: { $0.name == name }) {
        try definition.validate(value)
      } else if !value.isOff {
        try requireTaken(name)
      }
    }
    if case .sgd(let rule) = self { try rule.validateTogether(hyperparameters) }
  }

  /// Checks that the rule takes a hyperparameter at all.
  ///
  /// - Parameter name: The hyperparameter.
  /// - Throws: `invalidArgument`, listing what it takes.
  public func requireTaken(_ name: Hyperparameter) throws(FlywheelError) {
    let names = hyperparameters.map(\.name)
    guard !names.contains(name) else { return }
    throw FlywheelError(
      .invalidArgument,
      "The rule '\(self.name)' takes no \(name.rawValue); leave it off. It takes "
        + "\(names.map(\.rawValue).joined(separator: ", "))."
    )
  }

  /// Exactly the hyperparameters that the rule takes, those that are not given at their defaults.
  ///
  /// - Parameter hyperparameters: What a user gave.
  /// - Throws: `invalidArgument`, as `validate`.
  /// - Returns: The whole set; two that mean the same are equal.
  public func completed(_ hyperparameters: Hyperparameters) throws(FlywheelError) -> Hyperparameters
  {
    var whole: [Hyperparameter: Hyperparameters.Value] = [:]
    for definition in self.hyperparameters {
      let followed = definition.followed.flatMap { whole[$0] }
      whole[definition.name] =
        hyperparameters[definition.name] ?? followed ?? definition.fallback
    }
    try validate(hyperparameters.merging(Hyperparameters(whole)))
    return Hyperparameters(whole)
  }
}
