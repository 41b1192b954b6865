import FlywheelCore
import FlywheelExplain
import FlywheelOptim
import OrderedCollections

/// A trainer that takes the steps of an Adam-like rule one element at a time, in single or in double
/// precision, and dumps them.
struct AdaptiveTrainer<Number: BinaryFloatingPoint & TensorElement> {
  let rule: AdaptiveRule
  var numbers: Hyperparameters
  var sizes = TrainingSizes(batch: 4, training: 100)
  /// What a mistaken trainer makes of the coefficients of a step.
  var mistake: (AdaptiveForm<Double>, _ step: Int) -> AdaptiveForm<Double> = { form, _ in form }
  /// The learning rate of each step; nil if it stays.
  var schedule: ((_ step: Int) -> Double)?
  /// What the trainer makes of a gradient before it uses it.
  var changed: (Double) -> Double = { $0 }
  /// Whether biases are decayed; nil for what the rule says.
  var decaysBiases: Bool?
  /// How much noise there is in the weights.
  var noise = 0.0
  /// How many steps are taken before the first dump.
  var firstStep = 0
  /// How many dumps there are.
  var count = 6
  var elementCount = 64

  /// What is dumped.
  enum Parts {
    case whole, withoutBuffers, withoutGradients
  }

  /// The dump.
  func dump(_ parts: Parts = .whole, saysStep: Bool = true) throws -> StepDump {
    var series = [
      try one("W1", shape: Shape([elementCount / 4, 4]), isWeight: true, seed: 1, parts),
      try one("b1", shape: Shape([24]), isWeight: false, seed: 2, parts),
    ]
    series[0].isWeight = true
    return StepDump(series: series, firstStep: saysStep ? firstStep : nil)
  }

  private func one(
    _ name: String,
    shape: Shape,
    isWeight: Bool,
    seed: UInt64,
    _ parts: Parts
  ) throws -> TensorSeries {
    let size = shape.elementCount
    var random = Philox(seed: seed, stream: 7)
    func uniform() -> Double { 2 * random.uniform() - 1 }
    var weights = (0..<size).map { _ in Number(0.3 * uniform()) }
    // Gradients of all sizes, so that epsilon shows somewhere.
    let scales = (0..<size).map { _ in
      [1, 0.1, 0.01, 1e-3, 1e-4][Int(random.uniform() * 5)] * (1 + uniform() / 2)
    }
    let start = Number(rule.secondStart(numbers))
    var buffers: OrderedDictionary<String, [Number]> = [:]
    let names = rule.slots
    for slot in rule.slotNames(numbers) {
      buffers[slot] = [Number](repeating: slot == names.second ? start : 0, count: size)
    }
    var series = TensorSeries(name: name, isWeight: isWeight, weights: [])
    for step in 1...(firstStep + count) {
      let gradient = scales.map { Number($0 * (0.3 + uniform())) }
      if step > firstStep {
        series.weights.append(try Tensor(weights, shape: shape))
        if parts != .withoutGradients {
          series.gradients.append(try Tensor(gradient, shape: shape))
        }
        if parts != .withoutBuffers {
          for (slot, values) in buffers {
            series.slots[slot, default: []].append(try Tensor(values, shape: shape))
          }
        }
      }
      var numbers = numbers
      if let schedule { numbers.learningRate = schedule(step) }
      let isDecayed = isWeight || decaysBiases ?? (rule.decayScope == .all)
      var own = rule.resolve(numbers, sizes: sizes, step: step, isWeight: isWeight || isDecayed)
      if !isDecayed { (own.coupledDecay, own.shrink) = (0, 0) }
      let form = mistake(own, step).map { Number($0) }
      for index in 0..<size {
        func old(_ slot: String?) -> Number { slot.flatMap { buffers[$0]?[index] } ?? 0 }
        let w = weights[index]
        let g = Number(changed(Double(gradient[index]))) + form.coupledDecay * w
        let m = form.firstKept * old(names.first) + form.firstGain * g
        let s = form.secondKept * old(names.second) + form.secondGain * g * g
        let a = form.secondKept * old(names.mean) + form.secondGain * g
        let x = Swift.max(old(names.maximum), s)
        let square = (form.maximum == 0 ? s : x) - form.centering * a * a
        let above = form.firstShare * m + form.gradientShare * g
        let u = above / ((square + form.epsilonInside).squareRoot() + form.epsilonOutside)
        let v = form.momentum * old(names.momentum) + form.insideRate * u
        weights[index] = (1 - form.shrink) * w - form.rate * v
        if noise > 0 { weights[index] += Number(noise * uniform()) }
        for (slot, value) in [
          (names.first, m), (names.second, s), (names.mean, a), (names.maximum, x),
          (names.momentum, v),
        ] {
          if let slot, buffers[slot] != nil { buffers[slot]?[index] = value }
        }
      }
    }
    return series
  }
}
