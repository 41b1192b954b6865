import FlywheelCore
import FlywheelOptim

/// A fully connected layer: its two parameters, and the activations of the batch at hand.
final class DenseLayer<Scalar: TrainingScalar> {
  let inputs: Int
  let outputs: Int
  /// `[outputs, inputs]`.
  let weight: NetworkParameter<Scalar>
  /// `[1, outputs]`.
  let bias: NetworkParameter<Scalar>
  /// What a hidden layer puts out, `[batch, outputs]`: sums, then activations.
  let output: PaddedMatrix<Scalar>
  /// The loss's gradient with respect to the layer's sums, `[batch, outputs]`.
  let delta: PaddedMatrix<Scalar>
  private let product: DenseProduct<Scalar>

  /// A layer of zeros.
  ///
  /// - Parameters:
  ///   - weight: What the weight is, and the group it is in.
  ///   - bias: The same for the bias.
  ///   - plan: What the optimizer needs.
  ///   - batchSize: The size of the batches that are trained on.
  ///   - batchCapacity: The size of the largest batch.
  /// - Throws: `limitExceeded` if there is no memory for it.
  init(
    weight: (shape: ParameterShape, group: Int),
    bias: (shape: ParameterShape, group: Int),
    plan: OptimizerPlan,
    batchSize: Int,
    batchCapacity: Int
  ) throws(FlywheelError) {
    outputs = weight.shape.shape.extents[0]
    inputs = weight.shape.shape.extents[1]
    product = .suited(inputs: inputs, outputs: outputs, batchSize: batchSize)
    self.weight = try NetworkParameter(
      weight.shape,
      group: weight.group,
      plan: plan,
      storesGradient: plan.storesGradients || product.update == nil
    )
    self.bias = try NetworkParameter(
      bias.shape,
      group: bias.group,
      plan: plan,
      storesGradient: plan.storesGradients
    )
    output = try PaddedMatrix(rows: batchCapacity, columns: outputs)
    delta = try PaddedMatrix(rows: batchCapacity, columns: outputs)
  }

  /// Computes the sums of the first `batch` rows.
  func forward(_ input: PaddedMatrix<Scalar>, into sums: PaddedMatrix<Scalar>, batch: Int) {
    product.forward(input, self, sums, batch)
  }

  /// Computes the gradient with respect to the layer's input.
  func backward(into inputDelta: PaddedMatrix<Scalar>, batch: Int) {
    product.backward(self, inputDelta, batch)
  }

  /// Takes the optimizer's step from the first `batch` rows of `delta`; if gradients are to be clipped,
  /// stores them instead: the network then takes the step of all layers together.
  func update(_ input: PaddedMatrix<Scalar>, batch: Int, rule: ResolvedRule) {
    if case .sgd(let forms) = rule.forms, weight.gradient == nil, let update = product.update {
      update(input, self, batch, forms[weight.place])
    } else {
      product.gradient(input, self, batch)
      if rule.clipping == nil { weight.step(rule, scale: 1) }
    }
    if case .sgd(let forms) = rule.forms, bias.gradient == nil {
      unsafe Scalar.kernels.updateBias(
        delta.base,
        delta.stride,
        bias.value.base,
        bias.velocity?.base,
        batch,
        outputs,
        forms[bias.place]
      )
    } else if let gradient = bias.gradient {
      unsafe Scalar.kernels.biasGradient(delta.base, delta.stride, gradient.base, batch, outputs)
      if rule.clipping == nil { bias.step(rule, scale: 1) }
    }
  }
}
