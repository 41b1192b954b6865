import FlywheelCheckpoint
import FlywheelOptim

/// How people name the arrays of a dump: one table, for hand-written code and frameworks alike.
///
/// An array that belongs to a parameter is named by a word and the name of the parameter. A word of one or
/// two letters may be written right before the name (`dW1`); any may be set off from it by `_`, `.` or `/`,
/// before it or behind it, in front of the whole name or of its last component.
enum DumpWords {
  /// One meaning, and the words for it.
  struct Entry {
    /// What they mean.
    var meaning: String
    /// Words that are set off.
    var words: [String]
    /// Words that may be written right before a name.
    var glued: [String] = []
  }

  /// The meaning of a gradient; all others are buffers.
  static let gradient = "gradient"

  /// All words; what letters mean, `families` make of them together.
  static let entries: [Entry] = [
    .init(
      meaning: gradient,
      words: ["d", "g", "grad", "grads", "gradient", "gradients"],
      glued: ["d", "g"]
    ),
    .init(
      meaning: "v",
      words: ["v", "vd", "Vd", "V", "vel", "velocity", "velocities"],
      glued: ["v", "vd", "Vd", "V"]
    ),
    .init(
      meaning: "m",
      words: ["m", "md", "momentum", "momentums", "moment1", "mom"],
      glued: ["m", "md"]
    ),
    .init(meaning: "s", words: ["s", "sd", "Sd", "S"], glued: ["s", "sd", "Sd"]),
    .init(meaning: "mu", words: ["mu"]),
    .init(meaning: "nu", words: ["nu"]),
    .init(meaning: "cache", words: ["cache"]),
    .init(meaning: "trace", words: ["trace"]),
    .init(meaning: "momentum_buffer", words: ["momentum_buffer"]),
    .init(meaning: "exp_avg", words: ["exp_avg"]),
    .init(meaning: "exp_avg_sq", words: ["exp_avg_sq"]),
    .init(meaning: "max_exp_avg_sq", words: ["max_exp_avg_sq"]),
    .init(meaning: "square_avg", words: ["square_avg"]),
    .init(meaning: "grad_avg", words: ["grad_avg"]),
    .init(meaning: "sum", words: ["sum"]),
  ]

  /// What buffers are, by all the meanings that a dump has for them.
  ///
  /// Buffers that are in no family are those of an Adam-like rule, under the names that they have.
  static let families: [[String: DumpRole]] = [
    ["v": .velocity],
    ["m": .velocity],
    ["mu": .velocity],
    ["trace": .velocity],
    ["momentum_buffer": .velocity],
    ["m": .slot("exp_avg"), "v": .slot("exp_avg_sq")],
    ["v": .slot("exp_avg"), "s": .slot("exp_avg_sq")],
    ["m": .slot("exp_avg"), "s": .slot("exp_avg_sq")],
    ["mu": .slot("exp_avg"), "nu": .slot("exp_avg_sq")],
    ["s": .slot("square_avg")],
    ["nu": .slot("square_avg")],
    ["cache": .slot("square_avg")],
    ["nu": .slot("square_avg"), "trace": .slot("momentum_buffer")],
  ]

  /// What a parameter's own name may stand behind, set off by `/`, `.` or `_`.
  static let parameterPrefixes = ["model", "weights", "weight", "params", "parameters", "param"]

  /// What the name of a buffer may stand behind, likewise.
  static let bufferPrefixes = [
    "optimizer", "optim", "opt", "optimizer_state", "opt_state", "state",
  ]

  /// What lies under these in a checkpoint is no dump of a step.
  static let otherPrefixes = [
    "history/", "random/", "trace/", "master/", CheckpointKey.document,
  ]

  /// Whether a name is one of a checkpoint's that says nothing of a step.
  static func isOther(_ key: String) -> Bool {
    otherPrefixes.contains { key.utf8.starts(with: $0.utf8) }
  }

  /// Words for a step in front of its number.
  static let steps = ["step", "steps", "iter", "iteration", "t"]

  /// Single numbers that say something of the training.
  static let numbers: [String: Hyperparameter] = [
    "lr": .learningRate, "learning_rate": .learningRate, "eta": .learningRate,
    "mu": .momentum, "momentum": .momentum,
    "weight_decay": .weightDecay, "wd": .weightDecay, "lambda": .weightDecay,
    "lam": .weightDecay, "lmbda": .weightDecay, "lambd": .weightDecay, "reg": .weightDecay,
    "dampening": .dampening,
  ]

  /// Single numbers that count steps.
  static let counters = ["step", "steps", "t", "iteration", "iterations", "iter", "global_step"]

  /// The size of a mini-batch.
  static let batchSizes = ["batch_size", "m", "batch", "mini_batch_size"]

  /// The size of the training set.
  static let trainingSizes = ["train_size", "training_size", "n", "n_train", "n_samples"]
}
