import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import Testing

@testable import FlywheelTrain

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A network in training against the same mathematics in plain loops over doubles.
@Suite struct NetworkTests {
  /// No number is zero, and weights and biases have their own.
  private static let weights = SGDForm(
    a: 0.9,
    b: -0.35,
    c: 0.021,
    d: 0.77,
    f: -0.13,
    h: -0.0055
  )
  private static let biases = SGDForm(a: 0.8, b: -0.45, c: -0.017, d: 0.66, f: -0.21, h: 0.0044)
  private static let rule = ResolvedRule(forms: .sgd([weights, biases]), clipping: nil)

  // MARK: - Steps

  @Test(arguments: Activation.allCases, Loss.allCases)
  func `steps are those of the plain mathematics`(activation: Activation, loss: Loss) throws {
    let images = SampleBatches<Double>(try Samples.images(), Samples.normalization)
    for layers in [[6, 3], [6, 5, 3], [6, 17, 4, 3]] {
      let shape = try NetworkShape(layers: layers, activation: activation, loss: loss)
      let network = try network(Double.self, shape, batchSize: 8)
      var plain = PlainNetwork(network)
      for batch in [0..<8, 3..<4, 8..<13, 20..<23] {
        let measure = network.step(images, order: batch, rule: Self.rule)
        let expected = plain.step(batch, Self.weights, Self.biases)
        #expect(measure.samples == batch.count)
        #expect(measure.hits == expected.hits)
        #expect(abs(measure.loss - expected.loss) <= 1e-12)
        #expect(plain.distance(to: network) <= 1e-12)
      }
    }
  }

  @Test(arguments: Activation.allCases, Loss.allCases)
  func `steps in single precision are the same but for rounding`(
    activation: Activation,
    loss: Loss
  ) throws {
    let shape = try NetworkShape(layers: [6, 17, 4, 3], activation: activation, loss: loss)
    let network = try network(Float.self, shape, batchSize: 8)
    var plain = PlainNetwork(network)
    let images = SampleBatches<Float>(try Samples.images(), Samples.normalization)
    for batch in [0..<8, 3..<4] {
      let measure = network.step(images, order: batch, rule: Self.rule)
      let expected = plain.step(batch, Self.weights, Self.biases)
      #expect(measure.hits == expected.hits)
      #expect(abs(measure.loss - expected.loss) <= 1e-4)
      #expect(plain.distance(to: network) <= 1e-5)
    }
  }

  @Test(arguments: Loss.allCases)
  func `a step takes pixels and labels in the order of the epoch`(loss: Loss) throws {
    let shape = try NetworkShape(layers: [6, 5, 3], activation: .tanh, loss: loss)
    let network = try network(Double.self, shape, batchSize: 8)
    var plain = PlainNetwork(network)
    var images = SampleBatches<Double>(try Samples.images(), Samples.normalization)
    let order = (0..<UInt32(Samples.count)).map { $0 * 7 % UInt32(Samples.count) }
    images.reorder(order)
    for batch in [0..<8, 15..<23] {
      let measure = network.step(images, order: batch, rule: Self.rule)
      let samples = order[batch].map(Int.init)
      let expected = plain.step(samples, Self.weights, Self.biases)
      #expect(measure.hits == expected.hits)
      #expect(abs(measure.loss - expected.loss) <= 1e-12)
      #expect(plain.distance(to: network) <= 1e-12)
    }
  }

  // MARK: - Stored gradients

  /// The gradients of all parameters before a step, by a form that leaves them in the buffers.
  private func gradients(
    _ images: SampleBatches<Double>,
    _ network: Network<Double>
  ) throws -> [[Double]] {
    let probe = SGDForm<Double>(a: 0, b: 1, c: 0, d: 0, f: 0, h: 0)
    _ = network.step(
      images,
      order: 0..<8,
      rule: ResolvedRule(forms: .sgd([probe, probe]), clipping: nil)
    )
    return try network.parameters.map { parameter in
      try #require(parameter.velocity).plainRows.flatMap { $0 }
    }
  }

