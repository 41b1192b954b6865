import CFlywheelKernels
import FlywheelCore
import FlywheelOptim

/// A floating-point type that networks are trained in, with its compiled kernels.
///
/// One generic network serves both precisions; the loops over elements are C, compiled for each type
/// from one source, and are reached through this table once a layer and step, never once an element.
protocol TrainingScalar: BinaryFloatingPoint, TensorElement, SendableMetatype {
  static var kernels: Kernels<Self> { get }
  #if Accelerated
    /// `out = left right + beta out`, by the BLAS.
    static func multiply(
      _ extents: BLAS.Extents,
      _ left: BLAS.Operand<Self>,
      _ right: BLAS.Operand<Self>,
      beta: Self,
      into out: UnsafeMutablePointer<Self>,
      stride: Int
    )
  #endif
}

/// The kernels of one scalar type.
///
/// Matrices are laid out as `PaddedMatrix` says.
@safe struct Kernels<Scalar>: Sendable {
  typealias Input = UnsafePointer<Scalar>
  typealias Output = UnsafeMutablePointer<Scalar>

  /// `z = x wᵀ + bias`: x, stride, w, stride, bias, z, stride, batch, inputs, outputs.
  let forward: @Sendable (Input, Int, Input, Int, Input, Output, Int, Int, Int, Int) -> Void
  /// `dx = delta w`: delta, stride, w, stride, dx, stride, batch, inputs, outputs.
  let backward: @Sendable (Input, Int, Input, Int, Output, Int, Int, Int, Int) -> Void
  /// `g = deltaᵀ x` and the rule, fused: x, stride, delta, stride, w, v, stride, batch, in, out.
  let update:
    @Sendable (
      Input, Int, Input, Int, Output, Output?, Int, Int, Int, Int, SGDForm<Double>
    ) -> Void
  /// The same for a bias: delta, stride, b, v, batch, outputs.
  let updateBias: @Sendable (Input, Int, Output, Output?, Int, Int, SGDForm<Double>) -> Void
  /// The rule for a stored gradient: w, v, g, count.
  let apply: @Sendable (Output, Output?, Input, Int, SGDForm<Double>) -> Void
  /// `g = deltaᵀ x`, stored: x, stride, delta, stride, g, stride, batch, inputs, outputs.
  let gradient: @Sendable (Input, Int, Input, Int, Output, Int, Int, Int, Int) -> Void
  /// The same for a bias: delta, stride, g, batch, outputs.
  let biasGradient: @Sendable (Input, Int, Output, Int, Int) -> Void
  /// An adaptive rule for a stored gradient: w, g, first, second, maximum, mean, momentum, count, and
  /// what the gradient is multiplied by first.
  let adapt:
    @Sendable (
      Output, Input, Output?, Output, Output?, Output?, Output?, Int, AdaptiveForm<Double>, Double
    ) -> Void
  /// The sum of the squares of so many elements.
  let sumOfSquares: @Sendable (Input, Int) -> Double
  /// An activation in place: z, stride, rows, columns.
  let activate: @Sendable (Activation, Output, Int, Int, Int) -> Void
  /// `delta *= activation'`, from the activation: a, stride, delta, stride, rows, columns.
  let deactivate: @Sendable (Activation, Input, Int, Output, Int, Int, Int) -> Void
  /// Logits become deltas: z, stride, labels, batch, classes, scale; the loss and the hits.
  let loss: @Sendable (Loss, Output, Int, UnsafePointer<UInt16>, Int, Int, Scalar) -> (Double, Int)
  /// Bytes become inputs: samples, size, order, batch, factor, offset, x, stride.
  let gatherBytes:
    @Sendable (
      UnsafePointer<UInt8>, Int, UnsafePointer<UInt32>, Int, Scalar, Scalar, Output, Int
    ) -> Void
  /// Numbers become inputs: samples, size, order, batch, x, stride.
  let gatherRows: @Sendable (Input, Int, UnsafePointer<UInt32>, Int, Output, Int) -> Void
}

