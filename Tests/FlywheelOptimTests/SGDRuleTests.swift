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
      gradient g: Double,
      isWeight: Bool
    ) {
      let n = rule.resolve(
        hyperparameters,
        sizes: sizes,
        hasBuffer: v != nil,
        isWeight: isWeight
      )
      let next = n.a * (v ?? 0) + n.b * g + n.c * w
      w += n.d * next + n.f * g + n.h * w
      v = rule.keepsBuffer(hyperparameters) ? next : nil
    }
  }

  private static let gradients = [0.3, -1.2, 0.05, 2.0, -0.7, 0.0, 0.9]

  /// torch/optim/sgd.py, line by line.
  private func torch(_ p: Hyperparameters, from start: Double) -> [Double] {
    var w = start
    var buffer: Double?
    return Self.gradients.map { gradient in
      var d = gradient + p.weightDecay * w
      if p.momentum != 0 {
        let next = buffer.map { p.momentum * $0 + (1 - p.dampening) * d } ?? d
        buffer = next
        d = p.nesterov ? d + p.momentum * next : next
      }
      w -= p.learningRate * d
      return w
    }
  }

  @Test(
    "The rule 'pytorch' walks as torch.optim.SGD does, biases too",
    arguments: [
      Hyperparameters(learningRate: 0.1),
      Hyperparameters(learningRate: 0.1, weightDecay: 0.2),
      Hyperparameters(learningRate: 0.1, momentum: 0.9),
      Hyperparameters(learningRate: 0.1, momentum: 0.9, weightDecay: 0.2),
      Hyperparameters(learningRate: 0.1, momentum: 0.9, dampening: 0.4, weightDecay: 0.2),
      Hyperparameters(learningRate: 0.1, momentum: 0, dampening: 0.4),
      Hyperparameters(learningRate: 0.1, momentum: 0.9, weightDecay: 0.2, nesterov: true),
    ],
    [true, false]
  )
  func pytorch(_ hyperparameters: Hyperparameters, isWeight: Bool) {
    let expected = torch(hyperparameters, from: 0.8)
    var walker = Walker(w: 0.8)
    for (gradient, target) in zip(Self.gradients, expected) {
      walker.step(.pytorch, hyperparameters, sizes, gradient: gradient, isWeight: isWeight)
      #expect(abs(walker.w - target) < 1e-14)
    }
  }

  @Test("The rule 'nielsen' walks as the seed's answer writes it", arguments: [true, false])
  func nielsen(isWeight: Bool) {
    let p = Hyperparameters(learningRate: 0.1, momentum: 0.5, weightDecay: 5000)
    var w = 0.8
    var v = 0.0
    var walker = Walker(w: w)
    for gradient in Self.gradients {
      let decay = isWeight ? p.learningRate * p.weightDecay / 50_000 * w : 0
      v = p.momentum * v - p.learningRate * gradient - decay
      w += v
      walker.step(.nielsen, p, sizes, gradient: gradient, isWeight: isWeight)
      #expect(abs(walker.w - w) < 1e-14)
      #expect(abs((walker.v ?? .nan) - v) < 1e-14)
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
