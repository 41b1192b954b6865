import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim

extension Dialect {
  /// Every dialect that has a name.
  public static let all: [Dialect] = [
    flywheel, pytorch, keras, kerasNamed, optax, mlx, sklearn, tf1, caffe, mxnet, nielsen, cs230,
    cs231n, question,
  ]

  /// `[out, in]` and `[out]`.
  private static let outIn = DenseArrangement(weight: .identity, bias: .identity)
  /// `[out, in]` and `[out, 1]`.
  private static let outInColumn = DenseArrangement(weight: .identity, bias: .column)
  /// `[in, out]` and `[out]`.
  private static let inOut = DenseArrangement(weight: .transposed, bias: .identity)
  /// `[in, out]` and `[1, out]`.
  private static let inOutRow = DenseArrangement(weight: .transposed, bias: .row)

  /// Flywheel's own names, which `CheckpointKey` makes.
  public static let flywheel = Dialect(
    name: "flywheel",
    summary: "Flywheel's own names, the same for every rule",
    source: "schemas/checkpoint.md",
    rules: [],
    groupNumbers: nil,
    arrangements: [outIn],
    keepsConvolutions: true,
    prefixes: ["model/"],
    weights: ["{name}.weight"],
    biases: ["{name}.bias"],
    keepsNames: true,
    buffers: ["optimizer/{slot}/{key}"],
    families: [
      SlotFamily([], [[.init("velocity", "velocity")]]),
      SlotFamily(
        [],
        [
          [.init("exp_avg", "exp_avg")], [.init("exp_avg_sq", "exp_avg_sq")],
          [.init("max_exp_avg_sq", "max_exp_avg_sq", isOptional: true)],
        ]
      ),
      SlotFamily(
        [],
        [
          [.init("square_avg", "square_avg")], [.init("grad_avg", "grad_avg", isOptional: true)],
          [.init("momentum_buffer", "momentum_buffer", isOptional: true)],
        ]
      ),
      SlotFamily([], [[.init("sum", "sum")]]),
    ]
  )

  private static let torchBuffers: [KeyTemplate] = [
    "optimizer.state.{index}.{slot}", "optimizer_state_dict.state.{index}.{slot}",
    "optim.state.{index}.{slot}", "state.{index}.{slot}", "{key}.{slot}", "{slot}.{key}",
    "optimizer.state.{key}.{slot}", "optim.state.{key}.{slot}", "optimizer.{slot}.{key}",
    // Lightning has a list of optimizers; one is understood.
    "optimizer_states.0.state.{index}.{slot}",
  ]

  private static let torchSteps = [
    DialectCounter(torchBuffers.map { $0.naming(slot: "step") }, .float32)
  ]

  private static let torchPrefixes = [
    "", "model.", "module.", "state_dict.", "model_state_dict.", "model.module.",
  ]

  private static let torchUntrained = ["running_mean", "running_var", "num_batches_tracked"]

