import FlywheelCore
import FlywheelOptim
import Testing

/// Conversions of adaptive rules with numbers that were worked out and measured elsewhere.
@Suite("Conversion of adaptive rules, by example")
struct AdaptiveConversionExampleTests {
  private func use(
    _ name: String,
    _ numbers: [Hyperparameter: Double] = [:],
    _ switches: [Hyperparameter] = [],
    isWeight: Bool = true
  ) throws -> RuleUse {
    let rule = try UpdateRule.named(name)
    var given = Hyperparameters(numbers.mapValues { .number($0) })
    for name in switches { given[name] = .flag(true) }
    return RuleUse(
      rule: rule,
      hyperparameters: try rule.completed(given),
      sizes: TrainingSizes(batch: 10, training: 50_000),
      isWeight: isWeight
    )
  }

  private func convert(
    _ source: RuleUse,
    to name: String,
    with given: [Hyperparameter: Hyperparameters.Value] = [:],
    at moment: ConversionMoment = ConversionMoment(step: 30, hasBuffer: true)
  ) throws -> RuleConversion {
    let rule = try UpdateRule.named(name)
    return try RuleConversion(source, to: rule, with: Hyperparameters(given), at: moment)
  }

  private func reason(_ conversion: RuleConversion) -> String {
    if case .impossible(let reason) = conversion.verdict { reason } else { "" }
  }

  private func bound(_ conversion: RuleConversion) throws -> ErrorBound {
    guard case .bounded(let bound) = conversion.verdict else {
      throw FlywheelError(.mismatch, "\(conversion.verdict)")
    }
    return bound
  }

  private static let start = ConversionMoment(step: 0, hasBuffer: false)

  @Test("An epsilon hat is off by epsilon (1 - sqrt(c2))/(sqrt(s) + epsilon), and ever less")
  func epsilonHat() throws {
    let conversion = try convert(use("adam", [.epsilon: 1e-7]), to: "keras_adam")
    #expect(conversion.target.hyperparameters.number(.epsilon) == 1e-7)
    #expect(conversion.buffers.map(\.map) == [.identity, .identity])
    #expect(conversion.step == 30)
    #expect(conversion.verdict.description.contains("epsilon"))
    let root = AdaptiveRule.correction(0.999, step: 31).squareRoot()
    for s in [0, 1e-8, 1e-4, 1.0] {
      let value = try bound(conversion).value(root: s.squareRoot())
      #expect(abs(value - 1e-7 * (1 - root) / (s.squareRoot() + 1e-7)) < 1e-15)
    }
    let later = try convert(
      use("adam", [.epsilon: 1e-7]),
      to: "keras_adam",
      at: ConversionMoment(step: 100_000, hasBuffer: true)
    )
    #expect(later.verdict == .exact)
  }

  @Test("Without an epsilon its place does not matter")
  func noEpsilon() throws {
    for (name, other) in [
      ("adam", "keras_adam"), ("rmsprop", "keras_rmsprop"), ("adagrad", "optax_adagrad"),
    ] {
      #expect(try convert(use(name, [.epsilon: 0]), to: other).verdict == .exact)
    }
  }

  @Test("An epsilon that goes under the root keeps its number, and the bound holds its effect")
  func insideTheRoot() throws {
    let conversion = try convert(use("rmsprop", [.epsilon: 1e-4]), to: "keras_rmsprop")
    #expect(conversion.target.hyperparameters.number(.epsilon) == 1e-4)
    let bound = try bound(conversion)
    let expected = abs(0.1 + 1e-4 - (0.01 + 1e-4).squareRoot()) / (0.01 + 1e-4).squareRoot()
    #expect(abs(bound.value(root: 0.1) - expected) < 1e-15)
    #expect(conversion.remarks.contains { $0.contains("epsilon of") })
    // A number that is insisted on stands.
    let other = try convert(
      use("rmsprop", [.epsilon: 1e-4]),
      to: "keras_rmsprop",
      with: [.epsilon: .number(1e-8)]
    )
    #expect(try self.bound(other).value(root: 0) < 1e-12)
  }

