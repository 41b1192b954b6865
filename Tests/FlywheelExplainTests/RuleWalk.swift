import FlywheelCore
import FlywheelExplain
import FlywheelOptim

/// A trainer whose gradients are random, and which dumps all it has before each step.
struct RuleWalk {
  var form: (_ step: Int, _ isWeight: Bool, _ hasBuffer: Bool) -> SGDForm<Double>
  var hasBuffer = true
  var stepCount = 6
  var dtype = DType.float64
  /// What a gradient is made of: the element's place, a random number, its weight.
  var gradient: (_ place: Int, _ noise: Double, _ weight: Double) -> Double = { _, noise, _ in noise
  }
  var shapes = [("W1", [7, 9]), ("b1", [24])]
  private var random = Random()

  /// A rule with numbers of its own for each step.
  init(
    _ rule: SGDRule,
    _ numbers: Hyperparameters,
    sizes: TrainingSizes = .init(batch: 8, training: 400),
    rate: @escaping (Int) -> Double = { _ in 1 }
  ) {
    hasBuffer = rule.keepsBuffer(numbers)
    form = { step, isWeight, hasBuffer in
      var now = numbers
      now.learningRate *= rate(step)
      return rule.resolve(now, sizes: sizes, hasBuffer: hasBuffer, isWeight: isWeight)
    }
  }

  /// One form for all.
  init(_ form: SGDForm<Double>) {
    self.form = { _, _, _ in form }
  }

  /// Numbers between −1 and 1 that are the same at every test.
  struct Random {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15

    mutating func next() -> Double {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(Int64(bitPattern: state) >> 11) / 0x1p52
    }
  }

  /// What the trainer dumps.
  mutating func dump() throws -> StepDump {
    StepDump(
      series: try shapes.map { name, extents in try series(name, Shape(extents)) }
    )
  }

  /// What the trainer dumps if it dumps its weights alone.
  mutating func idleDump() throws -> StepDump {
    try dump().keeping(gradients: false, velocities: false)
  }

  private mutating func series(_ name: String, _ shape: Shape) throws -> TensorSeries {
    let isWeight = name.hasPrefix("W")
    let count = shape.elementCount
    var w = (0..<count).map { _ in rounded(0.3 * random.next()) }
    var v: [Double]?
    var series = TensorSeries(name: name, isWeight: isWeight, weights: [])
    for step in 0..<stepCount {
      let g = w.enumerated().map { rounded(gradient($0, 0.2 * random.next(), $1)) }
      series.weights.append(try tensor(w, shape))
      series.gradients.append(try tensor(g, shape))
      series.velocities.append(try hasBuffer ? v.map { try tensor($0, shape) } : nil)
      let form = form(step, isWeight, v != nil)
      var next = v ?? w.map { _ in 0 }
      for index in w.indices {
        let old = next[index]
        next[index] = sum([(form.a, old), (form.b, g[index]), (form.c, w[index])])
        let change = sum([
          (form.d, next[index]), (form.e, old), (form.f, g[index]), (form.h, w[index]),
        ])
        w[index] = rounded(w[index] + change)
      }
      v = next
    }
    return series
  }

  /// A sum as the trainer's type has it, rounded after each operation.
  private func sum(_ terms: [(Double, Double)]) -> Double {
    terms.reduce(0) { rounded($0 + rounded(rounded($1.0) * $1.1)) }
  }

  private func rounded(_ value: Double) -> Double {
    switch dtype {
    case .float32: Double(Float(value))
    default: value
    }
  }

  private func tensor(_ values: [Double], _ shape: Shape) throws -> Tensor {
    try Tensor(values, shape: shape).converted(to: dtype)
  }
}

extension StepDump {
  /// The same without some of the arrays.
  func keeping(gradients: Bool, velocities: Bool) -> StepDump {
    var other = self
    for place in series.indices {
      if !gradients { other.series[place].gradients = [] }
      if !velocities { other.series[place].velocities = [] }
    }
    return other
  }
}
