import FlywheelCore
import FlywheelOptim
import OrderedCollections
import Testing

@testable import FlywheelConvert

@Suite("Optimizers that a Keras model's configuration tells of")
struct FoundKerasOptimizerTests {
  private static func legacy(_ className: String, _ numbers: JSONValue) -> ArchiveMetadata {
    let training: JSONValue = [
      "loss": "mse", "optimizer_config": ["class_name": JSONValue(className), "config": numbers],
    ]
    return ArchiveMetadata(attributes: ["": ["training_config": .string(training.prettyText())]])
  }

  private static func archive(
    _ className: String,
    _ numbers: JSONValue,
    layers: [JSONValue] = []
  ) -> ArchiveMetadata {
    let configuration: JSONValue = [
      "class_name": "Sequential", "config": ["layers": .array(layers)],
      "compile_config": [
        "optimizer": ["class_name": JSONValue(className), "config": numbers, "module": "keras"]
      ],
    ]
    return ArchiveMetadata(attributes: ["": ["config.json": .string(configuration.prettyText())]])
  }

  private static func dense(_ kernel: JSONValue, _ bias: JSONValue = .null) -> JSONValue {
    [
      "class_name": "Dense",
      "config": ["kernel_regularizer": kernel, "bias_regularizer": bias],
    ]
  }

  private static func square(_ number: Double) -> JSONValue {
    ["class_name": "L2", "config": ["l2": JSONValue(number)]]
  }

