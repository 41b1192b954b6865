import FlywheelOptim
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The adaptive rules against PyTorch's own lines, written out step by step as each source has them.
@Suite("Adaptive rules")
struct AdaptiveRuleTests {
  private static let gradients = [0.3, -1.2, 0.05, 2.0, -0.7, 0.0, 0.9]

  /// A weight with its buffers under a rule's table, by the equations of `AdaptiveForm`.
  private func walk(_ rule: AdaptiveRule, _ given: Hyperparameters) throws -> [Double] {
    let hyperparameters = try UpdateRule.adaptive(rule).completed(given)
    let slots = rule.slotNames(hyperparameters)
    var (w, m, s, a, x, v) = (0.8, 0.0, 0.0, 0.0, 0.0, 0.0)
    return Self.gradients.enumerated().map { index, g in
      let n = rule.resolve(
        hyperparameters,
        sizes: TrainingSizes(batch: 1, training: 1),
        step: index + 1,
        isWeight: false
      )
      let gradient = g + n.coupledDecay * w
      m = n.firstKept * m + n.firstGain * gradient
      s = n.secondKept * s + n.secondGain * gradient * gradient
      a = n.secondKept * a + n.secondGain * gradient
      x = max(x, s)
      let square = rule.slots.maximum.map { slots.contains($0) } == true ? x : s
      let root = (square - n.centering * a * a + n.epsilonInside).squareRoot()
      let u = (n.firstShare * m + n.gradientShare * gradient) / (root + n.epsilonOutside)
      v = n.momentum * v + n.insideRate * u
      w = (1 - n.shrink) * w - n.rate * v
      return w
    }
  }

  private func expect(_ found: [Double], _ expected: [Double]) {
    for (value, target) in zip(found, expected) { #expect(abs(value - target) <= 1e-14) }
  }

  @Test("'adam' and 'adamw' walk as torch's", arguments: [true, false], [true, false])
  func adam(isDecoupled: Bool, amsgrad: Bool) throws {
    let (lr, b1, b2, eps, decay) = (0.1, 0.8, 0.9, 1e-3, 0.2)
    var (w, m, s, x) = (0.8, 0.0, 0.0, 0.0)
    let expected = Self.gradients.enumerated().map { index, gradient in
      var g = gradient
      if isDecoupled { w *= 1 - lr * decay } else { g += decay * w }
      m += (g - m) * (1 - b1)
      s = s * b2 + g * g * (1 - b2)
      let t = Double(index + 1)
      x = max(x, s)
      let size = lr / (1 - pow(b1, t))
      let denominator =
        (amsgrad ? x : s).squareRoot() / (1 - pow(b2, t)).squareRoot() + eps
      w -= size * m / denominator
      return w
    }
    let given = Hyperparameters([
      .learningRate: .number(lr), .beta1: .number(b1), .beta2: .number(b2),
      .epsilon: .number(eps), .weightDecay: .number(decay), .amsgrad: .flag(amsgrad),
    ])
    expect(try walk(isDecoupled ? .adamw : .adam, given), expected)
  }

  @Test("'rmsprop' walks as torch's", arguments: [true, false], [0, 0.9])
  func rmsprop(isCentered: Bool, momentum: Double) throws {
    let (lr, alpha, eps, decay) = (0.1, 0.9, 1e-3, 0.2)
    var (w, square, mean, buffer) = (0.8, 0.0, 0.0, 0.0)
    let expected = Self.gradients.map { gradient in
      let g = gradient + decay * w
      square = alpha * square + (1 - alpha) * g * g
      mean += (g - mean) * (1 - alpha)
      let average = (isCentered ? square - mean * mean : square).squareRoot() + eps
      buffer = momentum * buffer + g / average
      w -= lr * (momentum > 0 ? buffer : g / average)
      return w
    }
    let given = Hyperparameters([
      .learningRate: .number(lr), .alpha: .number(alpha), .epsilon: .number(eps),
      .weightDecay: .number(decay), .momentum: .number(momentum), .centered: .flag(isCentered),
    ])
    expect(try walk(.rmsprop, given), expected)
  }
}
