import FlywheelCore
import FlywheelOptim

/// A multi-layer perceptron in training: its layers, its buffers, and one step of its optimizer.
///
/// Nothing is allocated after `init`.
final class Network<Scalar: TrainingScalar> {
  let shape: NetworkShape
  let layers: [DenseLayer<Scalar>]
  /// The batch at hand, `[batch, inputs]`.
  private let input: PaddedMatrix<Scalar>
  private let batchCapacity: Int

  /// What a pass over samples measured: sums, so that passes add up.
  struct Measure {
    var loss = 0.0
    var hits = 0
    var samples = 0

    var meanLoss: Double { loss / Double(samples) }
    var accuracy: Double { Double(hits) / Double(samples) }

    mutating func add(_ other: Measure) {
      loss += other.loss
      hits += other.hits
      samples += other.samples
    }
  }

  /// A network of zeros, to be trained in batches of `batchSize` and evaluated in larger ones.
  ///
  /// - Parameters:
  ///   - shape: The architecture.
  ///   - plan: What the optimizer needs; its parameters are the architecture's.
  ///   - batchSize: The size of the batches that are trained on.
  /// - Throws: `limitExceeded` if there is no memory for it.
  init(shape: NetworkShape, plan: OptimizerPlan, batchSize: Int) throws(FlywheelError) {
    let parameters = try shape.parameters()
    let groups = plan.grouping.groups
    precondition(groups.count == parameters.count, "a plan is for all parameters of its network")
    // Larger batches mean fewer passes over the weights.
    let batchCapacity = max(batchSize, 128)
    self.shape = shape
    self.batchCapacity = batchCapacity
    var layers: [DenseLayer<Scalar>] = []
    for index in stride(from: 0, to: parameters.count, by: 2) {
      layers.append(
        try DenseLayer(
          weight: (parameters[index], groups[index]),
          bias: (parameters[index + 1], groups[index + 1]),
          plan: plan,
          batchSize: batchSize,
          batchCapacity: batchCapacity
        )
      )
    }
    self.layers = layers
    input = try PaddedMatrix(rows: batchCapacity, columns: shape.layers[0])
  }

  /// Draws all weights and biases, layer by layer, each layer's weights row by row before its biases.
  func initialize(_ initialization: Initialization, from random: inout Philox) {
    for layer in layers {
      let fans = (layer.inputs, layer.outputs)
      layer.weight.value.fill { initialization.weight(fans: fans, from: &random) }
      layer.bias.value.fill { initialization.bias(fans: fans, from: &random) }
    }
  }

  /// All parameters, in the order of `NetworkShape.parameters`.
  var parameters: [NetworkParameter<Scalar>] { layers.flatMap { [$0.weight, $0.bias] } }

  /// One step of the optimizer on a mini-batch.
  ///
  /// - Parameters:
  ///   - samples: The data that `order` points into.
  ///   - order: The samples of this batch.
  ///   - rule: The numbers of this step.
  /// - Returns: Loss and hits before the step.
  func step(
    _ samples: SampleBatches<Scalar>,
    order: Range<Int>,
    rule: ResolvedRule
  ) -> Measure {
    let measure = measure(samples, order: order)
    let batch = order.count
    for index in layers.indices.reversed() {
      let layer = layers[index]
      let below = index == 0 ? input : layers[index - 1].output
      if index > 0 {
        let lower = layers[index - 1]
        // The deltas below need this layer's weights from before the step.
        layer.backward(into: lower.delta, batch: batch)
        unsafe Scalar.kernels.deactivate(
          shape.activation,
          lower.output.base,
          lower.output.stride,
          lower.delta.base,
          lower.delta.stride,
          batch,
          lower.outputs
        )
      }
      layer.update(below, batch: batch, rule: rule)
    }
    if let clipping = rule.clipping { clippedStep(rule, clipping) }
    return measure
  }

  /// Takes the step from stored gradients, their norm over all parameters together clipped.
  private func clippedStep(_ rule: ResolvedRule, _ clipping: GradientClipping) {
    var sum = 0.0
    for layer in layers {
      sum += layer.weight.squaredGradientNorm
      sum += layer.bias.squaredGradientNorm
    }
    let scale = clipping.factor(norm: sum.squareRoot())
    for layer in layers {
      layer.weight.step(rule, scale: scale)
      layer.bias.step(rule, scale: scale)
    }
  }

  /// Loss and hits on a range of samples of any size.
  func evaluate(_ samples: SampleBatches<Scalar>) -> Measure {
    var total = Measure()
    var start = 0
    while start < samples.count {
      let end = min(start + batchCapacity, samples.count)
      total.add(measure(samples, order: start..<end))
      start = end
    }
    return total
  }

  /// The forward pass; leaves the output layer's deltas of the mean loss.
  private func measure(_ samples: SampleBatches<Scalar>, order: Range<Int>) -> Measure {
    let batch = order.count
    samples.gather(order, into: input)
    var below = input
    for layer in layers.dropLast() {
      layer.forward(below, into: layer.output, batch: batch)
      unsafe Scalar.kernels.activate(
        shape.activation,
        layer.output.base,
        layer.output.stride,
        batch,
        layer.outputs
      )
      below = layer.output
    }
    guard let last = layers.last else { return Measure() }
    last.forward(below, into: last.delta, batch: batch)
    let (loss, hits) = samples.loss(shape.loss, order, logits: last.delta)
    return Measure(loss: loss, hits: hits, samples: batch)
  }
}
