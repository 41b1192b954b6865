import FlywheelConvert
import FlywheelCore
import FlywheelOptim
import OrderedCollections
import Testing

@Suite("Optimizers that a file's metadata tells of")
struct FoundOptimizerTests {
  typealias Words = OrderedDictionary<String, AttributeValue>

  // MARK: What torch writes

  /// A Python bool as a reader gives it.
  private static func flag(_ value: Bool) throws -> AttributeValue {
    .tensor(try Tensor([value], shape: .scalar))
  }

  private static func list(_ numbers: [Double]) throws -> AttributeValue {
    .tensor(try Tensor(vector: numbers))
  }

  private static func numbers(_ numbers: [Int64]) throws -> AttributeValue {
    .tensor(try Tensor(vector: numbers))
  }

  static func sgd(_ others: Words = [:]) throws -> Words {
    let words: Words = try [
      "lr": .double(0.1), "momentum": .double(0.9), "dampening": .integer(0),
      "weight_decay": .double(1e-4), "nesterov": flag(true), "maximize": flag(false),
      "differentiable": flag(false), "params": numbers([0, 1]),
    ]
    return words.merging(others) { $1 }
  }

  static func adam(_ others: Words = [:]) throws -> Words {
    let words: Words = try [
      "lr": .double(0.001), "betas": list([0.8, 0.99]), "eps": .double(1e-6),
      "weight_decay": .double(0.02), "amsgrad": flag(true), "maximize": flag(false),
      "capturable": flag(true), "differentiable": flag(true), "params": numbers([0, 1]),
    ]
    return words.merging(others) { $1 }
  }

  private static func metadata(
    _ groups: Words...,
    under key: String = "optimizer.param_groups",
    root: Words = [:]
  ) -> ArchiveMetadata {
    var metadata = ArchiveMetadata(attributes: root.isEmpty ? [:] : ["": root])
    for (index, group) in groups.enumerated() { metadata.attributes["\(key).\(index)"] = group }
    return metadata
  }

  private static func find(
    _ metadata: ArchiveMetadata,
    stating rule: String? = nil
  ) throws -> FoundOptimizer {
    let rule = try rule.map { try UpdateRule.named($0) }
    return try #require(try FoundOptimizer.find(in: metadata, stating: rule))
  }

  @Test("Which optimizer it was follows from the words of its groups")
  func names() throws {
    let decay: Words = ["weight_decay": .integer(0)]
    let rest: Words = ["params": try Self.numbers([0]), "lr": .double(0.1)]
    let cases: [(Words, String, [String])] = try [
      (Self.sgd(), "torch.optim.SGD", ["pytorch"]),
      (Self.adam(["decoupled_weight_decay": Self.flag(false)]), "torch.optim.Adam", ["adam"]),
      (Self.adam(["decoupled_weight_decay": Self.flag(true)]), "torch.optim.AdamW", ["adamw"]),
      (Self.adam(), "torch.optim.Adam or AdamW", ["adam", "adamw"]),
      // Where nothing decays, the two are the same.
      (Self.adam(decay), "torch.optim.Adam or AdamW", ["adam"]),
      (
        rest.merging([
          "momentum": .integer(0), "alpha": .double(0.99), "eps": .double(1e-8),
          "centered": Self.flag(false), "weight_decay": .integer(0),
        ]) { $1 }, "torch.optim.RMSprop", ["rmsprop"]
      ),
      (
        rest.merging([
          "lr_decay": .integer(0), "eps": .double(1e-10), "weight_decay": .integer(0),
          "initial_accumulator_value": .integer(0),
        ]) { $1 }, "torch.optim.Adagrad", ["adagrad"]
      ),
      (
        rest.merging([
          "betas": Self.list([0.9, 0.999]), "eps": .double(1e-8), "weight_decay": .integer(0),
          "momentum_decay": .double(0.004), "decoupled_weight_decay": Self.flag(false),
        ]) { $1 }, "torch.optim.NAdam", []
      ),
      (
        rest.merging([
          "betas": Self.list([0.9, 0.999]), "eps": .double(1e-8), "weight_decay": .integer(0),
          "decoupled_weight_decay": Self.flag(false), "capturable": Self.flag(false),
        ]) { $1 }, "torch.optim.RAdam", []
      ),
    ]
    for (words, name, rules) in cases {
      let found = try Self.find(Self.metadata(words))
      #expect(found.name == name && found.rules == rules)
      #expect(found.obstacles.isEmpty == !rules.isEmpty, "\(found.obstacles)")
    }
  }

