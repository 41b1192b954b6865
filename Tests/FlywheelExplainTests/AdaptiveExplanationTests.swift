import FlywheelCore
import FlywheelExplain
import FlywheelOptim
import Testing

struct AdaptiveExplanationTests {
  /// A trainer of a rule, with decay if the rule takes any.
  private func trainer<Number: BinaryFloatingPoint & TensorElement>(
    _ name: String,
    _ others: [Hyperparameter: Hyperparameters.Value] = [:],
    as type: Number.Type = Number.self
  ) throws -> AdaptiveTrainer<Number> {
    guard case .adaptive(let rule) = try UpdateRule.named(name) else {
      throw FlywheelError(.invalidArgument, "'\(name)' is of another family.")
    }
    var numbers = Hyperparameters([.learningRate: .number(0.002)])
    let takesDecay = rule.hyperparameters.contains { $0.name == .weightDecay }
    if takesDecay { numbers[.weightDecay] = .number(0.01) }
    let whole = try UpdateRule.adaptive(rule).completed(numbers.merging(Hyperparameters(others)))
    return AdaptiveTrainer(rule: rule, numbers: whole)
  }

  private func explanation<Number>(
    _ trainer: AdaptiveTrainer<Number>,
    _ parts: AdaptiveTrainer<Number>.Parts = .whole,
    saysStep: Bool = true
  ) throws -> AdaptiveExplanation {
    try AdaptiveExplanation(trainer.dump(parts, saysStep: saysStep), sizes: trainer.sizes)
  }

  private func call<Number>(_ trainer: AdaptiveTrainer<Number>) -> String {
    UpdateRule.adaptive(trainer.rule).call(trainer.numbers)
  }

  @Test("Every rule is named with its numbers by whole dumps", arguments: AdaptiveCases.names)
  func whole(name: String) throws {
    let double = try trainer(name, as: Double.self)
    let found = try explanation(double)
    #expect(found.rules.contains { $0.call == call(double) && $0.mistakes.isEmpty })
    let rate = found.weights?.estimates[.learningRate]
    #expect(rate?.isNear(0.002, share: 1e-13) ?? true)
    let single = try trainer(name, as: Float.self)
    #expect(try explanation(single).rules.contains { $0.call == call(single) })
  }

  @Test(
    "Without gradients every rule is named but for a decay that joins them",
    arguments: AdaptiveCases.names
  )
  func withoutGradients(name: String) throws {
    var trainer = try trainer(name, as: Double.self)
    let found = try explanation(trainer, .withoutGradients)
    if trainer.rule.form.coupledDecay != 0 { trainer.numbers[.weightDecay] = .number(0) }
    #expect(found.rules.contains { $0.call == call(trainer) })
    #expect(!found.openQuestions.isEmpty)
  }

  @Test(
    "Gradients from the first step on are enough",
    arguments: ["adam", "keras_adam", "rmsprop", "tf1_rmsprop", "keras_adagrad"]
  )
  func withoutBuffers(name: String) throws {
    var trainer = try trainer(name, as: Double.self)
    trainer.elementCount = 48
    trainer.count = 5
    let found = try explanation(trainer, .withoutBuffers)
    #expect(found.rules.contains { $0.call == call(trainer) })
    #expect(found.weights?.evidence == .withoutVelocity)
  }

