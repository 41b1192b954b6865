import FlywheelCore
import FlywheelOptim
import Testing

/// Conversions between rules that divide by a second moment, by walking on in both.
@Suite("Conversion of adaptive rules")
struct AdaptiveConversionTests {
  static let presets = UpdateRule.presets.filter {
    if case .adaptive = $0 { true } else { false }
  }

  /// Every preset as it is, with decay, with each of its switches, with momentum, without ε; weights and
  /// biases.
  static let cases: [RuleConversionTests.Case] = presets.flatMap { rule in
    let taken = rule.hyperparameters.map(\.name)
    let plain: [Hyperparameter: Hyperparameters.Value] = [
      .learningRate: .number(0.02), .beta2: .number(0.99), .alpha: .number(0.99),
      .epsilon: .number(1e-3), .weightDecay: .number(0),
    ]
    let changes: [(Hyperparameter, Hyperparameters.Value)] = [
      (.epsilon, .number(0)), (.weightDecay, .number(0.2)), (.amsgrad, .flag(true)),
      (.centered, .flag(true)), (.momentum, .number(0.8)), (.biasCorrection, .flag(true)),
      (.epsilonRoot, .number(1e-3)), (.learningRateDecay, .number(0.1)),
      (.initialAccumulator, .number(0.3)),
    ]
    let sets = [plain] + changes.map { name, value in plain.merging([name: value]) { $1 } }
    return sets.filter { set in set.keys.allSatisfy { plain[$0] != nil || taken.contains($0) } }
      .flatMap { set in
        let given = Hyperparameters(set.filter { taken.contains($0.key) })
        return [true, false].compactMap { isWeight in
          (try? rule.completed(given)).map {
            RuleConversionTests.Case(
              use: RuleUse(
                rule: rule,
                hyperparameters: $0,
                sizes: RuleConversionTests.sizes,
                isWeight: isWeight
              )
            )
          }
        }
      }
  }

  private static let steps = 20
  /// A rate for each step: it falls, and jumps where rules change hands.
  private static let rates = (0..<2 * steps).map { step in
    (step < steps ? 0.02 : 0.01) * (1 - 0.012 * Double(step))
  }

  private static func walk(_ use: RuleUse, rates: [Double]? = nil) -> AdaptiveWalk {
    var walk = AdaptiveWalk(use: use, weights: [0.8, -0.3, 1.7])
    for step in 1...steps { walk.step(step, rate: rates?[step - 1]) }
    return walk
  }

  /// The weights of a walk as it goes on.
  private static func road(
    _ start: AdaptiveWalk,
    rates: [Double]? = nil,
    share: Double = 1
  ) -> [[Double]] {
    var walk = start
    return (steps + 1...2 * steps).map { step in
      walk.step(step, rate: rates.map { share * $0[step - 1] })
      return walk.weights
    }
  }

  private static func far(_ left: [[Double]], _ right: [[Double]]) -> Double {
    zip(left.joined(), right.joined()).map { abs($0 - $1) }.max() ?? 0
  }

  @Test("A conversion is as good as it says", arguments: cases)
  func everyPair(_ source: RuleConversionTests.Case) throws {
    let start = Self.walk(source.use)
    let road = Self.road(start)
    for rule in Self.presets {
      let conversion = try RuleConversion(
        source.use,
        to: rule,
        at: ConversionMoment(step: Self.steps, hasBuffer: true)
      )
      let pair = "\(source.testDescription) to \(rule.name)"
      switch conversion.verdict {
      case .exact, .exactWhileRateIsConstant:
        let parted = Self.far(road, Self.road(start.converted(conversion)))
        #expect(parted < 1e-13, "\(pair): \(parted)")
      case .bounded(let bound):
        #expect(Self.isBounded(start, start.converted(conversion), bound), "\(pair): \(bound)")
      case .impossible(let reason):
        let parted = Self.far(road, Self.road(Self.naive(start, rule)))
        #expect(parted > 1e-6, "\(pair): \(parted), \(reason)")
      default:
        Issue.record("\(pair): \(conversion.verdict)")
      }
    }
  }

  @Test("Under a schedule a conversion is as good as it says", arguments: cases)
  func schedules(_ source: RuleConversionTests.Case) throws {
    var start = Self.walk(source.use, rates: Self.rates)
    start.use.hyperparameters.learningRate = Self.rates[Self.steps]
    let road = Self.road(start, rates: Self.rates)
    for rule in Self.presets {
      let conversion = try RuleConversion(
        start.use,
        to: rule,
        at: ConversionMoment(step: Self.steps, hasBuffer: true, isRateConstant: false)
      )
      let share = conversion.target.hyperparameters.learningRate / Self.rates[Self.steps]
      let other = Self.road(start.converted(conversion), rates: Self.rates, share: share)
      let parted = Self.far(road, other)
      let pair = "\(source.testDescription) to \(rule.name): \(parted), \(conversion.verdict)"
      switch conversion.verdict {
      case .exact: #expect(parted < 1e-13, "\(pair)")
      case .exactWhileRateIsConstant: #expect(parted > 1e-8, "\(pair)")
      default: break
      }
    }
  }

  /// Whether the next step is off by what the bound says, and by no less than half of it somewhere.
  private static func isBounded(
    _ source: AdaptiveWalk,
    _ target: AdaptiveWalk,
    _ bound: ErrorBound
  ) -> Bool {
    var (left, right) = (source, target)
    left.step(steps + 1)
    right.step(steps + 1)
    // Of a velocity only the new part is off, and of a weight what it shrinks by is not.
    guard source.use.hyperparameters.momentum == 0 else { return true }
    guard source.use.hyperparameters.weightDecay == 0 else { return true }
    let bounds = left.roots.map { bound.value(root: $0) }
    let errors = source.weights.indices.map { place in
      abs(left.weights[place] - right.weights[place])
        / abs(left.weights[place] - source.weights[place])
    }
    return zip(errors, bounds).allSatisfy { error, bound in
      error <= bound * (1 + 1e-6) + 1e-12 && error >= bound / 2 - 1e-12
    }
  }

  /// The same numbers and buffers under another rule.
  private static func naive(_ start: AdaptiveWalk, _ rule: UpdateRule) -> AdaptiveWalk {
    guard case .adaptive(let old) = start.use.rule, case .adaptive(let new) = rule else {
      return start
    }
    var other = start
    other.use.rule = rule
    other.use.hyperparameters = Hyperparameters()
    for definition in rule.hyperparameters {
      other.use.hyperparameters[definition.name] =
        start.use.hyperparameters[definition.name] ?? definition.fallback
    }
    other.use.hyperparameters[.weightDecay] = start.use.hyperparameters[.weightDecay]
    let roles: [KeyPath<AdaptiveRule.SlotNames, String?>] = [
      \.first, \.maximum, \.mean, \.momentum,
    ]
    other.buffers = [:]
    other.buffers[new.slots.second] = start.buffers[old.slots.second]
    for role in roles {
      if let slot = new.slots[keyPath: role], let own = old.slots[keyPath: role] {
        other.buffers[slot] = start.buffers[own]
      }
    }
    return other
  }
}
