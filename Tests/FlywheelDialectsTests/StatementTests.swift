import FlywheelCheckpoint
import FlywheelCore
import FlywheelDialects
import FlywheelOptim
import OrderedCollections
import Testing

@Suite("What a framework's own files say of an optimizer")
struct StatementTests {
  private static func groups(_ checkpoint: Checkpoint) -> OrderedDictionary<String, Int> {
    OrderedDictionary(
      uniqueKeysWithValues: checkpoint.parameters.map { ("model.\($0.key)", $0.value.group) }
    )
  }

  private static func flag(_ value: Bool) throws -> AttributeValue {
    .tensor(try Tensor([value], shape: .scalar))
  }

  @Test("PyTorch's groups have its words for all numbers, and their parameters by number and name")
  func groups() throws {
    var checkpoint = try Examples.checkpoint(
      "pytorch",
      .init(learningRate: 0.1, momentum: 0.9, weightDecay: 0.01, nesterov: true)
    )
    checkpoint.optimizer.groups.append(checkpoint.optimizer.groups[0])
    checkpoint.optimizer.groups[1].hyperparameters[.weightDecay] = .number(0)
    for name in checkpoint.parameters.keys where name.hasSuffix("bias") {
      checkpoint.parameters[name]?.group = 1
    }
    let statement = try Dialect.pytorch.statement(
      of: checkpoint.optimizer,
      Self.groups(checkpoint),
      isScheduled: true
    )
    #expect(Array(statement.keys) == ["optimizer.param_groups.0", "optimizer.param_groups.1"])
    let first: OrderedDictionary<String, AttributeValue> = [
      "lr": .double(0.1), "momentum": .double(0.9), "dampening": .double(0),
      "weight_decay": .double(0.01), "nesterov": try Self.flag(true),
      "maximize": try Self.flag(false), "initial_lr": .double(0.1),
      "params": .tensor(try Tensor(vector: [0, 1] as [Int64])),
      "param_names": .strings(["layers.0.weight", "layers.1.weight"]),
    ]
    #expect(statement["optimizer.param_groups.0"] == first)
    let second = statement["optimizer.param_groups.1"]
    #expect(second?["weight_decay"] == .double(0))
    #expect(second?["params"] == .tensor(try Tensor(vector: [2, 3] as [Int64])))
    #expect(second?["param_names"] == .strings(["layers.0.bias", "layers.1.bias"]))
  }

  @Test("Adam and AdamW say which they are", arguments: [("adam", false), ("adamw", true)])
  func decoupling(rule: String, isDecoupled: Bool) throws {
    let checkpoint = try Examples.checkpoint(rule, .init([.beta2: .number(0.99)]))
    let statement = try Dialect.pytorch.statement(
      of: checkpoint.optimizer,
      Self.groups(checkpoint),
      isScheduled: false
    )
    let group = try #require(statement["optimizer.param_groups.0"])
    #expect(group["decoupled_weight_decay"] == (try Self.flag(isDecoupled)))
    #expect(group["betas"] == .tensor(try Tensor(vector: [0.9, 0.99])))
    #expect(group["eps"] == .double(1e-8))
    #expect(group["initial_lr"] == nil)
  }

  @Test("What only Flywheel does is said while it is on")
  func ownNumbers() throws {
    for isOn in [false, true] {
      let checkpoint = try Examples.checkpoint("pytorch", .init([.momentumCorrection: .flag(isOn)]))
      let statement = try Dialect.pytorch.statement(
        of: checkpoint.optimizer,
        Self.groups(checkpoint),
        isScheduled: false
      )
      let found = statement["optimizer.param_groups.0"]?["momentum_correction"]
      #expect(found == (isOn ? try Self.flag(true) : nil))
    }
  }

  @Test("Dialects without such files say nothing", arguments: [Dialect.flywheel, .nielsen, .optax])
  func none(dialect: Dialect) throws {
    let checkpoint = try Examples.checkpoint("pytorch")
    let statement = try dialect.statement(
      of: checkpoint.optimizer,
      Self.groups(checkpoint),
      isScheduled: false
    )
    #expect(statement.isEmpty)
  }

  @Test(
    "In PyTorch's own files the model's names are behind one word, whatever was before them",
    arguments: [
      (nil, "model.layers.0.weight"), ("net.0.weight", "model.net.0.weight"),
      ("state_dict.net.0.weight", "model.net.0.weight"),
      ("model.module.net.0.weight", "model.module.net.0.weight"),
    ] as [(String?, String)]
  )
  func names(before: String?, after: String) throws {
    var checkpoint = try Examples.checkpoint("pytorch")
    if let before {
      checkpoint.layout = CheckpointLayout(
        dialect: "pytorch",
        places: ["model/layers.0.weight": .init(key: before)]
      )
    }
    let layout = try Dialect.pytorch.express(checkpoint, inOwnFile: true)
    #expect(layout.places["model/layers.0.weight"]?.key == after)
    #expect(layout.places["model/layers.1.bias"]?.key == "model.layers.1.bias")
    #expect(
      layout.places["optimizer/velocity/layers.0.bias"]?.key == "optimizer.state.1.momentum_buffer"
    )
  }
}