  @Test("The bound of the smallest second moment holds for all larger ones")
  func largestError() {
    let numbers = [0, 1e-8, 1e-4]
    let roots = [0, 1e-8, 1e-4, 1e-3, 1e-2, 0.1, 1]
    for place in 0..<81 {
      let digits = [1, 3, 9, 27].map { numbers[place / $0 % 3] }
      let bound = ErrorBound.denominator(
        source: ErrorBound.Denominator(inside: digits[0], outside: digits[1]),
        target: ErrorBound.Denominator(inside: digits[2], outside: digits[3])
      )
      for (count, root) in roots.enumerated() {
        let largest = bound.largest(from: root)
        for larger in roots.dropFirst(count) where !bound.value(root: larger).isNaN {
          #expect(bound.value(root: larger) <= largest + 1e-12)
        }
      }
    }
  }

  @Test("Moments that are not corrected go on under a step count with which none are")
  func uncorrected() throws {
    let conversion = try convert(use("mlx_adam"), to: "adam")
    #expect(conversion.verdict == .exact)
    #expect(conversion.step == 1_000_000)
    #expect(AdaptiveRule.correction(0.999, step: conversion.step) == 1)
    let back = try convert(use("adam"), to: "mlx_adam")
    #expect(back.verdict == .exact)
    #expect(back.step == 30)
    #expect(back.target.hyperparameters[.biasCorrection] == .flag(true))
  }

  @Test("ConvNetJS's corrections are nobody else's until all are 1")
  func samples() throws {
    let source = try use("convnetjs_adam")
    #expect(reason(try convert(source, to: "adam")).contains("bias"))
    let late = ConversionMoment(step: 100_000, hasBuffer: true)
    #expect(try convert(source, to: "adam", at: late).verdict == .exact)
  }

  @Test("Coupled decay stays coupled and decoupled decay decoupled, and without any both do")
  func decay() throws {
    let coupled = try use("adam", [.weightDecay: 0.1])
    let reason = reason(try convert(coupled, to: "adamw"))
    #expect(reason.contains("coupled") && reason.contains("weight_decay 0.1"))
    let none = try convert(use("adam"), to: "adamw")
    #expect(none.verdict == .exact)
    #expect(none.target.hyperparameters.weightDecay == 0)
    // alpha/m, and weights only.
    let scaled = try convert(coupled, to: "sklearn_adam")
    #expect(scaled.target.hyperparameters.weightDecay == 1)
    #expect(scaled.remarks.contains { $0.contains("mini-batches of 10") })
    var bias = coupled
    bias.isWeight = false
    #expect(self.reason(try convert(bias, to: "sklearn_adam")).contains("decays weights only"))
    let biasFree = try convert(use("adam", isWeight: false), to: "sklearn_adam")
    #expect(biasFree.free == [.weightDecay])
    // A decay per step is one per learning rate while that is constant.
    let absolute = try convert(
      use("keras_adam", [.learningRate: 0.01, .weightDecay: 0.1]),
      to: "adamw_lua"
    )
    #expect(absolute.target.hyperparameters.weightDecay == 0.001)
    #expect(absolute.verdict.kind == "exact_while_rate_is_constant")
  }

  @Test("A velocity is scaled by the learning rate of the next step where that moves in or out")
  func velocity() throws {
    let source = try use("rmsprop", [.learningRate: 0.01, .momentum: 0.9, .epsilon: 0])
    for (name, scale) in [("keras_rmsprop", 0.01), ("optax_rmsprop", -0.01)] {
      let conversion = try convert(source, to: name)
      let velocity = conversion.buffers.first { $0.slot == "momentum_buffer" }
      #expect(velocity?.map == BufferMap(scale: scale))
      guard case .exactWhileRateIsConstant(let law) = conversion.verdict else {
        Issue.record("\(conversion.verdict)")
        continue
      }
      #expect(law.contains("0.9 lr_t/lr_(t-1)"))
    }
    #expect(reason(try convert(source, to: "mlx_rmsprop")).contains("momentum 0.9"))
    // A learning rate of 0 empties only one of the two.
    let still = try use("rmsprop", [.learningRate: 0, .momentum: 0.9])
    #expect(reason(try convert(still, to: "keras_rmsprop")).contains("take a step first"))
  }

