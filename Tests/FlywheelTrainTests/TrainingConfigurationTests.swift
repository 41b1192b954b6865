import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import FlywheelTrain
import Testing

@Suite("Training configurations")
struct TrainingConfigurationTests {
  @Test("A configuration comes back from its JSON, defaults or not")
  func roundTrip() throws {
    var configuration = try TrainingConfiguration()
    #expect(try TrainingConfiguration(configuration.json) == configuration)
    configuration.network = try NetworkShape(
      layers: [4, 3, 2],
      activation: .tanh,
      loss: .sigmoidCrossEntropy
    )
    configuration.initialization = .network2
    configuration.precision = .float64
    try configuration.use(
      .adaptive(.rmsprop),
      Hyperparameters([
        .learningRate: .number(0.1), .momentum: .number(0.5), .centered: .flag(true),
      ])
    )
    configuration.groups = [
      ParameterGroupOverride(
        parameters: ["*.bias", "layers.0.*"],
        hyperparameters: Hyperparameters([
          .weightDecay: .number(0.5), .centered: .flag(false),
        ])
      ),
      ParameterGroupOverride(
        parameters: ["layers.1.weight"],
        hyperparameters: Hyperparameters([.learningRate: .number(0)])
      ),
    ]
    configuration.clipping = try GradientClipping(maximumNorm: 0.25)
    configuration.schedule = Schedule(
      shape: .multiStep(at: [2, 5], factor: 0.5),
      unit: .step,
      warmup: .init(over: 3, start: 0.125)
    )
    configuration.data.source = "some/where"
    configuration.data.normalization = NormalizationSettings(scale: 0.5, mean: 1, deviation: 2)
    configuration.data.training = 12
    configuration.data.validation = 0
    configuration.data.batchSize = 5
    configuration.data.lastBatch = .drop
    configuration.seed = .max
    configuration.checkpoints.everySteps = 9
    #expect(try TrainingConfiguration(configuration.json) == configuration)
  }

  @Test("What a file leaves out has its default")
  func partial() throws {
    let configuration = try TrainingConfiguration(["epochs": 2, "data": ["batch_size": 7]])
    var expected = try TrainingConfiguration()
    expected.epochs = 2
    expected.data.batchSize = 7
    #expect(configuration == expected)
  }

  @Test("A rule that is named alone has its own defaults, and no other rule's")
  func otherRule() throws {
    for rule in UpdateRule.presets {
      let configuration = try TrainingConfiguration(["optimizer": ["rule": JSONValue(rule.name)]])
      #expect(configuration.rule == rule)
      #expect(configuration.hyperparameters == (try rule.completed(Hyperparameters())))
    }
  }

  @Test("What an older Flywheel wrote for a rule that does not take it means nothing")
  func olderFile() throws {
    let older = try TrainingConfiguration([
      "optimizer": [
        "rule": "nielsen", "learning_rate": 0.1, "momentum": 0.5, "dampening": 0.0,
        "weight_decay": 5.0, "nesterov": false,
      ]
    ])
    let newer = try TrainingConfiguration([
      "optimizer": [
        "rule": "nielsen", "learning_rate": 0.1, "momentum": 0.5, "weight_decay": 5.0,
      ]
    ])
    #expect(older == newer)
  }

  private static let faults: [(JSONValue, String)] = [
    (["epoch": 2], "'epoch'"),
    (["epochs": 0], "epochs"),
    (["epochs": "2"], "epochs"),
    (["network": ["activation": "swish"]], "swish"),
    (["network": ["layers": [784]]], "784"),
    (["network": ["layers": [784, -1]]], "-1"),
    (["optimizer": ["rule": "adadelta"]], "adadelta"),
    (["optimizer": ["momentum": 1.5]], "momentum"),
    (["optimizer": ["rule": "nielsen", "nesterov": true, "momentum": 0.5]], "nesterov"),
    (["optimizer": ["rule": "adam", "momentum": 0.5]], "takes no momentum"),
    (["optimizer": ["rule": "adam", "beta1": true]], "beta1"),
    (["optimizer": ["rule": "adam", "beta1": "high"]], "beta1"),
    (["optimizer": ["beta1": 0.5]], "nesterov"),
    (["optimizer": ["moment": 0.0]], "'moment'"),
    (["optimizer": ["clip_norm": 0.0]], "norm"),
    (["optimizer": ["schedule": ["kind": "cyclic"]]], "multi_step"),
    (["optimizer": ["schedule": ["kind": "cosine"]]], "over"),
    (["optimizer": ["schedule": ["kind": "cosine", "over": 0]]], "over"),
    (["optimizer": ["schedule": ["kind": "constant", "over": 3]]], "'over'"),
    (["optimizer": ["groups": [["parameters": [], "weight_decay": 0.0]]]], "names none"),
    (["optimizer": ["groups": [["parameters": ["*.gamma"]]]]], "layers.1.bias"),
    (["optimizer": ["groups": [["parameters": ["*"], "beta1": 0.0]]]], "takes no beta1"),
    (["optimizer": ["groups": [["parameters": ["*"], "momentum": 1.0]]]], "group '*'"),
    (
      ["optimizer": ["groups": [["parameters": ["*"]], ["parameters": ["*.bias"]]]]],
      "the first counts"
    ),
    (["data": ["batch_size": 0]], "batch_size"),
    (["data": ["last_batch": "pad"]], "pad"),
    (["seed": -1], "seed"),
    (["checkpoints": ["keep": 0]], "keep"),
    ([], "object"),
  ]

  @Test("A fault is refused with its own word", arguments: faults)
  func refusal(_ json: JSONValue, _ word: String) {
    let error = #expect(throws: FlywheelError.self) { try TrainingConfiguration(json) }
    #expect(error?.message.contains(word) == true, "\(String(describing: error))")
  }
}
