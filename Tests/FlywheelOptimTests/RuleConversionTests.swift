import FlywheelCore
import FlywheelOptim
import Testing

/// Conversions, by walking on in both rules.
@Suite("Conversion of SGD-like rules")
struct RuleConversionTests {
  static let sizes = TrainingSizes(batch: 32, training: 6400)
  static let presets = UpdateRule.presets.filter {
    if case .sgd = $0 { true } else { false }
  }

  /// A preset with numbers of the same order in every rule.
  struct Case: CustomTestStringConvertible, Sendable {
    let use: RuleUse
    var testDescription: String {
      let numbers = use.hyperparameters.ordered.filter { !$0.value.isOff }
        .map { "\($0.name.rawValue)=\($0.value.text)" }
      return "\(use.rule.name)(\(numbers.joined(separator: ", "))), "
        + (use.isWeight ? "weight" : "bias")
    }
  }

  /// Every preset plain, with momentum, with each decay, looking ahead, dampened; weights and biases.
  static let cases: [Case] = presets.flatMap { rule -> [Case] in
    let taken = Set(rule.hyperparameters.map(\.name))
    let decays: [Hyperparameter] = [.weightDecay, .l2, .biasL2].filter { taken.contains($0) }
    // A decay that takes about 1e-3 of a weight in a step, whatever the rule divides by.
    let decay = { (name: Hyperparameter) -> (Hyperparameter, Hyperparameters.Value) in
      (name, .number(decayStrength(rule, name)))
    }
    let momenta: [Double] = taken.contains(.momentum) ? [0, 0.9] : [0]
    let looks: [Bool] = taken.contains(.nesterov) ? [false, true] : [false]
    let dampenings: [Double] = taken.contains(.dampening) ? [0, 0.3] : [0]
    let sets: [[Hyperparameter]] = [[]] + decays.map { [$0] } + (decays.count > 1 ? [decays] : [])
    var cases: [Case] = []
    for momentum in momenta {
      for looksAhead in looks where momentum > 0 || !looksAhead {
        for dampening in dampenings where dampening == 0 || (momentum > 0 && !looksAhead) {
          for set in sets {
            var numbers: [Hyperparameter: Hyperparameters.Value] = [.learningRate: .number(0.02)]
            if taken.contains(.momentum) { numbers[.momentum] = .number(momentum) }
            if taken.contains(.nesterov) { numbers[.nesterov] = .flag(looksAhead) }
            if taken.contains(.dampening) { numbers[.dampening] = .number(dampening) }
            for name in decays { numbers[name] = .number(0) }
            for name in set { numbers[name] = decay(name).1 }
            guard let whole = try? rule.completed(Hyperparameters(numbers)) else { continue }
            for isWeight in [true, false] {
              cases.append(
                Case(
                  use: RuleUse(
                    rule: rule,
                    hyperparameters: whole,
                    sizes: sizes,
                    isWeight: isWeight
                  )
                )
              )
            }
          }
        }
      }
    }
    return cases
  }

  /// Biases tell nothing of a schedule that weights do not.
  private static let weights = cases.filter(\.use.isWeight)

  /// A decay of about 0.05 per unit of mean gradient.
  private static func decayStrength(_ rule: UpdateRule, _ name: Hyperparameter) -> Double {
    guard case .sgd(let rule) = rule else { return 0 }
    let numbers = Hyperparameters([
      .learningRate: .number(1), .momentum: .number(0), name: .number(1),
    ])
    let taken = rule.resolve(numbers, sizes: sizes, hasBuffer: false, isWeight: name != .biasL2)
      .normalForm.r
    let strength = 0.05 / abs(taken)
    return name == .weightDecay && strength == 0.05 ? 0.04 : strength
  }

  private static let steps = 30

  private static func walk(_ use: RuleUse, rates: [Double]? = nil) -> SGDWalk {
    var walk = SGDWalk(use: use, weights: [0.8, -0.3, 1.7, 0.05])
    for step in 1...steps { walk.step(step, rate: rates?[step - 1]) }
    return walk
  }

  private static func moment(_ use: RuleUse, isRateConstant: Bool = true) -> ConversionMoment {
    ConversionMoment(
      step: steps,
      hasBuffer: !use.rule.slotNames(use.hyperparameters).isEmpty,
      lastLearningRate: use.hyperparameters.learningRate,
      isRateConstant: isRateConstant
    )
  }

  @Test("A conversion that says exact is exact, and one that says impossible is", arguments: cases)
  func everyPair(_ source: Case) throws {
    let start = Self.walk(source.use)
    let road = Self.road(start)
    for rule in Self.presets {
      let conversion = try RuleConversion(source.use, to: rule, at: Self.moment(source.use))
      let pair = "\(source.testDescription) to \(rule.name)"
      switch conversion.verdict {
      case .exact, .exactWhileRateIsConstant:
        let parted = road.far(start.converted(conversion))
        #expect(parted < 1e-13, "\(pair): \(parted)")
      case .impossible(let reason):
        let naive = Self.naive(start, rule).map(road.far).min() ?? .infinity
        #expect(naive > 1e-6, "\(pair): \(naive), \(reason)")
      default:
        Issue.record("\(pair): \(conversion.verdict)")
      }
    }
  }