  @Test(
    "What a moment starts from is data once it is there, and made before where the rule does not"
  )
  func beginnings() throws {
    let squares = try convert(use("tf1_rmsprop", [.epsilon: 0]), to: "rmsprop")
    #expect(squares.buffers.map(\.map) == [.identity])
    let made = try convert(use("tf1_rmsprop", [.epsilon: 0]), to: "rmsprop", at: Self.start)
    #expect(made.buffers.map(\.constant) == [1])
    let taken = try convert(use("keras_adagrad"), to: "optax_adagrad", at: Self.start)
    #expect(taken.buffers.isEmpty)
    #expect(taken.target.hyperparameters.number(.initialAccumulator) == 0.1)
    let missing = try convert(use("optax_adagrad"), to: "lasagne_adagrad", at: Self.start)
    #expect(missing.buffers.map(\.constant) == [0.1])
    #expect(try convert(use("adam"), to: "fastai_adam", at: Self.start).buffers.isEmpty)
  }

  @Test(
    "What the target lacks is named",
    arguments: [
      ("adam", [], "amsgrad", "fastai_adam", "amsgrad"),
      ("rmsprop", [], "centered", "mlx_rmsprop", "centered"),
      ("adagrad", [("lr_decay", 0.1)], nil, "mlx_adagrad", "lr_decay 0.1"),
      ("adam", [], nil, "rmsprop", "beta1"),
      ("rmsprop", [], nil, "adagrad", "averages"),
      ("pytorch", [], nil, "adam", "second moment"),
      ("adam", [], nil, "pytorch", "second moment"),
      ("adamw", [], nil, "mlx_adam", "no weight decay"),
    ] as [(String, [(String, Double)], String?, String, String)]
  )
  func lacks(
    _ source: String,
    _ numbers: [(String, Double)],
    _ flag: String?,
    _ target: String,
    _ word: String
  ) throws {
    let given = numbers.map { (Hyperparameter(rawValue: $0.0), $0.1) }
    let use = try use(
      source,
      Dictionary(given, uniquingKeysWith: { $1 }),
      flag.map { [Hyperparameter(rawValue: $0)] } ?? []
    )
    let reason = reason(try convert(use, to: target))
    #expect(reason.contains(word), "\(reason)")
  }

  @Test("A number that is insisted on is refused with the one that would do")
  func given() throws {
    let refused = reason(try convert(use("adam"), to: "optax_adam", with: [.beta1: .number(0.5)]))
    #expect(refused.contains("beta1 0.5") && refused.contains("beta1 0.9"))
    let kept = try convert(use("adam"), to: "optax_adam", with: [.beta1: .number(0.9)])
    #expect(kept.verdict == .exact)
  }

  @Test("No number of a file traps")
  func wildNumbers() throws {
    let moment = ConversionMoment(step: .max, hasBuffer: true)
    for wild in [Double.nan, .infinity, -1, .leastNonzeroMagnitude, 1.7e308] {
      for (name, other) in [("adam", "keras_adam"), ("pytorch", "keras"), ("sgdw", "pytorch")] {
        var source = try use(name)
        source.sizes = TrainingSizes(batch: .max, training: .min)
        for number in [Hyperparameter.learningRate, .weightDecay, .epsilon, .momentum, .beta2] {
          var odd = source
          odd.hyperparameters[number] = .number(wild)
          let conversion = try convert(odd, to: other, at: moment)
          #expect(conversion.source == odd || wild.isNaN)
        }
      }
    }
    #expect(try convert(use("adam"), to: "keras_adam", at: moment).verdict == .exact)
    #expect(try convert(use("convnetjs_adam"), to: "adam", at: moment).verdict == .exact)
  }
}
