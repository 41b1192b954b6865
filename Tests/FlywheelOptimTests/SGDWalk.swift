import FlywheelOptim

/// Weights and their buffers under an SGD-like rule, step by step.
struct SGDWalk {
  var use: RuleUse { didSet { last = nil } }
  var weights: [Double]
  var buffers: [Double]?
  var lastRate: Double?
  private var last: Resolution?

  init(use: RuleUse, weights: [Double]) {
    (self.use, self.weights) = (use, weights)
  }

  /// A smooth loss's gradients: they depend on the weights, so that an error of one step shows in the next.
  static func gradient(_ weight: Double, _ place: Int, _ step: Int) -> Double {
    let (x, t) = (weight, Double(step) + 0.3 * Double(place))
    // A wave without a library's sine: t mod 2 in [−1, 1), bent.
    let wave = t * 0.37 - (t * 0.37).rounded()
    return 0.4 * x + 0.3 * x / (1 + x * x) + 4 * wave * (0.5 - abs(wave))
  }

  /// Takes a step.
  ///
  /// - Parameters:
  ///   - number: The number of the step, which tells its gradient.
  ///   - rate: The learning rate; nil for that of the use.
  mutating func step(_ number: Int, rate: Double? = nil) {
    let rate = rate ?? use.hyperparameters.learningRate
    guard let resolved = resolution(rate) else { return }
    var n = resolved.form
    if let lastRate, use.hyperparameters.number(.momentumCorrection) != 0 {
      n.a *= resolved.holdsRate ? rate / lastRate : lastRate / rate
    }
    var news = buffers ?? weights.map { _ in 0 }
    for (place, (w, v)) in zip(weights, news).enumerated() {
      let g = Self.gradient(w, place, number)
      let next = n.a * v + n.b * g + n.c * w
      weights[place] += n.d * next + n.f * g + n.h * w
      news[place] = next
    }
    buffers = resolved.keepsBuffer ? news : nil
    lastRate = rate
  }

  /// The coefficients of a step, kept for the next with the same rate.
  private struct Resolution {
    let rate: Double
    let hasBuffer: Bool
    let form: SGDForm<Double>
    let holdsRate: Bool
    let keepsBuffer: Bool
  }

  private mutating func resolution(_ rate: Double) -> Resolution? {
    if let last, last.rate == rate, last.hasBuffer == (buffers != nil) { return last }
    guard case .sgd(let rule) = use.rule, let sizes = use.sizes else { return nil }
    let forms = [rate, 2 * rate].map { rate in
      var numbers = use.hyperparameters
      numbers.learningRate = rate
      return rule.resolve(numbers, sizes: sizes, hasBuffer: buffers != nil, isWeight: use.isWeight)
    }
    last = Resolution(
      rate: rate,
      hasBuffer: buffers != nil,
      form: forms[0].withoutOldBuffer,
      holdsRate: forms[0].b != forms[1].b,
      keepsBuffer: rule.keepsBuffer(use.hyperparameters)
    )
    return last
  }

  /// This, gone over to what a conversion found.
  func converted(_ conversion: RuleConversion) -> SGDWalk {
    var other = self
    other.use = conversion.target
    other.buffers = conversion.buffers.first.map { buffer in
      zip(weights, buffers ?? weights.map { _ in 0 }).map { w, v in
        buffer.map.scale * v + buffer.map.weightShare * w
      }
    }
    let rates = [use, conversion.target].map(\.hyperparameters.learningRate)
    other.lastRate = lastRate.map { $0 * rates[1] / rates[0] }
    return other
  }
}