  @Test(arguments: [1e-3, 0.05, 1e6])
  func `a clipped step is one with gradients scaled to the norm`(norm: Double) throws {
    let images = SampleBatches<Double>(try Samples.images(), Samples.normalization)
    let shape = try NetworkShape(layers: [6, 5, 3], activation: .tanh, loss: .softmaxCrossEntropy)
    let clipping = try GradientClipping(maximumNorm: norm)
    let gradients = try gradients(images, network(Double.self, shape, batchSize: 8))
    let found = gradients.joined().reduce(0) { $0 + $1 * $1 }.squareRoot()
    let factor = min(1, norm / (found + 1e-6))
    let clipped = try network(Double.self, shape, batchSize: 8) { $0.clipping = clipping }
    let scaled = try network(Double.self, shape, batchSize: 8)
    var rule = Self.rule
    rule.clipping = clipping
    _ = clipped.step(images, order: 0..<8, rule: rule)
    let forms = [Self.weights, Self.biases].map { form in
      var form = form
      form.b *= factor
      form.f *= factor
      return form
    }
    _ = scaled.step(images, order: 0..<8, rule: ResolvedRule(forms: .sgd(forms), clipping: nil))
    #expect(PlainNetwork(scaled).distance(to: clipped) <= 1e-14)
    // Nothing is changed by what is not too long.
    if factor == 1 { #expect(PlainNetwork(scaled).distance(to: clipped) == 0) }
  }

  @Test func `an adaptive step takes every parameter by its group's numbers`() throws {
    let images = SampleBatches<Double>(try Samples.images(), Samples.normalization)
    let shape = try NetworkShape(layers: [6, 5, 3], activation: .tanh, loss: .squaredError)
    let gradients = try gradients(images, network(Double.self, shape, batchSize: 8))
    let adam = try network(Double.self, shape, batchSize: 8) { configuration in
      try configuration.use(.adaptive(.adam), Hyperparameters([.epsilon: .number(0.5)]))
      configuration.groups = [
        ParameterGroupOverride(
          parameters: ["layers.1.*"],
          hyperparameters: Hyperparameters([.amsgrad: .flag(true), .learningRate: .number(0.5)])
        )
      ]
    }
    let before = adam.parameters.map { $0.value.plainRows.flatMap { $0 } }
    let hyperparameters = try UpdateRule.adaptive(.adam).completed(
      Hyperparameters([.epsilon: .number(0.5)])
    )
    let forms = [0.001, 0.5].flatMap { rate in
      var group = hyperparameters
      group.learningRate = rate
      let form = AdaptiveRule.adam.resolve(
        group,
        sizes: TrainingSizes(batch: 8, training: 23),
        step: 1,
        isWeight: true
      )
      return [form, form]
    }
    _ = adam.step(images, order: 0..<8, rule: ResolvedRule(forms: .adaptive(forms), clipping: nil))
    for (index, parameter) in adam.parameters.enumerated() {
      let isSecond = index >= 2
      #expect(parameter.group == (isSecond ? 1 : 0))
      let slots = ["exp_avg", "exp_avg_sq"] + (isSecond ? ["max_exp_avg_sq"] : [])
      #expect(parameter.slots.map { $0.key } == slots)
      // The first step of Adam: both corrections cancel what moments keep.
      let rate = isSecond ? 0.5 : 0.001
      let after = parameter.value.plainRows.flatMap { $0 }
      for (place, g) in gradients[index].enumerated() {
        #expect(abs(after[place] - (before[index][place] - rate * g / (abs(g) + 0.5))) <= 1e-14)
      }
    }
  }

  // MARK: - The gradient

  @Test(arguments: Activation.allCases, Loss.allCases)
  func `the gradient is that of the mean loss, by finite differences`(
    activation: Activation,
    loss: Loss
  ) throws {
    let shape = try NetworkShape(layers: [6, 5, 4, 3], activation: activation, loss: loss)
    let network = try network(Double.self, shape, batchSize: Samples.count)
    let before = PlainNetwork(network)
    let images = SampleBatches<Double>(try Samples.images(), Samples.normalization)
    // This form leaves the gradient in the buffer, and the weights where they are.
    let probe = SGDForm<Double>(a: 0, b: 1, c: 0, d: 0, f: 0, h: 0)
    _ = network.step(
      images,
      order: 0..<Samples.count,
      rule: ResolvedRule(forms: .sgd([probe, probe]), clipping: nil)
    )
    for (layer, plain) in zip(network.layers, before.layers) {
      #expect(layer.weight.value.distance(to: plain.weight) == 0)
      #expect(layer.bias.value.distance(to: [plain.bias]) == 0)
      for parameter in [layer.weight, layer.bias] {
        let matrix = parameter.value
        let gradient = try #require(parameter.velocity).plainRows
        for (row, values) in gradient.enumerated() {
          for (column, value) in values.enumerated() {
            let difference = centralDifference(network, images, matrix, row, column)
            #expect(abs(value - difference) <= 1e-6)
          }
        }
      }
    }
  }

  /// The slope of the mean loss along one parameter, which is left as it was.
  private func centralDifference(
    _ network: Network<Double>,
    _ images: SampleBatches<Double>,
    _ matrix: PaddedMatrix<Double>,
    _ row: Int,
    _ column: Int
  ) -> Double {
    let place = row * matrix.stride + column
    let value = unsafe matrix.base[place]
    let distance = 1e-5
    unsafe matrix.base[place] = value + distance
    let above = network.evaluate(images).meanLoss
    unsafe matrix.base[place] = value - distance
    let below = network.evaluate(images).meanLoss
    unsafe matrix.base[place] = value
    return (above - below) / (2 * distance)
  }

  // MARK: - Evaluation

  @Test(arguments: Activation.allCases, Loss.allCases)
  func `evaluating measures what a step measures before it steps, and changes nothing`(
    activation: Activation,
    loss: Loss
  ) throws {
    let shape = try NetworkShape(layers: [6, 5, 3], activation: activation, loss: loss)
    let network = try network(Double.self, shape, batchSize: Samples.count)
    let before = PlainNetwork(network)
    let images = SampleBatches<Double>(try Samples.images(), Samples.normalization)
    let evaluated = network.evaluate(images)
    #expect(before.distance(to: network) == 0)
    let stepped = network.step(images, order: 0..<Samples.count, rule: Self.rule)
    #expect(evaluated.loss == stepped.loss)
    #expect(evaluated.hits == stepped.hits)
    #expect(evaluated.samples == stepped.samples)
    #expect(network.evaluate(images).loss != stepped.loss)
  }

  // A network takes 128 samples at once, or a batch if that is more.
  @Test(arguments: [1, 127, 128, 129, 256, 257, 300], [1, 128, 129, 299, 301])
  func `more samples than fit at once are measured in parts`(
    count: Int,
    batchSize: Int
  ) throws {
    for loss in Loss.allCases {
      let shape = try NetworkShape(layers: [6, 5, 3], activation: .sigmoid, loss: loss)
      let network = try network(Double.self, shape, batchSize: batchSize)
      let plain = PlainNetwork(network)
      let measure = network.evaluate(
        SampleBatches<Double>(try Samples.images(count), Samples.normalization)
      )
      let expected = plain.measure(Array(0..<count))
      #expect(measure.samples == count)
      #expect(measure.hits == expected.hits)
      #expect(abs(measure.loss - expected.loss) <= 1e-11)
      #expect(measure.accuracy == Double(expected.hits) / Double(count))
      #expect(abs(measure.meanLoss - expected.loss / Double(count)) <= 1e-12)
    }
  }

  @Test func `the samples have right and wrong guesses, so that hits say something`() throws {
    for loss in Loss.allCases {
      let shape = try NetworkShape(layers: [6, 5, 3], activation: .sigmoid, loss: loss)
      let network = try network(Double.self, shape, batchSize: 8)
      let hits = network.evaluate(
        SampleBatches<Double>(try Samples.images(), Samples.normalization)
      ).hits
      #expect(hits > 0 && hits < Samples.count)
    }
  }

  // MARK: - Parameters in and out

  @Test(arguments: [1, 15, 16, 17], [1, 3])
  func `a matrix gives back the tensor that it took, and keeps its pad`(
    columns: Int,
    rows: Int
  ) throws {
    let elements = (0..<rows * columns).map { Float($0) + 0.5 }
    let shape = try Shape([rows, columns])
    let matrix = try PaddedMatrix<Float>(rows: rows, columns: columns)
    try matrix.load(Tensor(elements, shape: shape))
    let tensor = try matrix.tensor(shape: shape)
    #expect(tensor.shape == shape)
    #expect(try tensor.elements() == elements)
    #expect(matrix.plainRows.flatMap { $0 } == elements.map(Double.init))
    for row in 0..<rows {
      for column in columns..<matrix.stride {
        #expect(unsafe matrix.base[row * matrix.stride + column] == 0)
      }
    }
  }

  @Test func `a matrix takes no tensor of another size or type`() throws {
    let matrix = try PaddedMatrix<Float>(rows: 2, columns: 3)
    for tensor in [
      try Tensor([Float](repeating: 1, count: 8), shape: Shape([2, 4])),
      try Tensor([Float](repeating: 1, count: 3), shape: Shape([1, 3])),
      try Tensor([Double](repeating: 1, count: 6), shape: Shape([2, 3])),
      try Tensor([Int32](repeating: 1, count: 6), shape: Shape([2, 3])),
    ] {
      let error = #expect(throws: FlywheelError.self) { try matrix.load(tensor) }
      #expect(error?.code == .mismatch)
      #expect(matrix.plainRows == [[0, 0, 0], [0, 0, 0]])
    }
  }

  // MARK: - Setting up

  /// A network whose parameters and buffers are all in general position.
  private func network<Scalar: TrainingScalar>(
    _ type: Scalar.Type,
    _ shape: NetworkShape,
    batchSize: Int,
    _ configure: (inout TrainingConfiguration) throws -> Void = { _ in }
  ) throws -> Network<Scalar> {
    var configuration = try TrainingConfiguration()
    configuration.network = shape
    try configure(&configuration)
    let plan = try OptimizerPlan(configuration)
    let network = try Network<Scalar>(shape: shape, plan: plan, batchSize: batchSize)
    var random = Philox(seed: 11, stream: 0)
    network.initialize(.network2, from: &random)
    for parameter in network.parameters {
      parameter.velocity?.fill { random.normal() / 4 }
    }
    return network
  }
}

/// Images of 2 by 3 pixels in 3 classes.
private enum Samples {
  /// As many as most tests take.
  static let count = 23
  static let labels = (0..<300).map { UInt8($0 * 5 % 7 % 3) }
  static let pixels: [UInt8] = {
    var random = Philox(seed: 6, stream: 0)
    return (0..<6 * labels.count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }()

  static let normalization = Normalization(scale: 1.0 / 255)

  static func images(_ count: Int = count) throws -> LabelledSamples {
    try LabelledSamples(
      values: try Tensor(Array(pixels[..<(6 * count)]), shape: try Shape([count, 3, 2])),
      labels: labels[..<count].map { UInt16($0) },
      classCount: 3,
      storedType: .uint8,
      checksum: 0
    )
  }
}

// MARK: - The plain mathematics

extension PaddedMatrix {
  fileprivate var plainRows: [[Double]] {
    (0..<rows).map { row in
      (0..<columns).map { unsafe Double(base[row * stride + $0]) }
    }
  }