  @Test("There and back is the identity", arguments: weights)
  func thereAndBack(_ source: Case) throws {
    let moment = Self.moment(source.use)
    for rule in Self.presets {
      let there = try RuleConversion(source.use, to: rule, at: moment)
      guard there.verdict.isExact(whenRateIsConstant: true) else { continue }
      let back = try RuleConversion(there.target, to: source.use.rule, at: moment)
      let pair = "\(source.testDescription) to \(rule.name) and back: \(back.verdict)"
      #expect(back.verdict.isExact(whenRateIsConstant: true), "\(pair)")
      // A decay may come back in another form, and a dampening as a lower rate.
      let (own, restored) = (source.use.hyperparameters, back.target.hyperparameters)
      let names = Self.names(own, without: back.free)
      guard names == Self.names(restored, without: back.free) else { continue }
      for name in names {
        // MXNet's old NAG has its decay in a difference of two numbers.
        #expect(abs(restored.number(name) / own.number(name) - 1) <= 1e-12, "\(pair)")
      }
      guard let map = there.buffers.first?.map, let other = back.buffers.first?.map else {
        continue
      }
      #expect(abs(other.scale * map.scale - 1) <= 1e-14, "\(pair)")
      let share = other.scale * map.weightShare + other.weightShare
      #expect(abs(share) <= 1e-14 * max(1, abs(other.weightShare)), "\(pair)")
    }
  }

  /// What is on and felt.
  private static func names(
    _ numbers: Hyperparameters,
    without free: Set<Hyperparameter>
  ) -> [Hyperparameter] {
    numbers.ordered.filter { !$0.value.isOff && !free.contains($0.name) }.map(\.name)
  }

  @Test("Under a schedule a conversion is as good as it says", arguments: weights)
  func schedules(_ source: Case) throws {
    let (start, next) = (Self.walk(source.use, rates: Self.rates), Self.rates[Self.steps])
    var use = source.use
    use.hyperparameters.learningRate = next
    let road = Self.road(start, rates: Self.rates)
    for rule in Self.presets {
      var moment = Self.moment(use, isRateConstant: false)
      moment.lastLearningRate = Self.rates[Self.steps - 1]
      let conversion = try RuleConversion(use, to: rule, at: moment)
      let share = conversion.target.hyperparameters.learningRate / next
      var other = start
      other.use = use
      other = other.converted(conversion)
      let parted = road.far(other, share: share)
      let pair = "\(source.testDescription) to \(rule.name): \(parted), \(conversion.verdict)"
      switch conversion.verdict {
      case .exact, .exactWithScheduledMomentum: #expect(parted < 1e-13, "\(pair)")
      case .exactWhileRateIsConstant: #expect(parted > 1e-8, "\(pair)")
      case .bounded(let bound):
        // The rate collapses for a step, and the momentum of the next is off by nearly the bound.
        let off = Self.momentumError(start, other, share: share, rates: [next, 1e-3 * next, next])
        #expect(off <= bound.value(root: 0) && off > 0.9 * bound.value(root: 0), "\(pair): \(off)")
      case .impossible: break
      }
    }
  }

  /// By how much of what it would have to be the momentum of the last of some steps is off.
  private static func momentumError(
    _ source: SGDWalk,
    _ target: SGDWalk,
    share: Double,
    rates: [Double]
  ) -> Double {
    var (source, target, still) = (source, target, target)
    for (place, rate) in rates.enumerated() {
      still = target
      still.buffers = target.buffers?.map { _ in 0 }
      source.step(place, rate: rate)
      target.step(place, rate: share * rate)
      still.step(place, rate: share * rate)
    }
    return zip(source.weights.indices, source.weights).map { place, weight in
      abs(weight - target.weights[place]) / abs(weight - still.weights[place])
    }.max() ?? 0
  }

  /// A rate for each step: it falls, and jumps where rules change hands.
  private static let rates = (0..<2 * steps).map { step in
    (step < steps ? 0.02 : 0.008) * (1 - 0.012 * Double(step))
  }

  /// A source's weights of thirty more steps.
  private struct Road {
    let weights: [[Double]]
    let rates: [Double]?

    /// How far another walk gets from it.
    func far(_ other: SGDWalk) -> Double { far(other, share: 1) }

    func far(_ other: SGDWalk, share: Double) -> Double {
      var (other, far) = (other, 0.0)
      for (place, own) in weights.enumerated() {
        let step = RuleConversionTests.steps + place + 1
        other.step(step, rate: rates.map { share * $0[step - 1] })
        let apart = zip(own, other.weights).map { abs($0 - $1) }.max() ?? 0
        far = max(far, apart / (own.map(abs).max() ?? 1))
      }
      return far
    }
  }

  private static func road(_ start: SGDWalk, rates: [Double]? = nil) -> Road {
    var walk = start
    let weights = (steps + 1...2 * steps).map { step in
      walk.step(step, rate: rates?[step - 1])
      return walk.weights
    }
    return Road(weights: weights, rates: rates)
  }

  /// The same numbers under another rule, with the buffer scaled in the ways that suggest themselves.
  private static func naive(_ start: SGDWalk, _ rule: UpdateRule) -> [SGDWalk] {
    guard case .sgd(let new) = rule, case .sgd(let old) = start.use.rule else { return [] }
    let own = start.use.hyperparameters
    var same = Hyperparameters()
    for definition in rule.hyperparameters {
      let off: Hyperparameters.Value = definition.name == .nesterov ? .flag(false) : .number(0)
      same[definition.name] = own[definition.name] ?? off
    }
    let (a, b) = (
      old.resolve(own, sizes: sizes, hasBuffer: true, isWeight: start.use.isWeight).normalForm,
      new.resolve(same, sizes: sizes, hasBuffer: true, isWeight: start.use.isWeight).normalForm
    )
    var other = start
    other.use.rule = rule
    other.use.hyperparameters = same
    return [a.p / b.p, 1, 0].filter(\.isFinite).map { scale in
      let buffers = start.buffers ?? start.weights.map { _ in 0 }
      other.buffers = new.keepsBuffer(same) ? buffers.map { $0 * scale } : nil
      return other
    }
  }
}