  @Test("Its numbers go by Flywheel's names, and what does not change a step says nothing")
  func hyperparameters() throws {
    let sgd = try Self.find(Self.metadata(Self.sgd(["name": .string("decay")])))
    #expect(
      sgd.groups.map(\.hyperparameters) == [
        Hyperparameters([
          .learningRate: .number(0.1), .momentum: .number(0.9), .dampening: .number(0),
          .weightDecay: .number(1e-4), .nesterov: .flag(true), .maximize: .flag(false),
        ])
      ]
    )
    let adam = try Self.find(Self.metadata(Self.adam()), stating: "adamw")
    #expect(
      adam.groups.map(\.hyperparameters) == [
        Hyperparameters([
          .learningRate: .number(0.001), .beta1: .number(0.8), .beta2: .number(0.99),
          .epsilon: .number(1e-6), .weightDecay: .number(0.02), .amsgrad: .flag(true),
        ])
      ]
    )
    #expect(adam.obstacles.isEmpty && adam.place == "'optimizer.param_groups'")
  }

  @Test(
    "Groups are found whatever their keys begin with, in the order of their numbers",
    arguments: ["", "optimizer.", "optimizer_state_dict.", "optim.", "optimizer_states.0."]
  )
  func prefixes(_ prefix: String) throws {
    var groups: OrderedDictionary<String, Words> = [:]
    for index in [0, 10, 2] {
      groups["\(prefix)param_groups.\(index)"] = try Self.sgd([
        "lr": .double(Double(index)), "params": Self.numbers([Int64(index)]),
        "initial_lr": .double(20),
      ])
    }
    let found = try Self.find(ArchiveMetadata(attributes: groups))
    #expect(found.statePrefix == "\(prefix)state.")
    #expect(found.groups.map(\.hyperparameters.learningRate) == [0, 2, 10])
    #expect(found.groups.map(\.members) == [0, 2, 10].map { .numbered([$0], names: nil) })
    #expect(found.groups.allSatisfy { $0.initialLearningRate == 20 })
  }

  @Test("A group is of numbers, of numbers with names, or of names")
  func members() throws {
    let names: AttributeValue = .strings(["fc.weight", "fc.bias"])
    let cases: [(Words, FoundOptimizer.Members)] = try [
      (Self.sgd(), .numbered([0, 1], names: nil)),
      (Self.sgd(["param_names": names]), .numbered([0, 1], names: ["fc.weight", "fc.bias"])),
      (Self.sgd(["params": names]), .named(["fc.weight", "fc.bias"])),
      (Self.sgd(["params": Self.list([])]), .numbered([], names: nil)),
    ]
    for (words, members) in cases {
      #expect(try Self.find(Self.metadata(words)).groups.map(\.members) == [members])
    }
  }

  @Test("A group whose list of parameters is empty is of none")
  func emptyGroup() throws {
    var words = try Self.sgd()
    words["params"] = nil
    var metadata = Self.metadata(words)
    metadata.emptyGroups = ["optimizer.param_groups.0.params"]
    #expect(try Self.find(metadata).groups.map(\.members) == [.numbered([], names: nil)])
  }

  @Test("Groups under the names of single parameters share their numbers")
  func groupsByParameter() throws {
    var groups: OrderedDictionary<String, Words> = [:]
    for (name, decay) in [("fc.weight", 0.1), ("fc.bias", 0), ("out.weight", 0.1)] {
      var words = try Self.sgd(["weight_decay": .double(decay)])
      words["params"] = nil
      groups["optim.param_groups.\(name)"] = words
    }
    let found = try Self.find(ArchiveMetadata(attributes: groups))
    #expect(
      found.groups.map(\.members) == [.named(["fc.weight", "out.weight"]), .named(["fc.bias"])]
    )
    #expect(found.groups.map(\.hyperparameters.weightDecay) == [0.1, 0])
  }

  @Test("Steps are counted at the top level of a file, under one of a few words")
  func steps() throws {
    let cases: [(Words, Int?)] = [
      (["global_step": .integer(7), "epoch": .integer(2)], 7), (["step": .integer(3)], 3),
      (["step": .double(3)], nil), (["step": .integer(-3)], nil), ([:], nil),
    ]
    for (root, step) in cases {
      #expect(try Self.find(Self.metadata(Self.sgd(), root: root)).step == step)
    }
  }

  @Test("What no rule can express is said by name")
  func obstacles() throws {
    let decoupled = try Self.flag(true)
    let maximised = try Self.adam(["maximize": decoupled, "decoupled_weight_decay": decoupled])
    let found = try Self.find(Self.metadata(maximised))
    #expect(found.obstacles.count == 1)
    #expect(found.obstacles.first?.contains("maximize is true") == true)
    #expect(found.obstacles.first?.contains("'adamw'") == true)
    // PyTorch's SGD can climb, and so can the rule.
    let climbing = try Self.find(Self.metadata(Self.sgd(["maximize": decoupled])))
    #expect(climbing.obstacles.isEmpty)
    #expect(climbing.groups[0].hyperparameters[.maximize] == .flag(true))

    var two = Self.metadata(try Self.sgd(), under: "optimizer_states.0.param_groups")
    two.attributes["optimizer_states.1.param_groups.0"] = try Self.adam()
    let several = try Self.find(two)
    #expect(several.obstacles.contains { $0.contains("2 optimizers") })
  }

  @Test("An optimizer of no known kind has the numbers that the stated rule takes")
  func unknown() throws {
    let words: Words = ["lr": .double(0.5), "momentum": .double(0.9), "trust": .double(2)]
    let bare = try Self.find(Self.metadata(words))
    #expect(bare.rules.isEmpty && bare.obstacles.isEmpty && bare.name.contains("trust"))
    let stated = try Self.find(Self.metadata(words), stating: "pytorch")
    #expect(stated.groups[0].hyperparameters.learningRate == 0.5)
    #expect(stated.groups[0].members == .all)
  }

  @Test("Numbers that are none are refused with their place")
  func malformed() throws {
    let cases: [(Words, String)] = try [
      (["lr": .string("fast")], "lr"), (["momentum": .double(2)], "momentum"),
      (["lr": .double(.nan)], "learning_rate"), (["nesterov": .integer(3)], "nesterov"),
      (["momentum": Self.list([0.9, 0.8])], "2 values"),
      (["params": Self.numbers([0, 0])], "params"), (["params": Self.numbers([-1, 0])], "params"),
      (["params": .double(1)], "params"), (["param_names": .strings(["fc"])], "params"),
    ]
    for (words, part) in cases {
      let error = #expect(throws: FlywheelError.self) {
        _ = try FoundOptimizer.find(in: Self.metadata(Self.sgd(words)))
      }
      #expect(error?.code == .malformed)
      #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
      #expect(error?.message.contains("'optimizer.param_groups.0'") == true)
    }
  }

  @Test("A file without groups says nothing of an optimizer")
  func nothing() throws {
    let metadata = ArchiveMetadata(attributes: [
      "": ["epoch": .integer(3)], "param_groups": ["lr": .double(0.1)],
      "model.param_groups_head": ["lr": .double(0.1)],
    ])
    #expect(try FoundOptimizer.find(in: metadata) == nil)
  }
}
