import FlywheelOptim

/// The equations of the steps of a dump under a rule: what moves each weight, were the learning rate 1.
struct AdaptiveModel {
  var sample: AdaptiveSample
  let shape: AdaptiveShape
  /// The step from dump k to dump k + 1 was taken with the gradient of dump k + this.
  let gradientShift: Int
  /// The size of a mini-batch; nil if nobody knows it.
  let batch: Int?
  /// β₁ and β₂, near enough to say how inexact bias corrections are.
  var betas: [Double] = []
  /// How far the 1 − βᵗ of a trainer may be off: one step of the precision that it computes it in.
  var correctionRoundoff = 0x1p-52

  /// How far the rate of a step may be off for that, relative to itself: in single precision 1 − 0.999 has
  /// only five digits.
  ///
  /// - Parameter place: The place of the dump that the step begins at.
  /// - Returns: The share.
  func looseness(place: Int) -> Double {
    zip(betas, [Formula.Symbol.firstCorrection, .secondCorrection]).reduce(0) { sum, part in
      guard shape.form.rate.mentions(part.1) else { return sum }
      let correction = AdaptiveRule.correction(min(part.0, 0.9999), step: place + 1)
      return sum + correctionRoundoff / correction
    }
  }

  /// The equations of one step, each divided by what its left side may be off for rounding.
  struct Step {
    /// The place of the dump that the step begins at.
    let place: Int
    /// w' − w; or v' where the momentum was dumped.
    var target: [Double] = []
    /// −rate v' and −w; or v and u.
    var columns: [[Double]] = [[], []]
    /// The largest √s, by which ε is to be judged.
    var largestRoot = 0.0
    /// Σ of the squares of the left sides, before they are divided.
    var targetSquare = 0.0
    /// The same of what they may be off.
    var roundingSquare = 0.0

    /// How many of the equations say something; the others are 0 = 0, so that as many come of any numbers.
    var count = 0

    fileprivate mutating func add(_ left: Double, _ right: (Double, Double), rounding: Double) {
      guard rounding > 0, rounding.isFinite, right.0.isFinite, right.1.isFinite else {
        target.append(0)
        columns[0].append(0)
        columns[1].append(0)
        return
      }
      count += 1
      target.append(left / rounding)
      columns[0].append(right.0 / rounding)
      columns[1].append(right.1 / rounding)
      targetSquare += left * left
      roundingSquare += rounding * rounding
    }
  }

  /// Whether the equations are those of a dumped momentum, v' = μ v + rate u, and not those of the weights.
  var isOfMomentum: Bool {
    shape.hasMomentum && sample.has(AdaptiveShape.momentumSlot)
  }

  /// The column that the learning rate is the coefficient of; nil if it is none of them.
  var rateColumn: Int? {
    guard isOfMomentum else { return 0 }
    return shape.form.insideRate.mentions(.learningRate) ? 1 : nil
  }

  /// The equations with numbers.
  ///
  /// - Parameter guess: The numbers.
  /// - Returns: The steps of which something can be said.
  func steps(_ guess: AdaptiveGuess) -> [Step] {
    // A gradient that was dumped after its step tells the step before the first dump, too.
    let isEarly = gradientShift == 1 && guess.firstStep == 1
    var buffers = AdaptiveBuffers(
      sample: sample,
      shape: shape,
      guess: guess,
      isStart: guess.firstStep == 0 || isEarly
    )
    var steps: [Step] = []
    for place in (isEarly ? -1 : 0)..<max(0, sample.placeCount - 1) {
      let form = guess.form(shape, place: place, batch: batch)
      let weights = sample.weights[max(0, place)]
      let source = place + gradientShift
      let gradient = sample.gradients.indices.contains(source) ? sample.gradients[source] : nil
      let decayed = gradient.map { gradient in
        form.coupledDecay == 0 && guess.gradientScale == 1
          ? gradient
          : gradient.indices.map {
            guess.gradientScale * gradient[$0] + form.coupledDecay * weights[$0]
          }
      }
      let known = decayed ?? buffers.gradient(to: place + 1, form: form)
      let move = buffers.step(to: place + 1, gradient: known, form: form)
      guard place >= 0, let move,
        let step = isOfMomentum
          ? momentumStep(place, move, buffers)
          : weightStep(place, move, buffers, form, looseness(place: place))
      else { continue }
      steps.append(step)
    }
    return steps
  }

  private func weightStep(
    _ place: Int,
    _ move: AdaptiveBuffers.Move,
    _ buffers: AdaptiveBuffers,
    _ form: AdaptiveForm<Double>,
    _ looseness: Double
  ) -> Step? {
    guard let moved = shape.hasMomentum ? buffers.momentum.new : move.quotients else { return nil }
    let (old, new) = (sample.weights[place], sample.weights[place + 1])
    let rate = shape.hasMomentum ? form.rate : form.rate * form.insideRate
    var step = Step(place: place, largestRoot: move.largestRoot)
    for index in old.indices {
      let change = new[index] - old[index]
      let rounding =
        sample.weightRoundoff * max(abs(old[index]), abs(new[index]))
        + (4 * sample.bufferRoundoff * move.amplification[index] + looseness) * abs(change)
      step.add(change, (-rate * moved[index], -old[index]), rounding: rounding)
    }
    return step
  }

  private func momentumStep(
    _ place: Int,
    _ move: AdaptiveBuffers.Move,
    _ buffers: AdaptiveBuffers
  ) -> Step? {
    guard let old = buffers.momentum.old, let new = buffers.momentum.new else { return nil }
    var step = Step(place: place, largestRoot: move.largestRoot)
    for index in old.indices {
      let size = abs(old[index]) + abs(new[index])
      step.add(
        new[index],
        (old[index], move.quotients[index]),
        rounding: 2 * sample.bufferRoundoff * size * move.amplification[index]
      )
    }
    return step
  }
}

extension AdaptiveSample {
  /// Whether a buffer was ever dumped.
  func has(_ slot: String) -> Bool { slots[slot]?.contains { $0 != nil } ?? false }
  /// Whether gradients were ever dumped.
  var hasGradients: Bool { gradients.contains { $0 != nil } }
}
