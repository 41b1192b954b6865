import FlywheelCore
import FlywheelOptim
import Testing

/// The rules against the literature's own formulas, written out step by step as each source has them.
@Suite("SGD rules")
struct SGDRuleTests {
  private let sizes = TrainingSizes(batch: 10, training: 50_000)

  /// A weight and its buffer under a rule.
  private struct Walker {
    var w: Double
    var v: Double?

    mutating func step(
      _ rule: SGDRule,
      _ hyperparameters: Hyperparameters,
      _ sizes: TrainingSizes,
      batch: Int? = nil,
      gradient g: Double,
      isWeight: Bool
    ) {
      let n = rule.resolve(
        hyperparameters,
        sizes: sizes,
        batch: batch,
        hasBuffer: v != nil,
        isWeight: isWeight
      )
      let before = v ?? 0
      let next = n.a * before + n.b * g + n.c * w
      w += n.d * next + n.e * before + n.f * g + n.h * w
      v = rule.keepsBuffer(hyperparameters) ? next : nil
    }
  }

  private static let gradients = [0.3, -1.2, 0.05, 2.0, -0.7, 0.0, 0.9]

  /// Whether a value is a target but for a few roundings.
  private func isClose(_ value: Double, _ target: Double) -> Bool {
    abs(value - target) <= 1e-14 * max(1, abs(target))
  }

  private static let grid = HyperparameterGrid(choices: [
    .learningRate: [0.1], .momentum: [0, 0.9], .dampening: [0, 0.4], .weightDecay: [0, 0.2],
    .l2: [0, 0.1], .biasL2: [0, 0.05],
  ])

  @Test("Every rule is tested against its source")
  func completeness() {
    let names = UpdateRule.presets.compactMap {
      if case .sgd(let rule) = $0 { rule.name } else { nil }
    }
    #expect(Set(names) == Set(SGDSource.steps.keys))
  }

  @Test("A rule walks as its source is written", arguments: SGDSource.steps.keys.sorted())
  func source(name: String) throws {
    let rule = try UpdateRule.named(name)
    guard case .sgd(let form) = rule, let step = SGDSource.steps[name] else {
      Issue.record("no rule of SGD's kin")
      return
    }
    let combinations = try Self.grid.combinations(of: rule)
    #expect(!combinations.isEmpty)
    for numbers in combinations {
      for isWeight in [true, false] {
        var source = SGDSource(numbers, isWeight: isWeight)
        var walker = Walker(w: source.w)
        for (index, gradient) in Self.gradients.enumerated() {
          // Every third mini-batch is short.
          let batch = index % 3 == 2 ? 4 : 10
          source.m = Double(batch)
          step(&source, gradient)
          walker.step(
            form,
            numbers,
            TrainingSizes(batch: 10, training: 500),
            batch: batch,
            gradient: gradient,
            isWeight: isWeight
          )
          #expect(isClose(walker.w, source.w), "step \(index), \(isWeight): \(numbers)")
          if let v = walker.v {
            #expect(isClose(v, source.v ?? .nan), "step \(index), \(isWeight): \(numbers)")
          }
        }
      }
    }
  }

  @Test("Nielsen's rule and PyTorch's give the same weights for converted numbers")
  func equivalence() {
    // Conventions: v_N = -lr v_T, lambda = n * weight_decay.
    let nielsen = Hyperparameters(learningRate: 0.1, momentum: 0.5, weightDecay: 5)
    let torch = Hyperparameters(learningRate: 0.1, momentum: 0.5, weightDecay: 5 / 50_000)
    var first = Walker(w: 0.8)
    var second = Walker(w: 0.8)
    for gradient in Self.gradients {
      first.step(.nielsen, nielsen, sizes, gradient: gradient, isWeight: true)
      second.step(.pytorch, torch, sizes, gradient: gradient, isWeight: true)
      #expect(abs(first.w - second.w) < 1e-15)
      #expect(abs((first.v ?? .nan) + 0.1 * (second.v ?? .nan)) < 1e-15)
    }
  }

  @Test("Without momentum there is no buffer to keep")
  func noBuffer() {
    #expect(!SGDRule.pytorch.keepsBuffer(Hyperparameters(learningRate: 0.1)))
    #expect(SGDRule.pytorch.keepsBuffer(Hyperparameters(learningRate: 0.1, momentum: 0.5)))
  }

  @Test(
    "Numbers that make no sense are refused, naming the number",
    arguments: [
      (Hyperparameters(learningRate: -1), "learning_rate"),
      (Hyperparameters(learningRate: .nan), "learning_rate"),
      (Hyperparameters(learningRate: .infinity), "learning_rate"),
      (Hyperparameters(learningRate: 1, momentum: 1), "momentum"),
      (Hyperparameters(learningRate: 1, momentum: -0.1), "momentum"),
      (Hyperparameters(learningRate: 1, momentum: 0.9, dampening: 1.5), "dampening"),
      (Hyperparameters(learningRate: 1, weightDecay: -2), "weight_decay"),
      (Hyperparameters(learningRate: 1, nesterov: true), "nesterov"),
      (Hyperparameters(learningRate: 1, momentum: 0.9, dampening: 0.1, nesterov: true), "nesterov"),
    ]
  )
  func validation(_ hyperparameters: Hyperparameters, _ name: String) {
    let error = #expect(throws: FlywheelError.self) {
      try UpdateRule.sgd(.pytorch).validate(hyperparameters)
    }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains(name) == true)
  }
}
