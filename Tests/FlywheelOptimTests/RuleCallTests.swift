import FlywheelCore
import FlywheelOptim
import Testing

/// Rules with numbers as people type them.
@Suite("Calls of rules")
struct RuleCallTests {
  @Test(
    "A call is read in Flywheel's words and in the frameworks' own",
    arguments: [
      ("pytorch", "pytorch", nil),
      (" nielsen ( ) ", "nielsen", [:]),
      ("pytorch(lr=.01, momentum=.9,)", "pytorch", [.learningRate: 0.01, .momentum: 0.9]),
      ("pytorch(learning_rate=1e-2,mu=+.5)", "pytorch", [.learningRate: 0.01, .momentum: 0.5]),
      (
        "nielsen(eta=.1, lmbda=5, mu=.5)", "nielsen",
        [.learningRate: 0.1, .weightDecay: 5, .momentum: 0.5]
      ),
      ("sklearn(alpha=1e-4)", "sklearn", [.weightDecay: 1e-4]),
      ("rmsprop(alpha=.5)", "rmsprop", [.alpha: 0.5]),
      ("keras_rmsprop(rho=.5)", "keras_rmsprop", [.alpha: 0.5]),
      ("optimisers_jl(rho=.5)", "optimisers_jl", [.momentum: 0.5]),
      ("keras(l2=.5)", "keras", [.l2: 0.5]),
      ("convnetjs(l2=.5)", "convnetjs", [.weightDecay: 0.5]),
      ("adam(betas=(.5, .75), eps=1e-6)", "adam", [.beta1: 0.5, .beta2: 0.75, .epsilon: 1e-6]),
      ("mlx_adam(betas=[.5,.75])", "mlx_adam", [.beta1: 0.5, .beta2: 0.75]),
      ("torch.optim.SGD(params, lr=1)", "pytorch", [.learningRate: 1]),
      ("torch.optim.SGD(model.parameters(), lr=1)", "pytorch", [.learningRate: 1]),
      ("torch.optim.SGD(list(f(a, b).c), lr=1)", "pytorch", [.learningRate: 1]),
      ("torch.optim.SGD(model.parameters())", "pytorch", [:]),
      ("torch.SGD(lr=1, foreach=None)", "pytorch", [.learningRate: 1]),
      ("Torch.optim.AdamW(lr=1)", "adamw", [.learningRate: 1]),
      ("keras.optimizers.SGD(weight_decay=None)", "keras", [:]),
      ("tf.keras.optimizers.SGD()", "keras", [:]),
      ("keras.SGD(.01, momentum=.9)", "keras", [.learningRate: 0.01, .momentum: 0.9]),
      ("torch.optim.SGD(model.parameters(), 1e-2)", "pytorch", [.learningRate: 0.01]),
      ("optax.sgd(learning_rate=1)", "optax", [.learningRate: 1]),
      ("mx.optimizer.NAG(wd=1)", "mxnet", [.weightDecay: 1]),
    ] as [(String, String, [Hyperparameter: Double]?)]
  )
  func reading(text: String, rule: String, numbers: [Hyperparameter: Double]?) throws {
    let call = try RuleCall(text)
    #expect(call.rule.name == rule)
    #expect(call.given == numbers.map { Hyperparameters($0.mapValues { .number($0) }) })
  }

  @Test("Switches are true or false", arguments: ["True", "true"])
  func switches(word: String) throws {
    #expect(try RuleCall("pytorch(nesterov=\(word))").given?[.nesterov] == .flag(true))
    #expect(try RuleCall("sklearn(nesterovs_momentum=False)").given?[.nesterov] == .flag(false))
  }

  @Test(
    "A framework's name has the framework's defaults, a rule's name the rule's",
    arguments: [
      ("torch.optim.SGD(lr=1)", .momentum, 0), ("pytorch(lr=1)", .momentum, 0.9),
      ("torch.optim.SGD()", .learningRate, 0.001), ("keras.optimizers.SGD()", .learningRate, 0.01),
      ("keras.AdamW()", .weightDecay, 0.004), ("keras.Adam()", .weightDecay, 0),
      ("torch7(momentum=.5)", .dampening, 0.5), ("torch.AdamW()", .weightDecay, 0.01),
      ("mx.optimizer.NAG()", .nesterov, 1), ("sklearn()", .nesterov, 1),
    ] as [(String, Hyperparameter, Double)]
  )
  func defaults(text: String, name: Hyperparameter, expected: Double) throws {
    #expect(try RuleCall(text).hyperparameters().number(name) == expected)
  }