  /// A state dictionary of `torch.nn.Module` beside one of `torch.optim`, flattened with dots.
  public static let pytorch = Dialect(
    name: "pytorch",
    summary: "state_dict() of torch.nn.Module and torch.optim, flattened with dots",
    source:
      "torch/nn/modules/module.py, torch/optim/{sgd,adam,adamw,rmsprop,adagrad}.py of PyTorch 2.13",
    rules: ["pytorch", "adam", "adamw", "rmsprop", "adagrad"],
    groupNumbers: nil,
    arrangements: [outIn],
    keepsConvolutions: true,
    prefixes: torchPrefixes,
    weights: ["{name}.weight"],
    biases: ["{name}.bias"],
    keepsNames: true,
    untrained: torchUntrained,
    buffers: torchBuffers,
    families: [
      SlotFamily(["pytorch"], [[.init("velocity", "momentum_buffer")]]),
      SlotFamily(
        ["adam", "adamw"],
        [
          [.init("exp_avg", "exp_avg")], [.init("exp_avg_sq", "exp_avg_sq")],
          [.init("max_exp_avg_sq", "max_exp_avg_sq", isOptional: true)],
        ],
        counters: torchSteps
      ),
      SlotFamily(
        ["rmsprop"],
        [
          [.init("square_avg", "square_avg")],
          [.init("momentum_buffer", "momentum_buffer", isOptional: true)],
          [.init("grad_avg", "grad_avg", isOptional: true)],
        ],
        counters: torchSteps
      ),
      SlotFamily(["adagrad"], [[.init("sum", "sum")]], counters: torchSteps),
    ],
    hyperparameters: [
      .learningRate: "lr", .beta1: "betas[0]", .beta2: "betas[1]", .epsilon: "eps",
    ],
    // Optimizer.add_param_group in torch/optim/optimizer.py; what tells AdamW from Adam: torch/optim/adamw.py.
    statement: GroupStatement(
      prefixes: ["model.", "state_dict.", "model_state_dict."],
      root: "optimizer",
      group: "optimizer.param_groups.{index}",
      parameters: "params",
      names: "param_names",
      firstRate: "initial_lr",
      switches: [
        "adam": ["decoupled_weight_decay": false], "adamw": ["decoupled_weight_decay": true],
      ]
    )
  )

  /// A `.weights.h5` of Keras 3, whose variables have numbers.
  public static let keras = Dialect(
    name: "keras",
    summary: "Keras 3's .weights.h5: a sequence of Dense layers, optimizer variables by number",
    source: "keras/src/saving/saving_lib.py, keras/src/optimizers/*.py of Keras 3.15",
    rules: ["keras", "keras_adam", "keras_rmsprop", "keras_adagrad"],
    groupNumbers: [],
    arrangements: [inOut],
    prefixes: ["layers/", "_layer_checkpoint_dependencies/"],
    weights: ["dense{_layer}/vars/0"],
    biases: ["dense{_layer}/vars/1"],
    buffers: ["optimizer/vars/{running}"],
    families: [
      SlotFamily(["keras"], [[.init("velocity", "")]]),
      SlotFamily(
        ["keras_adam"],
        [
          [.init("exp_avg", ""), .init("exp_avg_sq", "")],
          [.init("max_exp_avg_sq", "", isOptional: true)],
        ]
      ),
      SlotFamily(
        ["keras_rmsprop"],
        [
          [.init("square_avg", "")], [.init("momentum_buffer", "", isOptional: true)],
          [.init("grad_avg", "", isOptional: true)],
        ]
      ),
      SlotFamily(["keras_adagrad"], [[.init("sum", "")]]),
    ],
    counters: [
      DialectCounter(["optimizer/vars/0"], .int32),
      DialectCounter(["optimizer/vars/1"], nil, .learningRate, .withoutSchedule),
    ],
    hyperparameters: [
      .beta1: "beta_1", .beta2: "beta_2", .alpha: "rho", .l2: "kernel_regularizer=L2",
      .biasL2: "bias_regularizer=L2",
    ]
  )

