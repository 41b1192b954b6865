import FlywheelOptim
import Testing

/// The adaptive rules against their sources' own lines.
@Suite("Adaptive rules")
struct AdaptiveRuleTests {
  private static let gradients = [0.3, -1.2, 0.05, 2.0, -0.7, 0.0, 0.9]

  /// The size of a mini-batch: every third is short.
  private static func batch(_ index: Int) -> Int { index % 3 == 2 ? 4 : 10 }

  /// Where a weight is after each step under a rule's table, by the equations of `AdaptiveForm`.
  private func walk(_ rule: AdaptiveRule, _ numbers: Hyperparameters, isWeight: Bool) -> [Double] {
    let slots = rule.slotNames(numbers)
    var (w, m, s, a, x, v) = (0.8, 0.0, rule.secondStart(numbers), 0.0, 0.0, 0.0)
    return Self.gradients.enumerated().map { index, g in
      let n = rule.resolve(
        numbers,
        sizes: TrainingSizes(batch: 10, training: 500),
        batch: Self.batch(index),
        step: index + 1,
        isWeight: isWeight
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

  private static let grid = HyperparameterGrid(choices: [
    .learningRate: [0.1], .beta1: [0.8], .beta2: [0.9], .alpha: [0.9], .epsilon: [1e-3],
    .epsilonRoot: [0, 2e-3], .momentum: [0, 0.9], .weightDecay: [0, 0.2],
    .learningRateDecay: [0, 0.1], .initialAccumulator: [0.1, 0.3],
  ])

  @Test("Every rule is tested against its source")
  func completeness() {
    let names = UpdateRule.presets.compactMap {
      if case .adaptive(let rule) = $0 { rule.name } else { nil }
    }
    #expect(Set(names) == Set(AdaptiveSource.steps.keys))
  }

  @Test("A rule walks as its source is written", arguments: AdaptiveSource.steps.keys.sorted())
  func source(name: String) throws {
    let rule = try UpdateRule.named(name)
    guard case .adaptive(let form) = rule, let step = AdaptiveSource.steps[name] else {
      Issue.record("no adaptive rule")
      return
    }
    let combinations = try Self.grid.combinations(of: rule)
    #expect(!combinations.isEmpty)
    for numbers in combinations {
      for isWeight in [true, false] {
        var source = AdaptiveSource(numbers, isWeight: isWeight)
        source.second = AdaptiveSource.starts[name]?(numbers) ?? 0
        let found = walk(form, numbers, isWeight: isWeight)
        for (index, gradient) in Self.gradients.enumerated() {
          source.t += 1
          source.m = Double(Self.batch(index))
          step(&source, gradient)
          #expect(abs(found[index] - source.w) <= 1e-14, "step \(index), \(isWeight): \(numbers)")
        }
      }
    }
  }
}
