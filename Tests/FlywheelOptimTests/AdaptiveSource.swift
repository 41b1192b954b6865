import FlywheelOptim

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A weight and what its optimizer keeps, stepped as the sources of Adam's, RMSprop's and Adagrad's kin
/// have it.
///
/// Each step is written from the source that the rule names, in its order; a gradient is the mini-batch's
/// mean, so that what a source sums is multiplied by its size.
struct AdaptiveSource {
  var w = 0.8
  /// First moment, second moment or sum, its largest, mean of gradients, momentum.
  var (first, second, largest, mean, momentum) = (0.0, 0.0, 0.0, 0.0, 0.0)
  /// The number of this step, from 1.
  var t = 0.0
  /// The size of this mini-batch.
  var m = 10.0
  let p: Hyperparameters
  let isWeight: Bool

  init(_ numbers: Hyperparameters, isWeight: Bool) {
    p = numbers
    self.isWeight = isWeight
  }

  typealias Step = @Sendable (inout AdaptiveSource, Double) -> Void

  /// What a source starts its second moment from, where that is not 0.
  static let starts: [String: @Sendable (Hyperparameters) -> Double] = [
    "tf1_rmsprop": { _ in 1 },
    "adagrad": { $0.number(.initialAccumulator) },
    "keras_adagrad": { $0.number(.initialAccumulator) },
    "tf1_adagrad": { $0.number(.initialAccumulator) },
    "optax_adagrad": { $0.number(.initialAccumulator) },
  ]

  /// The step of each rule.
  static let steps: [String: Step] = [
    "adam": { s, g in s.torchAdam(g + s.lam * s.w) },
    "adamw": { s, g in
      s.w *= 1 - s.lr * s.lam
      s.torchAdam(g)
    },
    "keras_adam": { s, g in
      s.w -= s.w * s.lam * s.lr
      s.hat(g)
    },
    "tf1_adam": { s, g in s.hat(g) },
    "optax_adam": { s, g in s.w += -s.lr * s.optaxAdam(g) },
    "optax_adamw": { s, g in s.w += -s.lr * (s.optaxAdam(g) + s.lam * s.w) },
    "mlx_adam": { s, g in s.mlxAdam(g) },
    "mlx_adamw": { s, g in
      s.w *= 1 - s.lr * s.lam
      s.mlxAdam(g)
    },
    "sklearn_adam": { s, g in s.hat(s.isWeight ? (g * s.m + s.lam * s.w) / s.m : g) },
    "mxnet_adam": { s, g in s.hat(g + s.lam * s.w) },
    "caffe_adam": { s, g in s.hat(g + s.lam * s.w) },
    "lasagne_adam": { s, g in s.hat(g) },
    "fastai_adam": { s, g in
      s.w *= 1 - s.lr * s.lam
      s.moments(g)
      // debias(mom, damp, step) with a damp of 1 − mom.
      let debias1 = (1 - s.b1) * (1 - pow(s.b1, s.t)) / (1 - s.b1)
      let debias2 = (1 - s.b2) * (1 - pow(s.b2, s.t)) / (1 - s.b2)
      s.w -= s.lr / debias1 * (s.first / ((s.second / debias2).squareRoot() + s.eps))
    },
    "optimisers_jl_adam": { s, g in s.w -= s.juliaAdam(g) * s.lr },
    "optimisers_jl_adamw": { s, g in s.w -= s.lr * (s.juliaAdam(g) + s.lam * s.w) },
    "convnetjs_adam": { s, g in
      s.moments(((s.isWeight ? s.lam : 0) * s.w + g * s.m) / s.m)
      // k counts samples, those of whole mini-batches.
      let k = s.t * 10
      let corrected1 = s.first * (1 - pow(s.b1, k))
      let corrected2 = s.second * (1 - pow(s.b2, k))
      s.w -= s.lr * corrected1 / (corrected2.squareRoot() + s.eps)
    },
    "adamw_lua": { s, g in
      let old = s.w
      s.hat(g)
      s.w -= s.lam * old
    },
    "rmsprop": { s, g in
      s.squares(g + s.lam * s.w)
      let average = s.variance.squareRoot() + s.eps
      s.momentum = s.mu * s.momentum + (g + s.lam * s.w) / average
      s.w -= s.lr * s.momentum
    },
    "keras_rmsprop": { s, g in
      s.w -= s.w * s.lam * s.lr
      s.squares(g)
      s.momentum = s.mu * s.momentum + s.lr * g / (s.variance + s.eps).squareRoot()
      s.w -= s.momentum
    },
    "tf1_rmsprop": { s, g in
      s.second += (g * g - s.second) * (1 - s.alpha)
      s.mean += (g - s.mean) * (1 - s.alpha)
      s.momentum = s.mu * s.momentum + s.lr * g / (s.variance + s.eps).squareRoot()
      s.w -= s.momentum
    },
    "optax_rmsprop": { s, g in
      s.squares(g)
      let update = -s.lr * (g / (s.variance + s.eps).squareRoot())
      s.momentum = update + s.mu * s.momentum
      s.w += s.momentum
    },
    "mlx_rmsprop": { s, g in
      s.squares(g)
      s.w -= s.lr * g / (s.second.squareRoot() + s.eps)
    },
    "adagrad": { s, g in
      let d = g + s.lam * s.w
      let rate = s.lr / (1 + (s.t - 1) * s.p.number(.learningRateDecay))
      s.second += d * d
      s.w += -rate * d / (s.second.squareRoot() + s.eps)
    },
    "keras_adagrad": { s, g in
      s.w -= s.w * s.lam * s.lr
      s.second += g * g
      s.w -= s.lr * g / (s.second + s.eps).squareRoot()
    },
    "tf1_adagrad": { s, g in
      s.second += g * g
      s.w -= s.lr * g * (1 / s.second.squareRoot())
    },
    "optax_adagrad": { s, g in
      s.second += g * g
      s.w += -s.lr * (s.second > 0 ? 1 / (s.second + s.eps).squareRoot() : 0) * g
    },
    "mlx_adagrad": { s, g in
      s.second += g * g
      s.w -= s.lr * g / (s.second.squareRoot() + s.eps)
    },
    "lasagne_adagrad": { s, g in
      s.second += g * g
      s.w -= s.lr * g / (s.second + s.eps).squareRoot()
    },
  ]