  /// The greatest difference of an element; infinite if one of them is NaN.
  fileprivate func distance(to plain: [[Double]]) -> Double {
    zip(plainRows.joined(), plain.joined())
      .map { abs($0 - $1) }
      .reduce(0) { $0 >= $1 ? $0 : $1.isNaN ? .infinity : $1 }
  }
}

private struct PlainLayer {
  var weight: [[Double]]
  var bias: [Double]
  var weightVelocity: [[Double]]
  var biasVelocity: [Double]
}

private struct PlainNetwork {
  let shape: NetworkShape
  var layers: [PlainLayer]

  init<Scalar: TrainingScalar>(_ network: Network<Scalar>) {
    shape = network.shape
    layers = network.layers.map { layer in
      PlainLayer(
        weight: layer.weight.value.plainRows,
        bias: layer.bias.value.plainRows[0],
        weightVelocity: layer.weight.velocity?.plainRows ?? [],
        biasVelocity: layer.bias.velocity?.plainRows[0] ?? []
      )
    }
  }

  /// The greatest difference of a parameter or buffer.
  func distance<Scalar: TrainingScalar>(to network: Network<Scalar>) -> Double {
    zip(layers, network.layers)
      .flatMap { plain, layer in
        [
          layer.weight.value.distance(to: plain.weight),
          layer.bias.value.distance(to: [plain.bias]),
          layer.weight.velocity?.distance(to: plain.weightVelocity) ?? 0,
          layer.bias.velocity?.distance(to: [plain.biasVelocity]) ?? 0,
        ]
      }
      .reduce(0, max)
  }

