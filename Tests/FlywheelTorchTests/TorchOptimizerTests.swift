import FlywheelCore
import OrderedCollections
import Testing

@testable import FlywheelTorch

@Suite("The groups of PyTorch's optimizers")
struct TorchOptimizerTests {
  @Test(
    "What only one optimizer has tells which it is",
    arguments: [
      (["lr", "dampening"], [], "fused"), (["betas", "amsgrad"], [], "decoupled_weight_decay"),
      (["alpha", "centered"], [], "capturable"), (["lr_decay"], [], "initial_accumulator_value"),
      (["rho"], [], "capturable"), (["lr", "betas"], ["exp_inf"], "differentiable"),
      (["momentum_decay"], [], "decoupled_weight_decay"), (["t0"], [], "lambd"),
      (["etas"], [], "step_sizes"), (["ns_steps"], [], "adjust_lr_fn"),
      (["beta2_decay"], ["row_var"], "d"), (["history_size"], [], "line_search_fn"),
      (["lr", "params", "own"], ["momentum_buffer"], "dampening"),
    ] as [([String], [String], String)]
  )
  func known(names: [String], slots: [String], expected: String) {
    #expect(TorchOptimizer.defaults(for: names, Set(slots))[expected] != nil)
  }

  @Test("A group that is whole but for what is None keeps its optimizer")
  func whole() {
    // All that Adam has but amsgrad and fused: RAdam's.
    let names = [
      "lr", "betas", "eps", "weight_decay", "maximize", "capturable", "decoupled_weight_decay",
      "differentiable",
    ]
    let defaults = TorchOptimizer.defaults(for: names, ["step", "exp_avg", "exp_avg_sq"])
    #expect(Set(defaults.keys) == Set(names + ["foreach"]))
    #expect(defaults["foreach"] == TorchValue.none)
  }

  @Test("Nothing is added to the groups of an optimizer that is not known")
  func unknown() {
    #expect(TorchOptimizer.defaults(for: ["lr", "momentum"], ["own"]).isEmpty)
    #expect(TorchOptimizer.defaults(for: ["dampening", "betas"], []).isEmpty)
  }
}