  @Test(
    "What cannot be read is said with its place and with what is expected",
    arguments: [
      ("", "character 1 ", "a rule's name"), ("(lr=1)", "character 1 ", "a rule's name"),
      ("pytorch(lr=.01,,)", "character 16 ", "name=value, such as lr=0.01"),
      ("pytorch(lr=)", "character 12 ", "a number, True or False"),
      ("pytorch(lr=1, .9)", "character 15 ", "name=value"),
      ("pytorch(lr)", "character 9 ", "name=value"),
      ("keras(.1, lr=.2)", "character 11 ", "learning_rate comes twice"),
      ("keras(-.1)", "character 7 ", "at least 0"), ("keras(.1.2)", "character 7 ", "a number"),
      ("pytorch(lr=.01", "character 15 ", "found the end, expected ',' or ')'"),
      ("pytorch(lr=.01 mu=1)", "character 16 ", "found 'mu=1)', expected ',' or ')'"),
      ("pytorch(lr=1/3)", "character 13 ", "',' or ')'"),
      ("pytorch(lr='1')", "character 12 ", "a number"),
      ("pytorch(lr=x)", "character 12 ", "a number"),
      ("pytorch(lr=inf)", "character 12 ", "a number"),
      ("pytorch(lr=1) x", "character 15 ", "the end"), ("pytorch lr", "character 9 ", "'('"),
      ("pytorch(foo=1)", "character 9 ", "takes no foo; it takes learning_rate, momentum"),
      ("nielsen(nesterov=True)", "character 9 ", "'nielsen' takes no nesterov"),
      ("pytorch(lr=1, eta=2)", "character 15 ", "learning_rate comes twice"),
      ("pytorch(lr=-1)", "character 9 ", "at least 0"),
      ("pytorch(lr=True)", "character 9 ", "a number"),
      ("pytorch(nesterov=1)", "character 9 ", "true or false"),
      ("adam(betas=.9)", "character 6 ", "1 value, expected 2"),
      ("adam(betas=(.9, .99, .9))", "character 6 ", "3 values, expected 2"),
      ("adam(betas=(.9, .99", "character 20 ", "',' or ')'"),
      ("torch.optim.SGD(f(, lr=1", "character 17 ", "name=value"),
      ("SGD(lr=1)", "torch.optim.SGD (pytorch), tf.keras.optimizers.SGD (keras)", "say which"),
      ("pytorhc(lr=1)", "There is no rule 'pytorhc'", "is it one of pytorch?"),
      ("zzz", "There is no rule 'zzz'", "'flywheel rules' lists"),
    ]
  )
  func mistakes(text: String, place: String, expected: String) {
    let error = #expect(throws: FlywheelError.self) {
      _ = try RuleCall(text).hyperparameters()
    }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains(place) == true, "\(error?.message ?? "")")
    #expect(error?.message.contains(expected) == true, "\(error?.message ?? "")")
  }

  @Test("What a rule prints as a call reads back as it was", arguments: UpdateRule.presets)
  func roundTrip(rule: UpdateRule) throws {
    var hyperparameters = try rule.completed(Hyperparameters())
    hyperparameters.learningRate = 0.3125
    let call = try RuleCall(rule.call(hyperparameters))
    #expect(call.rule == rule)
    #expect(try call.hyperparameters() == hyperparameters)
  }

  @Test("Every framework's name is read, in whatever capitals", arguments: RuleSpelling.frameworks)
  func frameworks(spelling: RuleSpelling) throws {
    for name in [spelling.name, spelling.name.uppercased()] {
      let call = try RuleCall("\(name)()")
      #expect(call.rule == spelling.rule)
      _ = try call.hyperparameters()
    }
  }
}