  /// The outputs of all layers for one sample, the pixels first; the last are logits.
  private func outputs(_ sample: Int) -> [[Double]] {
    var outputs = [Samples.pixels[6 * sample..<6 * sample + 6].map { Double($0) / 255 }]
    for (index, layer) in layers.enumerated() {
      let input = outputs[index]
      outputs.append(
        zip(layer.weight, layer.bias).map { row, bias in
          let sum = zip(row, input).reduce(bias) { $0 + $1.0 * $1.1 }
          return index == layers.count - 1 ? sum : activate(sum)
        }
      )
    }
    return outputs
  }

  private func activate(_ z: Double) -> Double {
    switch shape.activation {
    case .sigmoid: 1 / (1 + exp(-z))
    case .tanh: tanh(z)
    case .relu: max(0, z)
    }
  }

  private func slope(at activation: Double) -> Double {
    switch shape.activation {
    case .sigmoid: activation * (1 - activation)
    case .tanh: 1 - activation * activation
    case .relu: activation > 0 ? 1 : 0
    }
  }

  /// The loss of one sample, and its derivative along each logit.
  private func loss(_ logits: [Double], _ label: Int) -> (loss: Double, delta: [Double]) {
    let target = logits.indices.map { $0 == label ? 1.0 : 0 }
    switch shape.loss {
    case .sigmoidCrossEntropy:
      let outputs = logits.map { 1 / (1 + exp(-$0)) }
      let losses = zip(outputs, target).map { $1 == 1 ? -log($0) : -log1p(-$0) }
      return (losses.reduce(0, +), zip(outputs, target).map { $0 - $1 })
    case .softmaxCrossEntropy:
      let sum = logits.reduce(0) { $0 + exp($1) }
      let outputs = logits.map { exp($0) / sum }
      return (-log(outputs[label]), zip(outputs, target).map { $0 - $1 })
    case .squaredError:
      let errors = zip(logits, target).map { $0 - $1 }
      return (errors.reduce(0) { $0 + $1 * $1 / 2 }, errors)
    case .sigmoidSquaredError:
      let outputs = logits.map { 1 / (1 + exp(-$0)) }
      let errors = zip(outputs, target).map { $0 - $1 }
      let deltas = zip(errors, outputs).map { $0 * $1 * (1 - $1) }
      return (errors.reduce(0) { $0 + $1 * $1 / 2 }, deltas)
    }
  }

