import FlywheelOptim

/// The buffers of a rule from step to step: those that were dumped, and those that follow from gradients.
struct AdaptiveBuffers {
  private let sample: AdaptiveSample
  private let shape: AdaptiveShape
  private var first: [Double]?
  private var second: [Double]?
  private var maximum: [Double]?
  private var mean: [Double]?
  /// The momentum before the last step, and after it.
  private(set) var momentum: (old: [Double]?, new: [Double]?)

  /// What a step moves a weight by, were the learning rate 1 and there no momentum.
  struct Move {
    /// u, the quotient; NaN where too few digits of the square are left.
    var quotients: [Double]
    /// How many times as large its rounding is as a single operation's.
    var amplification: [Double]
    /// The largest √s.
    var largestRoot: Double
  }

  /// The buffers as they are at the first dump.
  ///
  /// - Parameters:
  ///   - sample: The dump.
  ///   - shape: The rule.
  ///   - guess: What the second moment starts from.
  ///   - isStart: Whether no step came before, so that buffers that were not dumped are as they start.
  init(sample: AdaptiveSample, shape: AdaptiveShape, guess: AdaptiveGuess, isStart: Bool) {
    (self.sample, self.shape) = (sample, shape)
    func start(_ slot: String, from start: Double = 0) -> [Double]? {
      if let dumped = sample.slots[slot]?[0] { return dumped }
      return isStart ? [Double](repeating: start, count: sample.weights[0].count) : nil
    }
    first = shape.hasFirst ? start(AdaptiveShape.firstSlot) : nil
    second = start(shape.secondSlot, from: guess[.secondStart])
    maximum = shape.form.maximum == 0 ? nil : start(AdaptiveShape.maximumSlot) ?? second
    mean = shape.form.centering == 0 ? nil : start(AdaptiveShape.meanSlot)
    momentum = (nil, shape.hasMomentum ? start(AdaptiveShape.momentumSlot) : nil)
  }

  /// Takes a step.
  ///
  /// - Parameters:
  ///   - place: The place of the dump after it.
  ///   - gradient: The gradient with coupled decay; nil if it is not known.
  ///   - form: The coefficients.
  /// - Returns: What moves the weights; nil if too little is known.
  mutating func step(
    to place: Int,
    gradient: [Double]?,
    form: AdaptiveForm<Double>
  ) -> Move? {
    func next(
      _ slot: String,
      _ old: [Double]?,
      _ kept: Double,
      _ gain: Double,
      isSquare: Bool = false
    )
      -> [Double]?
    {
      if place >= 0, let dumped = sample.slots[slot]?[place] { return dumped }
      guard let old, let gradient else { return nil }
      return isSquare
        ? old.indices.map { kept * old[$0] + gain * gradient[$0] * gradient[$0] }
        : old.indices.map { kept * old[$0] + gain * gradient[$0] }
    }
    if shape.hasFirst {
      first = next(AdaptiveShape.firstSlot, first, form.firstKept, form.firstGain)
    }
    second = next(shape.secondSlot, second, form.secondKept, form.secondGain, isSquare: true)
    if form.centering != 0 {
      mean = next(AdaptiveShape.meanSlot, mean, form.secondKept, form.secondGain)
    }
    if form.maximum != 0 {
      let dumped = place >= 0 ? sample.slots[AdaptiveShape.maximumSlot]?[place] : nil
      maximum =
        dumped
        ?? second.map { second in
          let old = maximum ?? second
          return second.indices.map { max(old[$0], second[$0]) }
        }
    }
    let move = move(form, gradient: gradient)
    if shape.hasMomentum {
      momentum.old = momentum.new
      let dumped = place >= 0 ? sample.slots[AdaptiveShape.momentumSlot]?[place] : nil
      momentum.new =
        dumped
        ?? momentum.old.flatMap { old in
          move.map { move in
            old.indices.map { form.momentum * old[$0] + form.insideRate * move.quotients[$0] }
          }
        }
    }
    return move
  }

  /// The gradient that a dumped mean or sum of squares took in: its size from there, its direction from
  /// where the weight went.
  ///
  /// - Parameters:
  ///   - place: The place of the dump after the step.
  ///   - form: The coefficients.
  /// - Returns: The gradient with coupled decay; nil if squares do not show it.
  func gradient(to place: Int, form: AdaptiveForm<Double>) -> [Double]? {
    guard place > 0, form.gradientShare != 0, !shape.hasMomentum, form.secondGain > 0,
      let new = sample.slots[shape.secondSlot]?[place], let old = second
    else { return nil }
    return old.indices.map { index in
      let square = (new[index] - form.secondKept * old[index]) / form.secondGain
      let change = sample.weights[place][index] - sample.weights[place - 1][index]
      // Where the old square makes up nearly all of the new one, the difference is rounding.
      guard square * form.secondGain > 1e-3 * new[index] else { return new[index] == 0 ? 0 : .nan }
      return change > 0 ? -square.squareRoot() : square.squareRoot()
    }
  }

  private func move(_ form: AdaptiveForm<Double>, gradient: [Double]?) -> Move? {
    guard let second, form.maximum == 0 || maximum != nil, form.centering == 0 || mean != nil,
      form.firstShare == 0 || first != nil, form.gradientShare == 0 || gradient != nil
    else { return nil }
    let square = form.maximum == 0 ? second : maximum ?? second
    var move = Move(quotients: [], amplification: [], largestRoot: 0)
    move.quotients.reserveCapacity(square.count)
    move.amplification.reserveCapacity(square.count)
    for index in square.indices {
      var above = 0.0
      if let first, form.firstShare != 0 { above += form.firstShare * first[index] }
      if let gradient, form.gradientShare != 0 { above += form.gradientShare * gradient[index] }
      var below = square[index]
      if let mean, form.centering != 0 { below -= form.centering * mean[index] * mean[index] }
      move.amplification.append(below > 0 ? square[index] / below : 1)
      if below > move.largestRoot { move.largestRoot = below }
      below += form.epsilonInside
      let isVague = below <= 0 || (square[index] < sample.smallestSquare && square[index] > 0)
      let divisor = below > 0 ? below.squareRoot() + form.epsilonOutside : form.epsilonOutside
      let isIdle = above == 0 && square[index] == 0
      move.quotients.append(isIdle ? 0 : isVague ? .nan : above / divisor)
    }
    move.largestRoot = move.largestRoot.squareRoot()
    return move
  }
}
