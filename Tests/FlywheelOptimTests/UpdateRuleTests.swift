import FlywheelCore
import FlywheelOptim
import Testing

/// What a trainer, a checkpoint and a user know of any rule.
@Suite("Update rules")
struct UpdateRuleTests {
  @Test("Rules are found by name, and an unknown name lists the known ones")
  func names() throws {
    for rule in UpdateRule.presets { #expect(try UpdateRule.named(rule.name) == rule) }
    let error = #expect(throws: FlywheelError.self) { try UpdateRule.named("adadelta") }
    #expect(error?.message.contains("pytorch, torch7, sgdw") == true)
  }

  @Test("Names are unlike, summaries fit a line and sources are given")
  func texts() {
    #expect(Set(UpdateRule.presets.map(\.name)).count == UpdateRule.presets.count)
    for rule in UpdateRule.presets {
      #expect(rule.summary.count <= 70, "\(rule.summary)")
      #expect(!rule.source.isEmpty)
    }
  }

  @Test(
    "The formulas tell where the learning rate is",
    arguments: [
      ("pytorch", .outside), ("keras", .inside(sign: -1)), ("nielsen", .inside(sign: -1)),
      ("mxnet_nag_1_9", .inside(sign: -1)), ("caffe", .inside(sign: 1)),
      ("optimisers_jl", .inside(sign: 1)), ("optimisers_jl_nesterov", .inside(sign: -1)),
      ("hips_autograd", .outside), ("question_summed", .outside), ("network2", nil),
      ("rmsprop", .outside), ("keras_rmsprop", .inside(sign: 1)),
      ("optax_rmsprop", .inside(sign: -1)), ("mlx_rmsprop", nil), ("adam", nil),
    ] as [(String, LearningRatePlacement?)]
  )
  func placement(name: String, expected: LearningRatePlacement?) throws {
    switch try UpdateRule.named(name) {
    case .sgd(let rule): #expect(rule.learningRatePlacement == expected)
    case .adaptive(let rule): #expect(rule.learningRatePlacement == expected)
    }
  }

  @Test("A default that follows another number does, and gives way to what a user says")
  func followingDefault() throws {
    let torch7 = UpdateRule.sgd(.torch7)
    #expect(try torch7.completed(Hyperparameters()).dampening == 0.9)
    let given = Hyperparameters([.momentum: .number(0.5)])
    #expect(try torch7.completed(given).dampening == 0.5)
    let both = given.merging(Hyperparameters([.dampening: .number(0.25)]))
    #expect(try torch7.completed(both).dampening == 0.25)
  }

  @Test("Each rule's own defaults pass its own test", arguments: UpdateRule.presets)
  func defaults(rule: UpdateRule) throws {
    let whole = try rule.completed(Hyperparameters())
    #expect(Set(whole.values.keys) == Set(rule.hyperparameters.map(\.name)))
    try rule.validate(whole)
  }

  @Test(
    "A rule refuses what it does not take, and says what it takes",
    arguments: [
      (UpdateRule.sgd(.nielsen), Hyperparameter.nesterov, Hyperparameters.Value.flag(true)),
      (.sgd(.nielsen), .dampening, .number(0.5)), (.sgd(.pytorch), .beta1, .number(0.9)),
      (.adaptive(.adam), .momentum, .number(0.9)), (.adaptive(.adamw), .alpha, .number(0.9)),
      (.adaptive(.rmsprop), .amsgrad, .flag(true)),
    ]
  )
  func unknown(rule: UpdateRule, name: Hyperparameter, value: Hyperparameters.Value) {
    let error = #expect(throws: FlywheelError.self) {
      try rule.validate(Hyperparameters([name: value]))
    }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains(name.rawValue) == true)
    #expect(error?.message.contains("learning_rate, ") == true)
  }

  @Test("What a rule does not take may be off, and means nothing")
  func off() throws {
    let given = Hyperparameters(learningRate: 0.1, momentum: 0.5, weightDecay: 5)
    let whole = try UpdateRule.sgd(.nielsen).completed(given)
    #expect(whole[.dampening] == nil)
    #expect(whole[.nesterov] == nil)
    #expect(whole == (try UpdateRule.sgd(.nielsen).completed(whole)))
  }

  @Test(
    "A rule keeps the slots that its numbers need",
    arguments: [
      ("pytorch", [:], ["velocity"]),
      ("pytorch", [.momentum: .number(0)], []),
      ("adam", [:], ["exp_avg", "exp_avg_sq"]),
      ("adamw", [.amsgrad: .flag(true)], ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"]),
      ("rmsprop", [:], ["square_avg"]),
      (
        "rmsprop", [.centered: .flag(true), .momentum: .number(0.9)],
        ["square_avg", "grad_avg", "momentum_buffer"]
      ),
    ] as [(String, [Hyperparameter: Hyperparameters.Value], [String])]
  )
  func slots(
    name: String,
    given: [Hyperparameter: Hyperparameters.Value],
    expected: [String]
  ) throws {
    let rule = try UpdateRule.named(name)
    #expect(rule.slotNames(try rule.completed(Hyperparameters(given))) == expected)
  }
}
