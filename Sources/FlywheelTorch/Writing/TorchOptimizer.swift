import OrderedCollections

/// What one of PyTorch's optimizers says of a group of parameters.
///
/// `Optimizer.load_state_dict` puts a file's groups in the place of its own, so that a number that a file does
/// not have is missing from then on; those that are `None` no other container holds.
struct TorchOptimizer: Sendable {
  /// The numbers of a group in PyTorch's order, with what they are if nobody sets them.
  let defaults: OrderedDictionary<String, TorchValue>
  /// The buffers that it keeps for a parameter.
  let slots: Set<String>

  private init(_ slots: Set<String>, _ defaults: OrderedDictionary<String, TorchValue>) {
    self.slots = slots
    self.defaults = defaults
  }

  /// The numbers of any of them: parameters, what a scheduler starts from, and a trainer's own are none.
  private static let numbers = Set(all.flatMap(\.defaults.keys))

  /// All numbers of a group as they are if nobody sets them.
  ///
  /// - Parameters:
  ///   - names: Those that a group has.
  ///   - slots: The buffers of its optimizer.
  /// - Returns: Names and values, in PyTorch's order; none of an optimizer that is not known.
  static func defaults(
    for names: some Sequence<String>,
    _ slots: Set<String>
  ) -> OrderedDictionary<String, TorchValue> {
    let given = numbers.intersection(names)
    let fitting = all.filter {
      $0.slots.isSuperset(of: slots) && given.isSubset(of: $0.defaults.keys)
    }
    // A file that torch wrote has all but what is None.
    let whole = fitting.first { optimizer in
      optimizer.defaults.allSatisfy { given.contains($0.key) || $0.value == .none }
    }
    return (whole ?? fitting.first)?.defaults ?? [:]
  }

  private static let no = TorchValue.bool(false)
  private static let zero = TorchValue.integer(0)
  private static let betas = TorchValue.tuple([.double(0.9), .double(0.999)])

  /// Those of `torch/optim` in PyTorch 2.13, from their `__init__`; `AdamW` is `Adam` with another default of a
  /// switch that its groups always have.
  private static let all: [TorchOptimizer] = [
    // sgd.py
    .init(
      ["momentum_buffer"],
      [
        "lr": .double(0.001), "momentum": zero, "dampening": zero, "weight_decay": zero,
        "nesterov": no, "maximize": no, "foreach": .none, "differentiable": no, "fused": .none,
      ]
    ),
    // adam.py
    .init(
      ["step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"],
      [
        "lr": .double(0.001), "betas": betas, "eps": .double(1e-8), "weight_decay": zero,
        "amsgrad": no, "maximize": no, "foreach": .none, "capturable": no, "differentiable": no,
        "fused": .none, "decoupled_weight_decay": no,
      ]
    ),
    // rmsprop.py
    .init(
      ["step", "square_avg", "momentum_buffer", "grad_avg"],
      [
        "lr": .double(0.01), "momentum": zero, "alpha": .double(0.99), "eps": .double(1e-8),
        "centered": no, "weight_decay": zero, "capturable": no, "foreach": .none, "maximize": no,
        "differentiable": no,
      ]
    ),
    // adagrad.py
    .init(
      ["step", "sum"],
      [
        "lr": .double(0.01), "lr_decay": zero, "eps": .double(1e-10), "weight_decay": zero,
        "initial_accumulator_value": zero, "foreach": .none, "maximize": no, "differentiable": no,
        "fused": .none,
      ]
    ),
    // adadelta.py
    .init(
      ["step", "square_avg", "acc_delta"],
      [
        "lr": .double(1), "rho": .double(0.9), "eps": .double(1e-6), "weight_decay": zero,
        "maximize": no, "capturable": no, "foreach": .none, "differentiable": no,
      ]
    ),
    // adamax.py
    .init(
      ["step", "exp_avg", "exp_inf"],
      [
        "lr": .double(0.002), "betas": betas, "eps": .double(1e-8), "weight_decay": zero,
        "foreach": .none, "maximize": no, "differentiable": no, "capturable": no,
      ]
    ),
    // nadam.py
    .init(
      ["step", "exp_avg", "exp_avg_sq", "mu_product"],
      [
        "lr": .double(0.002), "betas": betas, "eps": .double(1e-8), "weight_decay": zero,
        "momentum_decay": .double(0.004), "decoupled_weight_decay": no, "maximize": no,
        "foreach": .none, "capturable": no, "differentiable": no,
      ]
    ),
    // radam.py
    .init(
      ["step", "exp_avg", "exp_avg_sq"],
      [
        "lr": .double(0.001), "betas": betas, "eps": .double(1e-8), "weight_decay": zero,
        "maximize": no, "foreach": .none, "capturable": no, "decoupled_weight_decay": no,
        "differentiable": no,
      ]
    ),
    // asgd.py
    .init(
      ["step", "eta", "mu", "ax"],
      [
        "lr": .double(0.01), "lambd": .double(0.0001), "alpha": .double(0.75),
        "t0": .double(1_000_000), "weight_decay": zero, "foreach": .none, "maximize": no,
        "differentiable": no, "capturable": no,
      ]
    ),
    // rprop.py
    .init(
      ["step", "prev", "step_size"],
      [
        "lr": .double(0.01), "etas": .tuple([.double(0.5), .double(1.2)]),
        "step_sizes": .tuple([.double(1e-6), .integer(50)]), "foreach": .none, "maximize": no,
        "differentiable": no, "capturable": no,
      ]
    ),
    // sparse_adam.py
    .init(
      ["step", "exp_avg", "exp_avg_sq"],
      ["lr": .double(0.001), "betas": betas, "eps": .double(1e-8), "maximize": no]
    ),
    // _muon.py
    .init(
      ["momentum_buffer"],
      [
        "lr": .double(0.001), "weight_decay": .double(0.1), "momentum": .double(0.95),
        "nesterov": .bool(true),
        "ns_coefficients": .tuple([.double(3.4445), .double(-4.775), .double(2.0315)]),
        "eps": .double(1e-7), "ns_steps": .integer(5), "adjust_lr_fn": .none,
      ]
    ),
    // _adafactor.py
    .init(
      ["step", "variance", "row_var", "col_var"],
      [
        "lr": .double(0.01), "beta2_decay": .double(-0.8),
        "eps": .tuple([.none, .double(0.001)]), "d": .double(1), "weight_decay": zero,
        "foreach": .none, "maximize": no,
      ]
    ),
    // lbfgs.py
    .init(
      [
        "func_evals", "n_iter", "d", "t", "old_dirs", "old_stps", "ro", "H_diag", "al",
        "prev_flat_grad", "prev_loss",
      ],
      [
        "lr": .integer(1), "max_iter": .integer(20), "max_eval": .integer(25),
        "tolerance_grad": .double(1e-7), "tolerance_change": .double(1e-9),
        "history_size": .integer(100), "line_search_fn": .none,
      ]
    ),
  ]

  /// The numbers of groups that are tuples to Python; other sequences are lists.
  static let tuples: Set<String> = ["betas", "eps", "etas", "step_sizes", "ns_coefficients"]
}
