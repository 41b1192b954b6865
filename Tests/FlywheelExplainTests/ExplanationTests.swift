import FlywheelExplain
import FlywheelOptim
import Testing

struct ExplanationTests {
  static let seed = Declaration(
    learningRate: 0.01,
    momentum: 0.9,
    weightDecay: 0.1,
    batchSize: 32
  )
  static let torch = Hyperparameters(learningRate: 0.01, momentum: 0.9, weightDecay: 0.1)

  func explanation(
    _ weights: SGDForm<Double>,
    _ biases: SGDForm<Double>? = nil,
    evidence: Measurement.Evidence = .whole,
    declaration: Declaration = seed,
    error: Double = 1e-14,
    against: (UpdateRule, Hyperparameters)? = nil
  ) -> Explanation {
    Explanation(
      Measured.dump(weights: weights, biases: biases, evidence: evidence, error: error),
      declaration: declaration,
      against: against.map { (rule: $0.0, hyperparameters: $0.1) }
    )
  }

  func kinds(_ explanation: Explanation) -> Set<Finding.Kind> {
    Set(explanation.findings.map(\.kind))
  }

  static let shrink = 0.01 * 0.1 / 32

  @Test("The question's own code is named, and its decay found decoupled and weak")
  func question() throws {
    let found = explanation(
      SGDForm(a: 0.9, b: 1, d: -0.01, h: -Self.shrink),
      SGDForm(a: 0.9, b: 1, d: -0.01),
      against: (.sgd(.pytorch), Self.torch)
    )
    #expect(found.names.first?.rule == .sgd(.question))
    #expect(
      kinds(found).isSuperset(of: [.momentum, .decayDecoupled, .decayWeak, .biasesNotDecayed])
    )
    let against = try #require(found.against)
    #expect(!against.isSame && !found.isYes)
    let decay = try #require(against.differences.first { $0.kind == .decay })
    #expect(decay.text.contains("356x less per step: 3.125e-05 against 0.01113"))
    let change = try #require(against.changes.first)
    #expect(change.before == "v = 0.9*v + dW" && change.after == "v = 0.9*v + dW + 0.1*W")
    #expect(
      against.changes.contains {
        $0.before == "W -= 0.01*v + 3.125e-05*W" && $0.after == "W -= 0.01*v"
      }
    )
  }

  @Test("A summed gradient is told with what it does to the learning rate")
  func summed() throws {
    let found = explanation(
      SGDForm(a: 0.9, b: 32, d: -0.01, h: -Self.shrink),
      SGDForm(a: 0.9, b: 32, d: -0.01),
      against: (.sgd(.pytorch), Self.torch)
    )
    #expect(found.names.first?.rule == .sgd(.questionSummed))
    let summed = try #require(found.findings.first)
    #expect(summed.kind == .gradientSummed && summed.isMistake)
    for part in [
      "summed over the 32 samples", "in effect 0.32 instead of 0.01", "= 10 times", "3.2",
    ] {
      #expect(summed.text.contains(part))
    }
    let against = try #require(found.against)
    #expect(against.differences.first?.kind == .gradientSummed)
    #expect(against.changes.contains { $0.after == "v = 0.9*v + dW/32 + 0.1*W" })
    #expect(against.changes.contains { $0.before == "b -= 0.01*v" } == false)
  }

  @Test("A dumped sum is measured as one where that is said")
  func declaredSum() {
    var said = Self.seed
    said.isGradientSummed = true
    let found = explanation(
      SGDForm(a: 0.9, b: 1, d: -0.01, h: -Self.shrink),
      SGDForm(a: 0.9, b: 1, d: -0.01),
      declaration: said
    )
    #expect(found.names.first?.rule == .sgd(.questionSummed))
    #expect(kinds(found).contains(.gradientSummed))
  }

  @Test("(1 - mu) m = 1: both names are told, and no sum is claimed")
  func collision() {
    let both = Declaration(learningRate: 0.01, momentum: 0.9, weightDecay: 0, batchSize: 10)
    let found = explanation(SGDForm(a: 0.9, b: 1, d: -0.01), declaration: both)
    #expect(!kinds(found).contains(.gradientSummed))
    let b = found.kinds.first?.numbers.first { $0.letter == "b" }
    let products = b?.products ?? []
    #expect(products.contains("1") && products.contains("(1 - mu) m"))
  }

  static let mistakes: [(Finding.Kind, SGDForm<Double>)] = [
    (.decayAppliedTwice, SGDForm(a: 0.9, b: 1, c: 0.1, d: -0.01, h: -0.001)),
    (.decayAppliedTwice, SGDForm(a: 0.9, b: 1, c: 0.2, d: -0.01)),
    (.lookAheadWrong, SGDForm(a: 0.9, b: 1, c: 0.1, d: -0.01, f: -0.01, h: -0.001)),
    (.learningRateTwice, SGDForm(a: 0.9, b: 0.01, c: 0.001, d: -0.01)),
    (.climbs, SGDForm(a: 0.9, b: 1, c: -0.1, d: 0.01)),
    (.velocityNotStored, SGDForm(a: 0.9, f: -0.01, h: -0.001)),
    (.velocityNeverForgets, SGDForm(a: 1, b: 1, c: 0.1, d: -0.01)),
    (.decayGrows, SGDForm(a: 0.9, b: 1, c: -0.1, d: -0.01)),
    (.noDecay, SGDForm(a: 0.9, b: 1, d: -0.01)),
    (.nesterov, SGDForm(a: 0.9, b: 1, c: 0.1, d: -0.009, f: -0.01, h: -0.001)),
    (.noMomentum, SGDForm(a: 0, b: 1, d: -0.01)),
    (.decayCoupled, SGDForm(a: 0.9, b: 1, c: 0.1, d: -0.01)),
  ]

  @Test("A mistake is described by its coefficients", arguments: mistakes)
  func mistake(kind: Finding.Kind, form: SGDForm<Double>) {
    let found = explanation(form)
    #expect(kinds(found).contains(kind))
    let sayings = Set(Self.mistakes.map(\.0)).subtracting([kind]).intersection(kinds(found))
    let mistakes = found.findings.filter { sayings.contains($0.kind) && $0.isMistake }
    #expect(mistakes.isEmpty)
  }

  @Test("What the residual does not support is not named")
  func unexplained() {
    var dump = Measured.dump(
      weights: SGDForm(a: 0.9, b: 1, d: -0.01),
      biases: SGDForm(a: 0.9, b: 1, d: -0.01)
    )
    let bad = Measurement.Fit(residual: 0.1, rounding: 1e-7, condition: 3)
    dump.weights?.fits[.weight] = bad
    dump.biases?.fits[.weight] = bad
    let found = Explanation(dump)
    #expect(found.names.isEmpty && found.family == nil && !found.isYes)
    #expect(found.verdict.first?.contains("No rule of SGD's family") == true)
  }

  @Test("The run decides, however a rule keeps its velocity")
  func sameRun() throws {
    let nielsen = Hyperparameters(learningRate: 0.1, momentum: 0.5, weightDecay: 5)
    let dump = Measured.rule(.nielsen, nielsen)
    let meant = Hyperparameters(learningRate: 0.1, momentum: 0.5, weightDecay: 1e-4)
    let found = Explanation(
      dump,
      declaration: Declaration(trainingSize: 50_000),
      against: (rule: .sgd(.cs231n), hyperparameters: meant)
    )
    #expect(found.against?.relation == .same)
    let torch = try #require(found.names.first { $0.rule == .sgd(.pytorch) })
    #expect(torch.match == .run && torch.areBiasesUndecayed)
    #expect(torch.bufferMap == BufferMap(scale: -10))
    #expect(torch.hyperparameters.weightDecay == 1e-4)
  }

  @Test("A schedule is told step by step")
  func schedule() {
    var dump = Measured.dump(weights: SGDForm(a: 0.9, b: 1, d: -0.01), biases: nil)
    dump.steps = [0.01, 0.005].enumerated().map { place, rate in
      let form = SGDForm<Double>(a: 0.9, b: 1, d: -rate)
      return DumpMeasurement.Step(
        place: place,
        weights: Measured.kind(form, isWeight: true),
        biases: nil
      )
    }
    let found = Explanation(dump)
    #expect(found.learningRates == [0.01, 0.005] && kinds(found).contains(.schedule))
  }
}
