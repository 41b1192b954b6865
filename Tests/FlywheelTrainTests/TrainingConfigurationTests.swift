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
    configuration.rule = .nielsen
    configuration.hyperparameters = .init(learningRate: 0.1, momentum: 0.5, weightDecay: 5)
    configuration.data.source = "some/where"
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

  private static let faults: [(JSONValue, String)] = [
    (["epoch": 2], "'epoch'"),
    (["epochs": 0], "epochs"),
    (["epochs": "2"], "epochs"),
    (["network": ["activation": "swish"]], "swish"),
    (["network": ["layers": [784]]], "784"),
    (["network": ["layers": [784, -1]]], "-1"),
    (["optimizer": ["rule": "adagrad"]], "adagrad"),
    (["optimizer": ["momentum": 1.5]], "momentum"),
    (["optimizer": ["rule": "nielsen", "nesterov": true, "momentum": 0.5]], "nesterov"),
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
