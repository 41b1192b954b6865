import FlywheelOptim

/// A weight and what its optimizer keeps, stepped as the sources of SGD's kin have it.
///
/// Each step is written from the source that the rule names, in its order and with its own buffer; a
/// gradient is the mini-batch's mean, so that what a source sums is multiplied by its size.
struct SGDSource {
  var w = 0.8
  /// What the source keeps; nil before the first step.
  var v: Double?
  /// The size of this mini-batch, and of the training set.
  var (m, n) = (10.0, 500.0)
  let lr: Double
  let mu: Double
  let damp: Double
  /// What a user typed as weight decay; 0 for a bias that the source leaves alone.
  let lam: Double
  /// A penalty without a ½, of this parameter.
  let l2: Double
  let nesterov: Bool
  let maximize: Bool
  let isWeight: Bool

  init(_ numbers: Hyperparameters, isWeight: Bool) {
    lr = numbers.learningRate
    mu = numbers.momentum
    damp = numbers.dampening
    lam = numbers.weightDecay
    l2 = numbers.number(isWeight ? .l2 : .biasL2)
    nesterov = numbers.nesterov
    maximize = numbers.number(.maximize) != 0
    self.isWeight = isWeight
  }

  typealias Step = @Sendable (inout SGDSource, Double) -> Void

