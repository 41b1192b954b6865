import FlywheelCore
import FlywheelOptim

/// The three matrix products of a dense layer, by the kernels that suit its size.
///
/// This is the seam of the trait `Accelerated`: with it, large layers go through a BLAS.
struct DenseProduct<Scalar: TrainingScalar> {
  /// Sums of the layer for the first rows of its input.
  let forward:
    (
      _ input: PaddedMatrix<Scalar>, DenseLayer<Scalar>, _ into: PaddedMatrix<Scalar>,
      _ batch: Int
    ) -> Void
  /// Gradient with respect to the input.
  let backward: (DenseLayer<Scalar>, _ into: PaddedMatrix<Scalar>, _ batch: Int) -> Void
  /// Gradient with respect to the weight, into the weight's own.
  let gradient: (_ input: PaddedMatrix<Scalar>, DenseLayer<Scalar>, _ batch: Int) -> Void
  /// The same gradient and a step of SGD with it at once, for which it is never stored; nil if that
  /// cannot be done.
  let update:
    ((_ input: PaddedMatrix<Scalar>, DenseLayer<Scalar>, _ batch: Int, SGDForm<Double>) -> Void)?

  /// The products for a layer of this size, trained in batches of this size.
  static func suited(inputs: Int, outputs: Int, batchSize: Int) -> DenseProduct {
    #if Accelerated
      if BLAS.isWorthwhile(inputs: inputs, outputs: outputs, batchSize: batchSize) { return blas }
    #endif
    return fused
  }

  /// The products by Flywheel's own kernels, with the optimizer's step fused in.
  private static var fused: DenseProduct {
    let kernels = Scalar.kernels
    return DenseProduct(
      forward: { input, layer, sums, batch in
        unsafe kernels.forward(
          input.base,
          input.stride,
          layer.weight.value.base,
          layer.weight.value.stride,
          layer.bias.value.base,
          sums.base,
          sums.stride,
          batch,
          layer.inputs,
          layer.outputs
        )
      },
      backward: { layer, inputDelta, batch in
        unsafe kernels.backward(
          layer.delta.base,
          layer.delta.stride,
          layer.weight.value.base,
          layer.weight.value.stride,
          inputDelta.base,
          inputDelta.stride,
          batch,
          layer.inputs,
          layer.outputs
        )
      },
      gradient: { input, layer, batch in
        guard let gradient = layer.weight.gradient else { return }
        unsafe kernels.gradient(
          input.base,
          input.stride,
          layer.delta.base,
          layer.delta.stride,
          gradient.base,
          gradient.stride,
          batch,
          layer.inputs,
          layer.outputs
        )
      },
      update: { input, layer, batch, form in
        unsafe kernels.update(
          input.base,
          input.stride,
          layer.delta.base,
          layer.delta.stride,
          layer.weight.value.base,
          layer.weight.velocity?.base,
          layer.weight.value.stride,
          batch,
          layer.inputs,
          layer.outputs,
          form
        )
      }
    )
  }
}