extension Float: TrainingScalar {
  static let kernels = unsafe Kernels<Float>(
    forward: fw_dense_forward_f32,
    backward: fw_dense_backward_f32,
    update: { x, xs, delta, ds, w, v, ws, batch, inputs, outputs, form in
      var numbers = fw_sgd_coefficients_f32(form)
      unsafe fw_dense_update_f32(x, xs, delta, ds, w, v, ws, batch, inputs, outputs, &numbers)
    },
    updateBias: { delta, ds, b, v, batch, outputs, form in
      var numbers = fw_sgd_coefficients_f32(form)
      unsafe fw_bias_update_f32(delta, ds, b, v, batch, outputs, &numbers)
    },
    apply: { w, v, g, count, form in
      var numbers = fw_sgd_coefficients_f32(form)
      unsafe fw_update_f32(w, v, g, count, &numbers)
    },
    gradient: fw_dense_gradient_f32,
    biasGradient: fw_bias_gradient_f32,
    adapt: { w, g, first, second, maximum, mean, momentum, count, form, scale in
      var numbers = fw_adaptive_coefficients_f32(form, scale)
      var buffers = unsafe fw_adaptive_buffers_f32(
        first: first,
        second: second,
        maximum: maximum,
        mean: mean,
        momentum: momentum
      )
      unsafe fw_adaptive_update_f32(w, g, &buffers, count, &numbers)
    },
    sumOfSquares: fw_sum_of_squares_f32,
    activate: { activation, z, stride, rows, columns in
      switch activation {
      case .sigmoid: unsafe fw_sigmoid_f32(z, stride, rows, columns)
      case .tanh: unsafe fw_tanh_f32(z, stride, rows, columns)
      case .relu: unsafe fw_relu_f32(z, stride, rows, columns)
      }
    },
    deactivate: { activation, a, aStride, delta, dStride, rows, columns in
      switch activation {
      case .sigmoid: unsafe fw_sigmoid_backward_f32(a, aStride, delta, dStride, rows, columns)
      case .tanh: unsafe fw_tanh_backward_f32(a, aStride, delta, dStride, rows, columns)
      case .relu: unsafe fw_relu_backward_f32(a, aStride, delta, dStride, rows, columns)
      }
    },
    loss: { loss, z, stride, labels, batch, classes, scale in
      var hits = 0
      let sum =
        switch loss {
        case .sigmoidCrossEntropy:
          unsafe fw_sigmoid_cross_entropy_f32(z, stride, labels, batch, classes, scale, &hits)
        case .softmaxCrossEntropy:
          unsafe fw_softmax_cross_entropy_f32(z, stride, labels, batch, classes, scale, &hits)
        case .squaredError:
          unsafe fw_squared_error_f32(z, stride, labels, batch, classes, scale, &hits)
        case .sigmoidSquaredError:
          unsafe fw_sigmoid_squared_error_f32(z, stride, labels, batch, classes, scale, &hits)
        }
      return (sum, hits)
    },
    gatherBytes: fw_gather_bytes_f32,
    gatherRows: fw_gather_rows_f32
  )
}

