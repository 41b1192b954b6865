import FlywheelCore
import FlywheelOptim
import Testing

/// The Adam family against the sources' own formulas, written out line by line.
@Suite("Adaptive rules")
struct AdaptiveRuleTests {
  private let sizes = TrainingSizes(batch: 10, training: 50_000)
  private static let gradients = [0.3, -1.2, 0.05, 2.0, -0.7, 0.0, 0.9]

  /// A weight and its buffers, taken through the canonical form as its documentation has it.
  private struct Walker {
    var w: Double
    var m = 0.0
    var s = 0.0
    var a = 0.0
    var x = 0.0
    var v = 0.0

    mutating func step(_ n: AdaptiveForm<Double>, gradient: Double) {
      let g = gradient + n.coupledDecay * w
      m = n.firstKept * m + n.firstGain * g
      s = n.secondKept * s + n.secondGain * g * g
      a = n.secondKept * a + n.secondGain * g
      x = max(x, s)
      let second = n.maximum == 0 ? s : x
      let root = (second - n.centering * a * a + n.epsilonInside).squareRoot()
      let quotient = (n.firstShare * m + n.gradientShare * g) / (root + n.epsilonOutside)
      v = n.momentum * v + n.insideRate * quotient
      w = (1 - n.shrink) * w - n.rate * v
    }
  }

  private func walk(_ rule: AdaptiveRule, _ given: Hyperparameters) throws -> [Double] {
    let numbers = try UpdateRule.adaptive(rule).completed(given)
    var walker = Walker(w: 0.8)
    return Self.gradients.enumerated().map { index, gradient in
      let form = rule.resolve(numbers, sizes: sizes, step: index + 1, isWeight: false)
      walker.step(form, gradient: gradient)
      return walker.w
    }
  }

  /// torch/optim/adam.py and adamw.py, the single-tensor path, line by line.
  private func torchAdam(_ given: Hyperparameters, isDecoupled: Bool) throws -> [Double] {
    let p = try UpdateRule.named(isDecoupled ? "adamw" : "adam").completed(given)
    let (b1, b2) = (p.number(.beta1), p.number(.beta2))
    var (w, m, s, largest, t) = (0.8, 0.0, 0.0, 0.0, 0.0)
    var (power1, power2) = (1.0, 1.0)
    return Self.gradients.map { gradient in
      var g = gradient
      t += 1
      power1 *= b1
      power2 *= b2
      if isDecoupled { w *= 1 - p.learningRate * p.weightDecay } else { g += p.weightDecay * w }
      m += (g - m) * (1 - b1)
      s = s * b2 + (1 - b2) * g * g
      largest = max(largest, s)
      let second = p.number(.amsgrad) == 1 ? largest : s
      let denominator = second.squareRoot() / (1 - power2).squareRoot() + p.number(.epsilon)
      w -= p.learningRate / (1 - power1) * m / denominator
      return w
    }
  }