  private var lr: Double { p.learningRate }
  private var lam: Double { p.weightDecay }
  private var mu: Double { p.momentum }
  private var b1: Double { p.number(.beta1) }
  private var b2: Double { p.number(.beta2) }
  private var alpha: Double { p.number(.alpha) }
  private var eps: Double { p.number(.epsilon) }

  private mutating func moments(_ g: Double) {
    first = b1 * first + (1 - b1) * g
    second = b2 * second + (1 - b2) * g * g
    largest = max(largest, second)
  }

  private mutating func squares(_ g: Double) {
    second = alpha * second + (1 - alpha) * g * g
    mean = alpha * mean + (1 - alpha) * g
  }

  /// What RMSprop's kin divide by the root of.
  private var variance: Double {
    p.number(.centered) != 0 ? second - mean * mean : second
  }

  /// torch/optim/adam.py: ε after the correction.
  private mutating func torchAdam(_ g: Double) {
    moments(g)
    let size = lr / (1 - pow(b1, t))
    let squares = p.number(.amsgrad) != 0 ? largest : second
    w -= size * first / (squares.squareRoot() / (1 - pow(b2, t)).squareRoot() + eps)
  }

  /// The corrections in the step size, ε hat: Keras, TensorFlow 1, MXNet, Caffe, Lasagne, scikit-learn, and
  /// adam.lua.
  private mutating func hat(_ g: Double) {
    moments(g)
    let size = lr * (1 - pow(b2, t)).squareRoot() / (1 - pow(b1, t))
    w -= size * first / ((p.number(.amsgrad) != 0 ? largest : second).squareRoot() + eps)
  }

  private mutating func optaxAdam(_ g: Double) -> Double {
    moments(g)
    let (corrected1, corrected2) = (first / (1 - pow(b1, t)), second / (1 - pow(b2, t)))
    return corrected1 / ((corrected2 + p.number(.epsilonRoot)).squareRoot() + eps)
  }

  private mutating func mlxAdam(_ g: Double) {
    moments(g)
    if p.number(.biasCorrection) != 0 {
      let (c1, c2) = (lr / (1 - pow(b1, t)), 1 / (1 - pow(b2, t)).squareRoot())
      w -= c1 * first / (second.squareRoot() * c2 + eps)
    } else {
      w -= lr * first / (second.squareRoot() + eps)
    }
  }

  private mutating func juliaAdam(_ g: Double) -> Double {
    moments(g)
    return first / (1 - pow(b1, t)) / ((second / (1 - pow(b2, t))).squareRoot() + eps)
  }
}