  func measure(_ samples: [Int]) -> (loss: Double, hits: Int) {
    var total = (loss: 0.0, hits: 0)
    for sample in samples {
      let logits = outputs(sample)[layers.count]
      let label = Int(Samples.labels[sample])
      total.loss += loss(logits, label).loss
      if logits.firstIndex(of: logits.max() ?? 0) == label { total.hits += 1 }
    }
    return total
  }

  mutating func step(
    _ batch: Range<Int>,
    _ weights: SGDForm<Double>,
    _ biases: SGDForm<Double>
  ) -> (loss: Double, hits: Int) {
    step(Array(batch), weights, biases)
  }

  mutating func step(
    _ samples: [Int],
    _ weights: SGDForm<Double>,
    _ biases: SGDForm<Double>
  ) -> (loss: Double, hits: Int) {
    let measured = measure(samples)
    var weightGradients = layers.map { $0.weight.map { $0.map { _ in 0.0 } } }
    var biasGradients = layers.map { $0.bias.map { _ in 0.0 } }
    for sample in samples {
      let outputs = outputs(sample)
      var delta = loss(outputs[layers.count], Int(Samples.labels[sample])).delta
      for index in layers.indices.reversed() {
        let input = outputs[index]
        for row in delta.indices {
          let share = delta[row] / Double(samples.count)
          biasGradients[index][row] += share
          for column in input.indices {
            weightGradients[index][row][column] += share * input[column]
          }
        }
        let weight = layers[index].weight
        delta = input.indices.map { column in
          let sum = delta.indices.reduce(0) { $0 + delta[$1] * weight[$1][column] }
          return sum * slope(at: input[column])
        }
      }
    }
    for index in layers.indices {
      var layer = layers[index]
      for row in layer.bias.indices {
        let gradient = biasGradients[index][row]
        biases.step(&layer.bias[row], &layer.biasVelocity[row], gradient)
        for column in layer.weight[row].indices {
          weights.step(
            &layer.weight[row][column],
            &layer.weightVelocity[row][column],
            weightGradients[index][row][column]
          )
        }
      }
      layers[index] = layer
    }
    return measured
  }
}

extension SGDForm<Double> {
  fileprivate func step(_ w: inout Double, _ v: inout Double, _ g: Double) {
    v = a * v + b * g + c * w
    w += d * v + f * g + h * w
  }
}
