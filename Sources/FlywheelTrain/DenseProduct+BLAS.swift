#if Accelerated
  import FlywheelCore

  #if canImport(Glibc)
    import Glibc
  #elseif canImport(Darwin)
    import Darwin
  #endif

  extension DenseProduct {
    /// The products of a large layer through a BLAS, with one stored gradient.
    static func blas(inputs: Int, outputs: Int) throws(FlywheelError) -> DenseProduct {
      BLAS.useOneThread
      let gradient = try PaddedMatrix<Scalar>(rows: outputs, columns: inputs)
      return DenseProduct(
        forward: { input, layer, sums, batch in
          for row in 0..<batch {
            let target = unsafe sums.base + row * sums.stride
            let bytes = sums.stride * MemoryLayout<Scalar>.stride
            unsafe _ = memcpy(target, layer.bias.base, bytes)
          }
          unsafe Scalar.multiply(
            .init(rows: batch, columns: layer.outputs, inner: layer.inputs),
            input.operand(),
            layer.weight.operand(transposed: true),
            beta: 1,
            into: sums.base,
            stride: sums.stride
          )
        },
        backward: { layer, inputDelta, batch in
          unsafe Scalar.multiply(
            .init(rows: batch, columns: layer.inputs, inner: layer.outputs),
            layer.delta.operand(),
            layer.weight.operand(),
            beta: 0,
            into: inputDelta.base,
            stride: inputDelta.stride
          )
        },
        update: { input, layer, batch, form in
          unsafe Scalar.multiply(
            .init(rows: layer.outputs, columns: layer.inputs, inner: batch),
            layer.delta.operand(transposed: true),
            input.operand(),
            beta: 0,
            into: gradient.base,
            stride: gradient.stride
          )
          unsafe Scalar.kernels.apply(
            layer.weight.base,
            layer.weightVelocity.base,
            gradient.base,
            gradient.rows * gradient.stride,
            form
          )
        }
      )
    }
  }

  extension PaddedMatrix {
    fileprivate func operand(transposed: Bool = false) -> BLAS.Operand<Scalar> {
      unsafe BLAS.Operand(base: UnsafePointer(base), stride: stride, isTransposed: transposed)
    }
  }
#endif