  @Test(
    "The rules 'adam' and 'adamw' walk as PyTorch's do",
    arguments: [
      [:],
      [.learningRate: .number(0.1)],
      [.learningRate: .number(0.1), .weightDecay: .number(0.2)],
      [.beta1: .number(0.5), .beta2: .number(0.7), .epsilon: .number(0.01)],
      [.learningRate: .number(0.1), .weightDecay: .number(0.2), .amsgrad: .flag(true)],
      [.beta1: .number(0), .beta2: .number(0)],
    ] as [[Hyperparameter: Hyperparameters.Value]],
    [true, false]
  )
  func adam(_ values: [Hyperparameter: Hyperparameters.Value], isDecoupled: Bool) throws {
    let given = Hyperparameters(values)
    let expected = try torchAdam(given, isDecoupled: isDecoupled)
    let found = try walk(isDecoupled ? .adamw : .adam, given)
    for (value, target) in zip(found, expected) { #expect(abs(value - target) < 1e-13) }
  }

  /// torch/optim/rmsprop.py, line by line.
  private func torchRMSprop(_ given: Hyperparameters) throws -> [Double] {
    let p = try UpdateRule.named("rmsprop").completed(given)
    let alpha = p.number(.alpha)
    var (w, square, mean, buffer) = (0.8, 0.0, 0.0, 0.0)
    return Self.gradients.map { gradient in
      let g = gradient + p.weightDecay * w
      square = square * alpha + (1 - alpha) * g * g
      var root = square
      if p.number(.centered) == 1 {
        mean += (g - mean) * (1 - alpha)
        root -= mean * mean
      }
      let quotient = g / (root.squareRoot() + p.number(.epsilon))
      buffer = p.momentum * buffer + quotient
      w -= p.learningRate * (p.momentum > 0 ? buffer : quotient)
      return w
    }
  }

  @Test(
    "The rule 'rmsprop' walks as PyTorch's does",
    arguments: [
      [:],
      [.learningRate: .number(0.1), .weightDecay: .number(0.2)],
      [.learningRate: .number(0.1), .momentum: .number(0.9)],
      [.alpha: .number(0.5), .epsilon: .number(0.01), .centered: .flag(true)],
      [.momentum: .number(0.9), .weightDecay: .number(0.2), .centered: .flag(true)],
    ] as [[Hyperparameter: Hyperparameters.Value]]
  )
  func rmsprop(_ values: [Hyperparameter: Hyperparameters.Value]) throws {
    let given = Hyperparameters(values)
    let expected = try torchRMSprop(given)
    let found = try walk(.rmsprop, given)
    for (value, target) in zip(found, expected) { #expect(abs(value - target) < 1e-13) }
  }

  @Test("A rule keeps the buffers that its hyperparameters need, in the order they are written")
  func slots() {
    let momentum = Hyperparameters([.momentum: .number(0.9), .centered: .flag(true)])
    #expect(AdaptiveRule.adam.slotNames(Hyperparameters()) == ["exp_avg", "exp_avg_sq"])
    #expect(
      AdaptiveRule.adamw.slotNames(Hyperparameters([.amsgrad: .flag(true)]))
        == ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"]
    )
    #expect(AdaptiveRule.rmsprop.slotNames(Hyperparameters()) == ["square_avg"])
    #expect(
      AdaptiveRule.rmsprop.slotNames(momentum) == ["square_avg", "grad_avg", "momentum_buffer"]
    )
  }

  @Test("What is not given has the rule's own default", arguments: UpdateRule.presets)
  func defaults(rule: UpdateRule) throws {
    let whole = try rule.completed(Hyperparameters())
    #expect(whole.values.count == rule.hyperparameters.count)
    for definition in rule.hyperparameters {
      #expect(whole[definition.name] == definition.fallback)
    }
    #expect(try rule.completed(whole) == whole)
  }

  @Test(
    "A number out of range, or one that the rule does not take, is named",
    arguments: [
      ("adam", Hyperparameter.beta1, Hyperparameters.Value.number(1), "beta1 is 1.0"),
      ("adam", .beta2, .number(-0.1), "beta2 is -0.1"),
      ("adam", .epsilon, .number(.nan), "epsilon is nan"),
      ("adam", .momentum, .number(0.9), "takes no momentum"),
      ("adam", .amsgrad, .number(1), "amsgrad is 1.0; it must be true or false"),
      ("rmsprop", .alpha, .number(1.5), "alpha is 1.5"),
      ("rmsprop", .amsgrad, .flag(true), "takes no amsgrad"),
      ("pytorch", .beta1, .number(0.9), "takes no beta1"),
    ]
  )
  func refused(
    rule: String,
    name: Hyperparameter,
    value: Hyperparameters.Value,
    message: String
  ) throws {
    let error = #expect(throws: FlywheelError.self) {
      _ = try UpdateRule.named(rule).completed(Hyperparameters([name: value]))
    }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains(message) == true)
  }

  @Test("What is off may be said to any rule")
  func off() throws {
    let quiet = Hyperparameters([.nesterov: .flag(false), .dampening: .number(0)])
    for rule in UpdateRule.presets {
      #expect(try rule.completed(quiet) == rule.completed(Hyperparameters()))
    }
  }
}
