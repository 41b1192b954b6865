import FlywheelOptim

extension AdaptiveScope {
  /// How far steps of a rule from the dumped states end from where the trainer's ended.
  ///
  /// - Parameters:
  ///   - rule: The rule.
  ///   - numbers: Its numbers.
  /// - Returns: √(Σ distance² / Σ of the trainer's changes²); nil if a gradient, or a buffer that the rule
  ///   needs, was not dumped.
  func departure(of rule: AdaptiveRule, _ numbers: Hyperparameters) -> Double? {
    let firstStep = accepted.first?.fit.guess.firstStep ?? firstStep ?? 0
    let kept = rule.slotNames(numbers)
    guard kept.allSatisfy(sample.has) else { return nil }
    var (distance, change) = (0.0, 0.0)
    for place in 0..<max(0, sample.placeCount - 1) {
      let source = place + moments.gradientShift
      guard sample.gradients.indices.contains(source), let gradient = sample.gradients[source]
      else { continue }
      let isStart = place == 0 && firstStep == 0
      var buffers: [String: [Double]] = [:]
      for slot in kept {
        let start = slot == rule.slots.second ? rule.secondStart(numbers) : 0
        buffers[slot] =
          sample.slots[slot]?[place]
          ?? (isStart ? [Double](repeating: start, count: gradient.count) : nil)
      }
      guard buffers.count == kept.count else { continue }
      let form = rule.resolve(
        numbers,
        sizes: sizes ?? TrainingSizes(batch: 1, training: 1),
        step: firstStep + place + 1,
        isWeight: sample.isWeight
      )
      let (old, new) = (sample.weights[place], sample.weights[place + 1])
      for index in old.indices {
        let buffer = { (slot: String?) in slot.flatMap { buffers[$0]?[index] } ?? 0 }
        let meant = form.stepped(old[index], gradient[index], buffer, rule.slots)
        guard meant.isFinite else { continue }
        distance += (meant - new[index]) * (meant - new[index])
        change += (new[index] - old[index]) * (new[index] - old[index])
      }
    }
    return change > 0 ? (distance / change).squareRoot() : nil
  }
}

extension AdaptiveForm<Double> {
  /// The weight after a step.
  fileprivate func stepped(
    _ weight: Double,
    _ gradient: Double,
    _ buffer: (String?) -> Double,
    _ slots: AdaptiveRule.SlotNames
  ) -> Double {
    let gradient = gradient + coupledDecay * weight
    let first = firstKept * buffer(slots.first) + firstGain * gradient
    let second = secondKept * buffer(slots.second) + secondGain * gradient * gradient
    let mean = secondKept * buffer(slots.mean) + secondGain * gradient
    let largest = Swift.max(buffer(slots.maximum), second)
    let square = (maximum == 0 ? second : largest) - centering * mean * mean + epsilonInside
    let above = firstShare * first + gradientShare * gradient
    let quotient = above == 0 ? 0 : above / (square.squareRoot() + epsilonOutside)
    let moved = momentum * buffer(slots.momentum) + insideRate * quotient
    return (1 - shrink) * weight - rate * moved
  }
}