  @Test("A class is a rule, and its words are the rule's numbers")
  func rules() throws {
    let sgd: JSONValue = [
      "name": "sgd", "learning_rate": 0.1, "momentum": 0.9, "nesterov": true, "weight_decay": .null,
      "clipnorm": .null, "use_ema": false, "ema_momentum": 0.99, "decay": 0.0,
    ]
    for metadata in [Self.legacy("SGD", sgd), Self.archive("SGD", sgd)] {
      let found = try #require(try FoundOptimizer.find(in: metadata))
      #expect(found.rules == ["keras"] && found.obstacles.isEmpty)
      #expect(
        found.groups.map(\.hyperparameters)
          == [
            Hyperparameters([
              .learningRate: .number(0.1), .momentum: .number(0.9), .nesterov: .flag(true),
            ])
          ]
      )
    }
    let adam: JSONValue = [
      "learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-6, "amsgrad": true,
      "weight_decay": 0.004,
    ]
    let found = try #require(try FoundOptimizer.find(in: Self.archive("AdamW", adam)))
    #expect(found.rules == ["keras_adam"])
    #expect(
      found.groups[0].hyperparameters
        == Hyperparameters([
          .learningRate: .number(0.01), .beta1: .number(0.8), .beta2: .number(0.99),
          .epsilon: .number(1e-6), .amsgrad: .flag(true), .weightDecay: .number(0.004),
        ])
    )
    let rms: JSONValue = ["learning_rate": 1, "rho": 0.8, "momentum": 0, "centered": true]
    let other = try #require(try FoundOptimizer.find(in: Self.legacy("RMSprop", rms)))
    #expect(other.groups[0].hyperparameters[.alpha] == .number(0.8))
    #expect(other.groups[0].hyperparameters[.learningRate] == .number(1))
  }

  @Test("A schedule is told by its name, and no rate is guessed")
  func schedule() throws {
    let schedule: JSONValue = [
      "class_name": "ExponentialDecay", "config": ["initial_learning_rate": 0.1],
    ]
    let found = try #require(
      try FoundOptimizer.find(in: Self.archive("SGD", ["learning_rate": schedule]))
    )
    #expect(found.groups[0].hyperparameters[.learningRate] == nil)
    #expect(found.name.contains("ExponentialDecay") && found.obstacles.isEmpty)
  }

  @Test(
    "What no rule takes is an obstacle, in words",
    arguments: [
      ("SGD", ["clipnorm": 1.0], "clipnorm"), ("Adam", ["use_ema": true], "use_ema"),
      ("SGD", ["gradient_accumulation_steps": 4], "gradient_accumulation_steps"),
      ("SGD", ["decay": 1e-4], "decay"), ("Nadam", ["learning_rate": 0.1], "Nadam"),
    ] as [(String, JSONValue, String)]
  )
  func obstacles(className: String, numbers: JSONValue, word: String) throws {
    let found = try #require(try FoundOptimizer.find(in: Self.archive(className, numbers)))
    #expect(found.obstacles.contains { $0.contains(word) })
  }

  @Test("Penalties of layers are the rule's own if they are one for all")
  func penalties() throws {
    func find(_ className: String, _ layers: JSONValue...) throws -> FoundOptimizer? {
      try FoundOptimizer.find(in: Self.archive(className, ["learning_rate": 0.1], layers: layers))
    }
    let same = try find("SGD", Self.dense(Self.square(0.25)), Self.dense(Self.square(0.25)))
    #expect(same?.groups[0].hyperparameters[.l2] == .number(0.25))
    #expect(same?.obstacles.isEmpty == true)
    let absolute: JSONValue = ["class_name": "L1", "config": ["l1": 0.5]]
    for found in [
      try find("SGD", Self.dense(Self.square(0.25)), Self.dense(.null)),
      try find("SGD", Self.dense(absolute)), try find("Adam", Self.dense(Self.square(0.25))),
    ] {
      #expect(found?.obstacles.contains { $0.contains("kernel_regularizer") } == true)
    }
    let biases = try find("SGD", Self.dense(.null, Self.square(0.5)))
    #expect(biases?.groups[0].hyperparameters[.biasL2] == .number(0.5))
  }

  @Test(
    "What layers do to steps and no rule does is an obstacle, in whatever they are",
    arguments: [
      ("kernel_constraint", "MaxNorm"), ("activity_regularizer", "L2"),
      ("gamma_regularizer", "L1"), ("kernel_regularizer", "L1"),
    ]
  )
  func layers(member: String, className: String) throws {
    let value: JSONValue = ["class_name": JSONValue(className), "config": [:]]
    let layer: JSONValue = [
      "class_name": "Dense", "config": .object(["name": "inside", member: value]),
    ]
    let model: JSONValue = [
      "class_name": "Sequential", "config": ["name": "outside", "layers": [layer]],
    ]
    let wrapped: JSONValue = [
      "class_name": "TimeDistributed", "config": ["name": "outside", "layer": layer],
    ]
    for layers in [[layer], [model], [wrapped], [Self.dense(.null), layer]] {
      let metadata = Self.archive("SGD", ["learning_rate": 0.1], layers: layers)
      let found = try #require(try FoundOptimizer.find(in: metadata))
      #expect(found.obstacles.contains { $0.contains(member) }, "\(found.obstacles)")
    }
  }

  @Test("Layers that are not trained are told by their keys, those in them with them")
  func frozen() throws {
    func layer(_ name: String, _ isTrained: Bool, in layers: [JSONValue]? = nil) -> JSONValue {
      var config: OrderedDictionary<String, JSONValue> = [
        "name": JSONValue(name), "trainable": .bool(isTrained),
      ]
      config["layers"] = layers.map { .array($0) }
      return ["class_name": layers == nil ? "Dense" : "Sequential", "config": .object(config)]
    }
    let layers = [
      layer("a", true), layer("b", false), layer("c", true, in: [layer("d", false)]),
      layer("e", false, in: [layer("f", false)]),
    ]
    let metadata = Self.archive("SGD", ["learning_rate": 0.1], layers: layers)
    let found = try #require(try FoundOptimizer.find(in: metadata))
    #expect(found.untrained == ["layers/b/", "layers/c/d/", "layers/e/"])
    #expect(found.obstacles.isEmpty)
    let description = try TensorDescription(element: .number(.float32), shape: try Shape([2, 2]))
    let error = #expect(throws: FlywheelError.self) {
      try UnderstoodNames(
        ["layers/a/kernel": description, "layers/b/kernel": description],
        metadata
      )
    }
    #expect(error?.code == .unsupported && error?.location.tensor == "layers/b/kernel")
    _ = try UnderstoodNames(["layers/a/kernel": description], metadata)
  }

  @Test("A class that is written for a rule is read as that rule")
  func bothWays() throws {
    #expect(KerasOptimizer.rules.count == 4)
    for rule in KerasOptimizer.rules {
      let name = try #require(KerasOptimizer.className(ofRule: rule))
      let metadata = Self.archive(name, ["learning_rate": 0.1])
      #expect(try FoundOptimizer.find(in: metadata)?.rules == [rule])
    }
    #expect(KerasOptimizer.className(ofRule: "pytorch") == nil)
  }

  @Test("What is no configuration says nothing; a number out of range is an error")
  func odd() throws {
    for text in ["", "{", "null", "{\"compile_config\": {\"optimizer\": \"sgd\"}}"] {
      let metadata = ArchiveMetadata(attributes: ["": ["config.json": .string(text)]])
      #expect(try FoundOptimizer.find(in: metadata) == nil)
    }
    let error = #expect(throws: FlywheelError.self) {
      try FoundOptimizer.find(in: Self.archive("Adam", ["beta_1": 7.0]))
    }
    #expect(error?.code == .malformed)
  }
}