  /// The step of each rule.
  static let steps: [String: Step] = [
    "pytorch": { s, g in s.torch(s.maximize ? -g : g, decay: s.lam) },
    "torch7": { s, g in s.torch(g, decay: s.lam) },
    "sgdw": { s, g in
      let old = s.w
      s.torch(g, decay: 0)
      s.w -= s.lam * old
    },
    "mlx": { s, g in
      let d = g + s.lam * s.w
      guard s.mu > 0 else {
        s.w -= s.lr * d
        return
      }
      let v = s.mu * s.kept + (s.damp > 0 ? (1 - s.damp) * d : d)
      s.v = v
      s.w -= s.lr * (s.nesterov ? d + s.mu * v : v)
    },
    "fastai": { s, g in
      s.w *= 1 - s.lr * s.lam
      let average = s.mu * s.kept + g
      s.v = average
      s.w -= s.lr * average
    },
    "fastai_l2": { s, g in
      let average = s.mu * s.kept + (g + s.lam * s.w)
      s.v = average
      s.w -= s.lr * average
    },
    "tf1": { s, g in
      let v = s.mu * s.kept + g
      s.v = v
      s.w -= s.nesterov ? s.lr * g + s.lr * s.mu * v : s.lr * v
    },
    "keras": { s, g in
      // The gradient is of a loss with the regularizers, at the weight before the decay.
      let d = g + 2 * s.l2 * s.w
      s.w -= s.w * s.lam * s.lr
      let v = s.mu * s.kept - s.lr * d
      s.v = v
      s.w += s.nesterov ? s.mu * v - s.lr * d : v
    },
    "optax": { s, g in
      let d = g + s.lam * s.w
      let trace = d + s.mu * s.kept
      s.v = trace
      s.w += -s.lr * (s.nesterov ? d + s.mu * trace : trace)
    },
    "optax_decoupled": { s, g in
      let trace = g + s.mu * s.kept
      s.v = trace
      s.w += -s.lr * ((s.nesterov ? g + s.mu * trace : trace) + s.lam * s.w)
    },
    "mxnet": { s, g in
      let d = g + s.lam * s.w
      let v = s.mu * s.kept - s.lr * d
      s.v = v
      s.w += s.nesterov ? s.mu * v - s.lr * d : v
    },
    "mxnet_nag_1_9": { s, g in
      let v = s.mu * s.kept
      s.w += s.mu * v - (s.mu + 1) * s.lr * (g + s.lam * s.w)
      s.v = v - s.lr * (g + s.lam * s.w)
    },
    "caffe": { s, g in
      let (d, before) = (g + s.lam * s.w, s.kept)
      let history = s.lr * d + s.mu * before
      s.v = history
      s.w -= s.nesterov ? (1 + s.mu) * history - s.mu * before : history
    },
    "lasagne": { s, g in
      let d = s.isWeight ? g + 2 * s.l2 * s.w : g
      let updated = s.w - s.lr * d
      if s.nesterov {
        let x = s.mu * s.kept + updated - s.w
        s.v = x
        s.w = s.mu * x + updated
      } else {
        let x = s.mu * s.kept + updated
        s.v = x - s.w
        s.w = x
      }
    },
    "sklearn": { s, g in
      let d = s.isWeight ? (g * s.m + s.lam * s.w) / s.m : g
      let v = s.mu * s.kept - s.lr * d
      s.v = v
      s.w += s.nesterov ? s.mu * v - s.lr * d : v
    },
    "convnetjs": { s, g in
      // Layers give their biases an l2_decay_mul of 0.
      let d = ((s.isWeight ? s.lam : 0) * s.w + g * s.m) / s.m
      if s.nesterov {
        let before = s.kept
        let sum = before * s.mu + s.lr * d
        s.v = sum
        s.w += s.mu * before - (1 + s.mu) * sum
      } else {
        let dx = s.mu * s.kept - s.lr * d
        s.v = dx
        s.w += dx
      }
    },
    "hips_autograd": { s, g in
      let velocity = s.mu * s.kept - (1 - s.mu) * g
      s.v = velocity
      s.w += s.lr * velocity
    },
    "optimisers_jl": { s, g in
      let velocity = s.mu * s.kept + s.lr * (g + s.lam * s.w)
      s.v = velocity
      s.w -= velocity
    },
    "optimisers_jl_nesterov": { s, g in
      let (d, velocity) = (g + s.lam * s.w, s.kept)
      s.v = s.mu * velocity - s.lr * d
      s.w -= -(s.mu * s.mu * velocity - (1 + s.mu) * s.lr * d)
    },
    "optimisers_jl_decoupled": { s, g in
      let velocity = s.mu * s.kept + s.lr * g
      s.v = velocity
      s.w -= velocity + s.lam * s.w
    },
    "flux": { s, g in
      let v = s.mu * s.kept - s.lr * (g + s.lam * s.w)
      s.v = v
      s.w -= -v
    },
    "nielsen": { s, g in
      let v = s.mu * s.kept - s.lr * g - (s.isWeight ? s.lr * s.lam / s.n * s.w : 0)
      s.v = v
      s.w += v
    },
    "network2": { s, g in
      s.w = (s.isWeight ? 1 - s.lr * (s.lam / s.n) : 1) * s.w - s.lr / s.m * (g * s.m)
    },
    "network3": { s, g in
      // The gradient of λ Σ w²/2 over the number of mini-batches.
      let batches = s.n / s.m
      s.w -= s.lr * (s.isWeight ? g + s.lam * s.w / batches : g)
    },
    "cs230": { s, g in
      let d = s.isWeight ? g + s.lam / s.m * s.w : g
      let v = s.mu * s.kept + (1 - s.mu) * d
      s.v = v
      s.w -= s.lr * v
    },
    "cs231n": { s, g in
      // The case study adds reg W to what W's gradient is, and nothing to b's.
      let d = s.isWeight ? g + s.lam * s.w : g
      let before = s.kept
      let v = s.mu * before - s.lr * d
      s.v = v
      s.w += s.nesterov ? -s.mu * before + (1 + s.mu) * v : v
    },
    "question": { s, g in s.question(g) },
    "question_summed": { s, g in s.question(g * s.m) },
  ]

  /// What is kept, from zeros.
  private var kept: Double { v ?? 0 }

  /// Torch7's sgd.lua and PyTorch's sgd.py.
  private mutating func torch(_ gradient: Double, decay: Double) {
    var d = gradient
    if decay != 0 { d += decay * w }
    if mu != 0 {
      let buffer = v.map { mu * $0 + (1 - damp) * d } ?? d
      v = buffer
      d = nesterov ? d + mu * buffer : buffer
    }
    w -= lr * d
  }

  /// `update_params` of the question.
  private mutating func question(_ dW: Double) {
    let decay = isWeight ? (lr * lam / m) * w : 0
    let velocity = mu * kept + dW
    w = w - decay - lr * velocity
    v = velocity
  }
}