  @Test("Unusual numbers, switches and momentum are found")
  func numbers() throws {
    let cases: [(String, [Hyperparameter: Hyperparameters.Value])] = [
      ("adam", [.beta1: .number(0.85), .beta2: .number(0.97), .epsilon: .number(3e-5)]),
      ("adam", [.weightDecay: .number(0.3)]),
      ("adamw", [.amsgrad: .flag(true)]),
      ("rmsprop", [.momentum: .number(0.7), .centered: .flag(true)]),
      ("keras_rmsprop", [.momentum: .number(0.9)]),
      ("optax_rmsprop", [.momentum: .number(0.9)]),
      ("adagrad", [.learningRateDecay: .number(0.05)]),
      ("optax_adam", [.epsilonRoot: .number(1e-6)]),
      ("optax_adam", [.epsilonRoot: .number(1e-8), .epsilon: .number(0)]),
    ]
    for (name, numbers) in cases {
      let trainer = try trainer(name, numbers, as: Double.self)
      let found = try explanation(trainer)
      #expect(
        found.rules.contains { $0.call == call(trainer) },
        "\(name): \(found.rules.map(\.call))"
      )
    }
  }

  @Test("A momentum that was not dumped is found, and no rule without one is named")
  func hiddenMomentum() throws {
    let trainer = try trainer("rmsprop", [.momentum: .number(0.8)], as: Double.self)
    let found = try explanation(trainer, .withoutBuffers)
    #expect(found.rules.map(\.call) == [call(trainer)])
    let single = try self.trainer("rmsprop", [.momentum: .number(0.9)], as: Float.self)
    #expect(try explanation(single, .withoutBuffers).rules.map(\.call) == [call(single)])
  }

  @Test("Steps that no counter holds are no trouble")
  func hugeSteps() throws {
    let trainer = try trainer("adam", as: Double.self)
    var dump = try trainer.dump()
    dump.firstStep = .max
    #expect(try AdaptiveExplanation(dump).rules.allSatisfy { $0.rule.name != "adam" })
  }

  @Test("What a single first step does not show is asked")
  func firstStep() throws {
    var trainer = try trainer("adamw", as: Double.self)
    trainer.count = 2
    let found = try explanation(trainer)
    #expect(found.rules.contains { $0.call == call(trainer) })
    #expect(found.openQuestions.contains { $0.what == "beta1 and beta2" })
  }

  @Test("The number of steps before the first dump is found by trying")
  func steps() throws {
    var trainer = try trainer("adamw", as: Double.self)
    trainer.firstStep = 37
    let found = try explanation(trainer, saysStep: false)
    #expect(found.weights?.firstStep == 37)
    #expect(found.rules.first?.call == call(trainer))
  }

  @Test("A schedule is followed step by step")
  func schedule() throws {
    var trainer = try trainer("adamw", as: Double.self)
    trainer.schedule = { [0.002, 0.001, 5e-4, 3e-4][min(3, ($0 - 1) / 2)] }
    let found = try explanation(trainer)
    let rates = found.weights?.learningRates.map(\.learningRate) ?? []
    #expect(rates.count == 5)
    #expect(
      zip(rates, [0.002, 0.002, 0.001, 0.001, 5e-4]).allSatisfy {
        $0.isNear($1, share: 1e-12)
      }
    )
    #expect(found.findings.contains { $0.kind == .schedule })
    #expect(found.rules.first?.call == call(trainer))
    #expect(!found.rules.contains { $0.rule.name == "adamw_lua" })
  }

  @Test("Biases without decay are told from weights with it")
  func biases() throws {
    var trainer = try trainer("adamw", as: Double.self)
    trainer.decaysBiases = false
    let found = try explanation(trainer)
    #expect(found.rules.first?.call == call(trainer))
    #expect(found.rules.first?.areBiasesUndecayed == true)
    #expect(found.findings.contains { $0.kind == .biasesNotDecayed })
  }

  @Test("Mistakes are found, and no rule is named without them", arguments: AdaptiveCases.mistakes)
  func mistakes(mistake: AdaptiveCases.Mistake) throws {
    var trainer = try trainer("adamw", as: Double.self)
    trainer.mistake = mistake.make
    let found = try explanation(trainer)
    #expect(!found.rules.isEmpty)
    #expect(
      found.rules.allSatisfy { $0.mistakes.contains { $0.contains(mistake.words) } },
      "\(found.rules.map { "\($0.call) \($0.mistakes)" })"
    )
    #expect(found.findings.contains { $0.isMistake && $0.text.contains(mistake.words) })
  }

  @Test("How far another rule would have gone is measured on the dumped states")
  func departures() throws {
    var trainer = try trainer("adamw", as: Double.self)
    let found = try explanation(trainer)
    let rule = UpdateRule.adaptive(trainer.rule)
    #expect(try #require(found.departure(of: rule, trainer.numbers)) < 1e-12)
    trainer.numbers.learningRate *= 2
    #expect(abs(try #require(found.departure(of: rule, trainer.numbers)) - 1) < 1e-9)
    #expect(found.departure(of: .adaptive(.adagrad), trainer.numbers) == nil)
  }

  @Test("A gradient that is a sum is said to be one")
  func sums() throws {
    var trainer = try trainer("adam", [.weightDecay: .number(0)], as: Double.self)
    trainer.changed = { 32 * $0 }
    let found = try explanation(trainer)
    #expect(found.rules.first?.call == call(trainer))
    #expect(found.findings.contains { $0.kind == .gradientSummed && $0.text.contains("32 times") })
  }

  @Test("What noise made is not named")
  func noise() throws {
    var trainer = try trainer("adam", as: Float.self)
    trainer.noise = 1e-4
    let found = try explanation(trainer)
    #expect(found.rules.isEmpty)
    #expect(found.findings.contains { $0.kind == .unexplained })
  }
}

/// What Adam-like trainers are tested with.
enum AdaptiveCases {
  static let names = UpdateRule.presets.compactMap { preset -> String? in
    if case .adaptive(let rule) = preset { rule.name } else { nil }
  }

  /// A mistake, how it is said, and what makes it.
  struct Mistake: Sendable {
    let words: String
    let make: @Sendable (AdaptiveForm<Double>, _ step: Int) -> AdaptiveForm<Double>
  }

  static let mistakes = [
    Mistake(words: "(1 - beta1) is forgotten") { form, _ in
      var form = form
      form.firstGain = 1
      return form
    },
    Mistake(words: "(1 - beta2) is forgotten") { form, _ in
      var form = form
      form.secondGain = 1
      return form
    },
    Mistake(words: "only that of the first") { form, step in
      var form = form
      form.rate = 0.002 / AdaptiveRule.correction(0.9, step: step)
      form.epsilonOutside = 1e-8
      return form
    },
    Mistake(words: "epsilon is inside the root") { form, _ in
      var form = form
      form.epsilonInside = 1e-8
      form.epsilonOutside = 0
      return form
    },
    Mistake(words: "the decay is applied twice") { form, _ in
      var form = form
      form.coupledDecay = 0.01
      return form
    },
  ]
}