  /// A .keras file or a legacy .h5 of Keras, whose variables have names where they are read.
  public static let kerasNamed = Dialect(
    name: "keras_named",
    summary:
      "Keras's .keras and legacy .h5: a sequence of Dense layers, optimizer variables by name",
    source:
      "keras/src/saving/saving_lib.py, keras/src/legacy/saving/legacy_h5_format.py, keras/src/optimizers/*.py "
      + "of Keras 3.15, tf_keras/optimizers/{,legacy/}*.py of 2.15",
    rules: keras.rules,
    groupNumbers: keras.groupNumbers,
    arrangements: keras.arrangements,
    prefixes: ["layers/"],
    weights: ["dense{_layer}/kernel", "{name}/kernel"],
    biases: ["dense{_layer}/bias", "{name}/bias"],
    numbersAreNames: true,
    buffers: ["optimizer/{slot}/{key}"],
    families: [
      SlotFamily(["keras"], [[.init("velocity", "momentum", "m")]]),
      SlotFamily(
        ["keras_adam"],
        [
          [.init("exp_avg", "momentum", "m"), .init("exp_avg_sq", "velocity", "v")],
          [.init("max_exp_avg_sq", "velocity_hat", "vhat", isOptional: true)],
        ]
      ),
      SlotFamily(
        ["keras_rmsprop"],
        [
          [.init("square_avg", "velocity", "rms")],
          [.init("momentum_buffer", "momentum", isOptional: true)],
          [.init("grad_avg", "average_gradient", "mg", isOptional: true)],
        ]
      ),
      SlotFamily(["keras_adagrad"], [[.init("sum", "accumulator")]]),
    ],
    counters: [
      DialectCounter(["optimizer/iteration", "optimizer/iter"], .int32),
      DialectCounter(["optimizer/learning_rate"], nil, .learningRate, .withoutSchedule),
    ],
    hyperparameters: keras.hyperparameters
  )

  private static let optaxAdam: [[SlotFamily.Slot]] = [
    [.init("exp_avg", "mu", path: "0/")], [.init("exp_avg_sq", "nu", path: "0/")],
  ]

  private static let optaxSteps = DialectCounter(["opt_state/{path}count"], .int32, path: "0/")

  /// The count that a schedule keeps, where a chain has it.
  private static func optaxCount(of path: String) -> [DialectCounter] {
    [DialectCounter(["opt_state/{path}count"], .int32, .steps, .withSchedule, path: path)]
  }

  /// Trees of Flax parameters and optax states, flattened with slashes.
  public static let optax = Dialect(
    name: "optax",
    summary: "Flax parameters and optax states, flattened with slashes",
    source: "optax/_src/{alias,transform}.py, optax/transforms/_accumulation.py of optax 0.2.8",
    rules: [
      "optax", "optax_decoupled", "optax_adam", "optax_adamw", "optax_rmsprop", "optax_adagrad",
    ],
    groupNumbers: [.weightDecay],
    arrangements: [inOut],
    prefixes: ["params/"],
    weights: [
      "Dense_{layer}/kernel", "params/Dense_{layer}/kernel", "{layer}/w", "{layer}/W", "{layer}/0",
      "{layer}/kernel", "{name}/kernel",
    ],
    biases: [
      "Dense_{layer}/bias", "params/Dense_{layer}/bias", "{layer}/b", "{layer}/1", "{layer}/bias",
      "{name}/bias",
    ],
    buffers: ["opt_state/{path}{slot}/{key}"],
    families: [
      SlotFamily(
        ["optax"],
        if: .weightDecay,
        [[.init("velocity", "trace", path: "1/0/")]],
        counters: optaxCount(of: "1/1/")
      ),
      SlotFamily(
        ["optax"],
        [[.init("velocity", "trace", path: "0/")]],
        counters: optaxCount(of: "1/")
      ),
      SlotFamily(
        ["optax_decoupled"],
        [[.init("velocity", "trace", path: "0/")]],
        counters: optaxCount(of: "2/")
      ),
      SlotFamily(["optax_adam"], optaxAdam, counters: [optaxSteps] + optaxCount(of: "1/")),
      SlotFamily(["optax_adamw"], optaxAdam, counters: [optaxSteps] + optaxCount(of: "2/")),
      SlotFamily(
        ["optax_rmsprop"],
        [
          [.init("square_avg", "nu", path: "0/")],
          [.init("grad_avg", "mu", path: "0/", isOptional: true)],
          [.init("momentum_buffer", "trace", path: "2/", isOptional: true)],
        ],
        counters: optaxCount(of: "1/")
      ),
      SlotFamily(
        ["optax_adagrad"],
        [[.init("sum", "sum_of_squares", path: "0/")]],
        counters: optaxCount(of: "1/")
      ),
    ],
    hyperparameters: [.beta1: "b1", .beta2: "b2", .epsilon: "eps", .alpha: "decay"]
  )

