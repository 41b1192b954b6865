#if Accelerated
  #if canImport(Glibc)
    import Glibc
  #elseif canImport(Darwin)
    import Darwin
  #endif

  extension DenseProduct {
    /// The products of a large layer through a BLAS.
    static var blas: DenseProduct {
      BLAS.useOneThread
      return DenseProduct(
        forward: { input, layer, sums, batch in
          for row in 0..<batch {
            let target = unsafe sums.base + row * sums.stride
            let bytes = sums.stride * MemoryLayout<Scalar>.stride
            unsafe _ = memcpy(target, layer.bias.value.base, bytes)
          }
          unsafe Scalar.multiply(
            .init(rows: batch, columns: layer.outputs, inner: layer.inputs),
            input.operand(),
            layer.weight.value.operand(transposed: true),
            beta: 1,
            into: sums.base,
            stride: sums.stride
          )
        },
        backward: { layer, inputDelta, batch in
          unsafe Scalar.multiply(
            .init(rows: batch, columns: layer.inputs, inner: layer.outputs),
            layer.delta.operand(),
            layer.weight.value.operand(),
            beta: 0,
            into: inputDelta.base,
            stride: inputDelta.stride
          )
        },
        gradient: { input, layer, batch in
          guard let gradient = layer.weight.gradient else { return }
          unsafe Scalar.multiply(
            .init(rows: layer.outputs, columns: layer.inputs, inner: batch),
            layer.delta.operand(transposed: true),
            input.operand(),
            beta: 0,
            into: gradient.base,
            stride: gradient.stride
          )
        },
        update: nil
      )
    }
  }

  extension PaddedMatrix {
    fileprivate func operand(transposed: Bool = false) -> BLAS.Operand<Scalar> {
      unsafe BLAS.Operand(base: UnsafePointer(base), stride: stride, isTransposed: transposed)
    }
  }
#endif