extension Double: TrainingScalar {
  static let kernels = unsafe Kernels<Double>(
    forward: fw_dense_forward_f64,
    backward: fw_dense_backward_f64,
    update: { x, xs, delta, ds, w, v, ws, batch, inputs, outputs, form in
      var numbers = fw_sgd_coefficients_f64(form)
      unsafe fw_dense_update_f64(x, xs, delta, ds, w, v, ws, batch, inputs, outputs, &numbers)
    },
    updateBias: { delta, ds, b, v, batch, outputs, form in
      var numbers = fw_sgd_coefficients_f64(form)
      unsafe fw_bias_update_f64(delta, ds, b, v, batch, outputs, &numbers)
    },
    apply: { w, v, g, count, form in
      var numbers = fw_sgd_coefficients_f64(form)
      unsafe fw_update_f64(w, v, g, count, &numbers)
    },
    gradient: fw_dense_gradient_f64,
    biasGradient: fw_bias_gradient_f64,
    adapt: { w, g, first, second, maximum, mean, momentum, count, form, scale in
      var numbers = fw_adaptive_coefficients_f64(form, scale)
      var buffers = unsafe fw_adaptive_buffers_f64(
        first: first,
        second: second,
        maximum: maximum,
        mean: mean,
        momentum: momentum
      )
      unsafe fw_adaptive_update_f64(w, g, &buffers, count, &numbers)
    },
    sumOfSquares: fw_sum_of_squares_f64,
    activate: { activation, z, stride, rows, columns in
      switch activation {
      case .sigmoid: unsafe fw_sigmoid_f64(z, stride, rows, columns)
      case .tanh: unsafe fw_tanh_f64(z, stride, rows, columns)
      case .relu: unsafe fw_relu_f64(z, stride, rows, columns)
      }
    },
    deactivate: { activation, a, aStride, delta, dStride, rows, columns in
      switch activation {
      case .sigmoid: unsafe fw_sigmoid_backward_f64(a, aStride, delta, dStride, rows, columns)
      case .tanh: unsafe fw_tanh_backward_f64(a, aStride, delta, dStride, rows, columns)
      case .relu: unsafe fw_relu_backward_f64(a, aStride, delta, dStride, rows, columns)
      }
    },
    loss: { loss, z, stride, labels, batch, classes, scale in
      var hits = 0
      let sum =
        switch loss {
        case .sigmoidCrossEntropy:
          unsafe fw_sigmoid_cross_entropy_f64(z, stride, labels, batch, classes, scale, &hits)
        case .softmaxCrossEntropy:
          unsafe fw_softmax_cross_entropy_f64(z, stride, labels, batch, classes, scale, &hits)
        case .squaredError:
          unsafe fw_squared_error_f64(z, stride, labels, batch, classes, scale, &hits)
        case .sigmoidSquaredError:
          unsafe fw_sigmoid_squared_error_f64(z, stride, labels, batch, classes, scale, &hits)
        }
      return (sum, hits)
    },
    gatherBytes: fw_gather_bytes_f64,
    gatherRows: fw_gather_rows_f64
  )
}

extension fw_sgd_coefficients_f32 {
  fileprivate init(_ form: SGDForm<Double>) {
    self.init(
      a: Float(form.a),
      b: Float(form.b),
      c: Float(form.c),
      d: Float(form.d),
      f: Float(form.f),
      h: Float(form.h)
    )
  }
}

extension fw_sgd_coefficients_f64 {
  fileprivate init(_ form: SGDForm<Double>) {
    self.init(a: form.a, b: form.b, c: form.c, d: form.d, f: form.f, h: form.h)
  }
}

extension fw_adaptive_coefficients_f32 {
  fileprivate init(_ form: AdaptiveForm<Double>, _ scale: Double) {
    self.init(
      gradient_scale: Float(scale),
      coupled_decay: Float(form.coupledDecay),
      first_kept: Float(form.firstKept),
      first_gain: Float(form.firstGain),
      second_kept: Float(form.secondKept),
      second_gain: Float(form.secondGain),
      first_share: Float(form.firstShare),
      gradient_share: Float(form.gradientShare),
      centering: Float(form.centering),
      epsilon_inside: Float(form.epsilonInside),
      epsilon_outside: Float(form.epsilonOutside),
      momentum: Float(form.momentum),
      inside_rate: Float(form.insideRate),
      shrink: Float(form.shrink),
      rate: Float(form.rate)
    )
  }
}

extension fw_adaptive_coefficients_f64 {
  fileprivate init(_ form: AdaptiveForm<Double>, _ scale: Double) {
    self.init(
      gradient_scale: scale,
      coupled_decay: form.coupledDecay,
      first_kept: form.firstKept,
      first_gain: form.firstGain,
      second_kept: form.secondKept,
      second_gain: form.secondGain,
      first_share: form.firstShare,
      gradient_share: form.gradientShare,
      centering: form.centering,
      epsilon_inside: form.epsilonInside,
      epsilon_outside: form.epsilonOutside,
      momentum: form.momentum,
      inside_rate: form.insideRate,
      shrink: form.shrink,
      rate: form.rate
    )
  }
}