  private static let mlxAdam: [[SlotFamily.Slot]] = [
    [.init("exp_avg", "m")], [.init("exp_avg_sq", "v")],
  ]

  /// `mlx.utils.tree_flatten` of a module's parameters and an optimizer's state.
  public static let mlx = Dialect(
    name: "mlx",
    summary: "mlx.utils.tree_flatten of Module.parameters() and of Optimizer.state",
    source: "mlx/nn/layers/linear.py, mlx/optimizers/optimizers.py of MLX 0.32",
    rules: ["mlx", "mlx_adam", "mlx_adamw", "mlx_rmsprop", "mlx_adagrad"],
    groupNumbers: [],
    arrangements: [outIn],
    prefixes: ["", "model.", "parameters."],
    weights: ["{name}.weight"],
    biases: ["{name}.bias"],
    keepsNames: true,
    untrained: torchUntrained,
    buffers: [
      "optimizer.{key}.{slot}", "optimizer.state.{key}.{slot}", "state.{key}.{slot}",
      "{key}.{slot}",
    ],
    families: [
      SlotFamily(["mlx"], [[.init("velocity", "v")]]),
      SlotFamily(["mlx_adam", "mlx_adamw"], mlxAdam),
      SlotFamily(["mlx_rmsprop"], [[.init("square_avg", "v")]]),
      SlotFamily(["mlx_adagrad"], [[.init("sum", "v")]]),
    ],
    counters: [
      DialectCounter(["optimizer.step", "optimizer.state.step", "state.step", "step"], .uint64),
      DialectCounter(
        [
          "optimizer.learning_rate", "optimizer.state.learning_rate", "state.learning_rate",
          "learning_rate",
        ],
        .float32,
        .learningRate
      ),
    ],
    hyperparameters: [.beta1: "betas[0]", .beta2: "betas[1]", .epsilon: "eps"]
  )

  /// The attributes of scikit-learn's `MLPClassifier` and `MLPRegressor`.
  public static let sklearn = Dialect(
    name: "sklearn",
    summary: "attributes of scikit-learn's MLPClassifier and MLPRegressor",
    source:
      "sklearn/neural_network/{_multilayer_perceptron,_stochastic_optimizers}.py of scikit-learn 1.9",
    rules: ["sklearn", "sklearn_adam"],
    groupNumbers: [],
    arrangements: [inOut],
    weights: ["coefs_.{layer}", "coefs_{layer}", "coef_{layer}"],
    biases: ["intercepts_.{layer}", "intercepts_{layer}", "intercept_{layer}"],
    order: .weightsFirst,
    buffers: [
      "_optimizer.{slot}.{index}", "optimizer.{slot}.{index}", "{slot}.{index}", "{slot}_{index}",
    ],
    families: [
      SlotFamily(["sklearn"], [[.init("velocity", "velocities")]]),
      SlotFamily(
        ["sklearn_adam"],
        [[.init("exp_avg", "ms")], [.init("exp_avg_sq", "vs")]],
        counters: [DialectCounter(["_optimizer.t", "optimizer.t"], .int64)]
      ),
    ],
    counters: [DialectCounter(["t_"], .int64, .samples)],
    hyperparameters: [
      .learningRate: "learning_rate_init", .weightDecay: "alpha", .nesterov: "nesterovs_momentum",
      .beta1: "beta_1", .beta2: "beta_2",
    ]
  )

