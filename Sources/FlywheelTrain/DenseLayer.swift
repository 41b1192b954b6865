import FlywheelCore
import FlywheelOptim

/// A fully connected layer with its buffers, and the activations of the batch at hand.
final class DenseLayer<Scalar: TrainingScalar> {
  let inputs: Int
  let outputs: Int
  /// `[outputs, inputs]`.
  let weight: PaddedMatrix<Scalar>
  /// `[1, outputs]`.
  let bias: PaddedMatrix<Scalar>
  /// The optimizer's buffer of the weight.
  let weightVelocity: PaddedMatrix<Scalar>
  /// The optimizer's buffer of the bias.
  let biasVelocity: PaddedMatrix<Scalar>
  /// What a hidden layer puts out, `[batch, outputs]`: sums, then activations.
  let output: PaddedMatrix<Scalar>
  /// The loss's gradient with respect to the layer's sums, `[batch, outputs]`.
  let delta: PaddedMatrix<Scalar>
  private let product: DenseProduct<Scalar>

  init(
    inputs: Int,
    outputs: Int,
    batchSize: Int,
    batchCapacity: Int
  ) throws(FlywheelError) {
    self.inputs = inputs
    self.outputs = outputs
    weight = try PaddedMatrix(rows: outputs, columns: inputs)
    bias = try PaddedMatrix(rows: 1, columns: outputs)
    weightVelocity = try PaddedMatrix(rows: outputs, columns: inputs)
    biasVelocity = try PaddedMatrix(rows: 1, columns: outputs)
    output = try PaddedMatrix(rows: batchCapacity, columns: outputs)
    delta = try PaddedMatrix(rows: batchCapacity, columns: outputs)
    product = try .suited(inputs: inputs, outputs: outputs, batchSize: batchSize)
  }

  /// Computes the sums of the first `batch` rows.
  func forward(_ input: PaddedMatrix<Scalar>, into sums: PaddedMatrix<Scalar>, batch: Int) {
    product.forward(input, self, sums, batch)
  }

  /// Computes the gradient with respect to the layer's input.
  func backward(into inputDelta: PaddedMatrix<Scalar>, batch: Int) {
    product.backward(self, inputDelta, batch)
  }

  /// Takes the optimizer's step from the first `batch` rows of `delta`.
  func update(
    _ input: PaddedMatrix<Scalar>,
    batch: Int,
    weights: SGDForm<Double>,
    biases: SGDForm<Double>
  ) {
    product.update(input, self, batch, weights)
    unsafe Scalar.kernels.updateBias(
      delta.base,
      delta.stride,
      bias.base,
      biasVelocity.base,
      batch,
      outputs,
      biases
    )
  }
}
