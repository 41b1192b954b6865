import FlywheelOptim

/// Weights and their buffers under a rule that divides by a second moment, step by step.
struct AdaptiveWalk {
  var use: RuleUse
  var weights: [Double]
  /// The buffers by slot; what is not there starts from the rule's own numbers.
  var buffers: [String: [Double]] = [:]
  var count = 0
  /// What the last step divided by, but for ε: the root.
  private(set) var roots: [Double] = []

  init(use: RuleUse, weights: [Double]) {
    (self.use, self.weights) = (use, weights)
  }

  /// Takes a step.
  ///
  /// - Parameters:
  ///   - number: The number of the step, which tells its gradient.
  ///   - rate: The learning rate; nil for that of the use.
  mutating func step(_ number: Int, rate: Double? = nil) {
    guard case .adaptive(let rule) = use.rule, let sizes = use.sizes else { return }
    var numbers = use.hyperparameters
    if let rate { numbers.learningRate = rate }
    count += 1
    let n = rule.resolve(numbers, sizes: sizes, step: count, isWeight: use.isWeight)
    let kept = rule.slotNames(numbers)
    let start = rule.secondStart(numbers)
    let names = rule.slots
    roots = []
    for (place, w) in weights.enumerated() {
      func old(_ slot: String?, from start: Double = 0) -> Double {
        slot.flatMap { buffers[$0]?[place] } ?? start
      }
      let g = SGDWalk.gradient(w, place, number) + n.coupledDecay * w
      let m = n.firstKept * old(names.first) + n.firstGain * g
      let s = n.secondKept * old(names.second, from: start) + n.secondGain * g * g
      let a = n.secondKept * old(names.mean) + n.secondGain * g
      let x = max(old(names.maximum), s)
      let square = (n.maximum == 0 ? s : x) - n.centering * a * a
      let u =
        (n.firstShare * m + n.gradientShare * g)
        / ((square + n.epsilonInside).squareRoot() + n.epsilonOutside)
      let v = n.momentum * old(names.momentum) + n.insideRate * u
      weights[place] = (1 - n.shrink) * w - n.rate * v
      roots.append(square.squareRoot())
      let news = [
        (names.first, m), (names.second, s), (names.mean, a), (names.maximum, x),
        (names.momentum, v),
      ]
      for case (let slot?, let value) in news where kept.contains(slot) {
        buffers[slot, default: weights.map { _ in slot == names.second ? start : 0 }][place] = value
      }
    }
  }

  /// This, gone over to what a conversion found.
  func converted(_ conversion: RuleConversion) -> AdaptiveWalk {
    var other = self
    other.use = conversion.target
    other.count = conversion.step
    other.buffers = [:]
    for buffer in conversion.buffers {
      let olds = buffer.source.flatMap { buffers[$0] } ?? weights.map { _ in 0 }
      other.buffers[buffer.slot] = olds.map { buffer.map.scale * $0 + buffer.constant }
    }
    return other
  }
}