  /// The variables of a TensorFlow 1 graph of `tf.layers.dense`.
  public static let tf1 = Dialect(
    name: "tf1",
    summary: "variables of a TensorFlow 1 graph of tf.layers.dense",
    source: "tensorflow/python/training/{momentum,adam,rmsprop,adagrad,slot_creator}.py",
    rules: ["tf1", "tf1_adam", "tf1_rmsprop", "tf1_adagrad"],
    groupNumbers: [],
    arrangements: [inOut],
    weights: ["dense{_layer}/kernel"],
    biases: ["dense{_layer}/bias"],
    buffers: ["{key}/{slot}"],
    families: [
      SlotFamily(["tf1"], [[.init("velocity", "Momentum")]]),
      SlotFamily(
        ["tf1_adam"],
        [[.init("exp_avg", "Adam")], [.init("exp_avg_sq", "Adam_1")]],
        counters: [
          DialectCounter(["beta2_power"], .float32, .power(.beta2)),
          DialectCounter(["beta1_power"], .float32, .power(.beta1)),
        ]
      ),
      SlotFamily(
        ["tf1_rmsprop"],
        [
          [.init("square_avg", "RMSProp")],
          [.init("momentum_buffer", "RMSProp_1", isOptional: true)],
        ]
      ),
      SlotFamily(
        ["tf1_rmsprop"],
        [
          [.init("square_avg", "RMSProp")], [.init("grad_avg", "RMSProp_1")],
          [.init("momentum_buffer", "RMSProp_2")],
        ]
      ),
      SlotFamily(["tf1_adagrad"], [[.init("sum", "Adagrad")]]),
    ],
    counters: [DialectCounter(["global_step"], .int64)],
    hyperparameters: [.alpha: "decay", .nesterov: "use_nesterov"]
  )

  /// Caffe's HDF5 files: blobs of the net, and the solver's history.
  public static let caffe = Dialect(
    name: "caffe",
    summary:
      "Caffe's HDF5 files: blobs of InnerProduct layers ip1, ip2, …, and the solver's history",
    source: "src/caffe/net.cpp, src/caffe/solvers/{sgd,adam}_solver.cpp at 9b89154",
    rules: ["caffe", "caffe_adam"],
    groupNumbers: [.learningRate, .weightDecay],
    arrangements: [outIn],
    prefixes: ["data/"],
    weights: ["ip{layer+1}/0", "fc{layer+1}/0"],
    biases: ["ip{layer+1}/1", "fc{layer+1}/1"],
    buffers: ["history/{running}"],
    families: [
      SlotFamily(["caffe"], [[.init("velocity", "")]]),
      SlotFamily(["caffe_adam"], [[.init("exp_avg", "")], [.init("exp_avg_sq", "")]]),
    ],
    counters: [DialectCounter(["iter"], .int32)],
    hyperparameters: [
      .learningRate: "base_lr", .beta1: "momentum", .beta2: "momentum2", .epsilon: "delta",
    ]
  )

  /// The parameters of Gluon's `Dense` layers and the states of a `Trainer`.
  public static let mxnet = Dialect(
    name: "mxnet",
    summary: "parameters of Gluon's Dense layers, and a Trainer's states by number",
    source:
      "python/mxnet/gluon/{nn/basic_layers,trainer}.py, python/mxnet/optimizer of MXNet 1.9.1",
    rules: ["mxnet", "mxnet_nag_1_9", "mxnet_adam"],
    groupNumbers: [.learningRate, .weightDecay],
    arrangements: [outIn],
    weights: ["dense{layer}_weight", "fc{layer+1}_weight"],
    biases: ["dense{layer}_bias", "fc{layer+1}_bias"],
    buffers: ["states/{index}{slot}"],
    families: [
      SlotFamily(["mxnet", "mxnet_nag_1_9"], [[.init("velocity", "")]]),
      SlotFamily(["mxnet_adam"], [[.init("exp_avg", "/0")], [.init("exp_avg_sq", "/1")]]),
    ],
    counters: [DialectCounter(["num_update"], .int64)],
    hyperparameters: [.weightDecay: "wd"]
  )

  /// Nielsen's `Network`: lists of weights and biases, biases as columns.
  public static let nielsen = Dialect(
    name: "nielsen",
    summary: "lists weights and biases of Nielsen's Network, biases as columns",
    source: "mnielsen/neural-networks-and-deep-learning, src/network2.py",
    rules: ["nielsen", "network2", "network3"],
    groupNumbers: [],
    arrangements: [outInColumn],
    weights: ["weights.{layer}", "weights_{layer}"],
    biases: ["biases.{layer}", "biases_{layer}"],
    buffers: ["{slot}.{key}", "{slot}_{key}"],
    families: [SlotFamily(["nielsen"], [[.init("velocity", "velocity", "velocities", "v")]])],
    hyperparameters: [.learningRate: "eta", .momentum: "mu", .weightDecay: "lmbda"]
  )

  /// The dictionaries of deeplearning.ai's courses and CS230.
  public static let cs230 = Dialect(
    name: "cs230",
    summary: "dictionaries parameters, v and s of deeplearning.ai and CS230, W·x + b",
    source: "deeplearning.ai, Improving Deep Neural Networks, week 2; CS230's slides",
    rules: ["cs230", "adam"],
    groupNumbers: [],
    arrangements: [outInColumn, outIn],
    prefixes: ["", "parameters."],
    weights: ["W{layer+1}"],
    biases: ["b{layer+1}"],
    buffers: ["{slot}.d{key}", "{slot}d{key}", "{slot}_d{key}"],
    families: [
      SlotFamily(["cs230"], [[.init("velocity", "v", "V")]]),
      SlotFamily(
        ["adam"],
        [[.init("exp_avg", "v", "V")], [.init("exp_avg_sq", "s", "S")]],
        counters: [DialectCounter(["t"], .int64)]
      ),
    ],
    hyperparameters: [.momentum: "beta", .weightDecay: "lambd"]
  )

  /// The names of cs231n's notes and assignments.
  public static let cs231n = Dialect(
    name: "cs231n",
    summary: "names of cs231n's notes and assignments, x·W + b",
    source: "cs231n.github.io at 3d84654, neural-networks-3.md, neural-networks-case-study.md",
    rules: ["cs231n", "adam", "rmsprop"],
    groupNumbers: [],
    arrangements: [inOut, inOutRow],
    prefixes: ["", "params."],
    weights: ["W{layer+1}"],
    biases: ["b{layer+1}"],
    buffers: [
      "{key}.{slot}", "{slot}_{key}", "{slot}{key}", "optim_configs.{key}.{slot}", "{key}_{slot}",
    ],
    families: [
      SlotFamily(["cs231n"], [[.init("velocity", "velocity", "v")]]),
      SlotFamily(
        ["adam"],
        [[.init("exp_avg", "m")], [.init("exp_avg_sq", "v")]],
        counters: [DialectCounter(["{key}.t", "optim_configs.{key}.t", "t_{key}"], .int64)]
      ),
      SlotFamily(["rmsprop"], [[.init("square_avg", "cache")]]),
    ],
    hyperparameters: [.momentum: "mu", .weightDecay: "reg", .alpha: "decay_rate", .epsilon: "eps"]
  )

  /// The names in the question that Flywheel began with.
  public static let question = Dialect(
    name: "question",
    summary: "the question's layers with W, b, weight_velocity and bias_velocity",
    source: "the code of the question",
    rules: ["question", "question_summed"],
    groupNumbers: [],
    arrangements: [outInColumn, outIn, inOut, inOutRow],
    weights: ["layers.{layer}.W"],
    biases: ["layers.{layer}.b"],
    buffers: ["layers.{layer}.{kind}_{slot}"],
    families: [SlotFamily(["question", "question_summed"], [[.init("velocity", "velocity")]])],
    hyperparameters: [.weightDecay: "decay_rate"]
  )
}
