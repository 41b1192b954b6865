import FlywheelCheckpoint
public import FlywheelCore
import FlywheelOptim

extension TrainingConfiguration {
  /// The configuration as JSON, every setting spelled out: an instance of
  /// `schemas/configuration.schema.json`.
  public var json: JSONValue {
    [
      "network": [
        "layers": .array(network.layers.map { JSONValue($0) }),
        "activation": JSONValue(network.activation.rawValue),
        "loss": JSONValue(network.loss.rawValue),
        "initialization": JSONValue(initialization.rawValue),
        "precision": JSONValue(precision.rawValue),
      ],
      "optimizer": [
        "rule": JSONValue(rule.name),
        "learning_rate": JSONValue(hyperparameters.learningRate),
        "momentum": JSONValue(hyperparameters.momentum),
        "dampening": JSONValue(hyperparameters.dampening),
        "weight_decay": JSONValue(hyperparameters.weightDecay),
        "nesterov": JSONValue(hyperparameters.nesterov),
      ],
      "data": [
        "source": JSONValue(data.source),
        "training": data.training.map { JSONValue($0) } ?? .null,
        "validation": data.validation.map { JSONValue($0) } ?? .null,
        "batch_size": JSONValue(data.batchSize),
        "last_batch": JSONValue(data.lastBatch.rawValue),
      ],
      "epochs": JSONValue(epochs),
      "seed": JSONValue(seed),
      "checkpoints": [
        "every_epochs": JSONValue(checkpoints.everyEpochs),
        "every_steps": JSONValue(checkpoints.everySteps),
        "keep": JSONValue(checkpoints.keep),
      ],
    ]
  }

  private static let spelling =
    "check its spelling; schemas/configuration.schema.json lists what there is"

  /// Reads a configuration; what it leaves out has its default.
  ///
  /// - Parameter json: The document.
  /// - Throws: `malformed` for a member of the wrong type or an unknown one, `invalidArgument` for a
  ///   value out of range.
  public init(_ json: JSONValue) throws(FlywheelError) {
    try self.init()
    var root = try JSONObject(json)
    if var section = try root.optionalObject("network") {
      network = try NetworkShape(
        layers: try section.optionalIntegers("layers") ?? network.layers,
        activation: try section.choice("activation") ?? network.activation,
        loss: try section.choice("loss") ?? network.loss
      )
      initialization = try section.choice("initialization") ?? initialization
      precision = try section.choice("precision") ?? precision
      try section.refuseOtherMembers(remedy: Self.spelling)
    }
    if var section = try root.optionalObject("optimizer") {
      if let name = try section.optionalString("rule") { rule = try SGDRule.named(name) }
      hyperparameters = Hyperparameters(
        learningRate: try section.optionalDouble("learning_rate") ?? hyperparameters.learningRate,
        momentum: try section.optionalDouble("momentum") ?? hyperparameters.momentum,
        dampening: try section.optionalDouble("dampening") ?? hyperparameters.dampening,
        weightDecay: try section.optionalDouble("weight_decay") ?? hyperparameters.weightDecay,
        nesterov: try section.optionalBool("nesterov") ?? hyperparameters.nesterov
      )
      try section.refuseOtherMembers(remedy: Self.spelling)
    }
    if var section = try root.optionalObject("data") {
      data = DataConfiguration(
        source: try section.optionalString("source") ?? data.source,
        training: try section.optionalInteger("training"),
        validation: try section.optionalInteger("validation"),
        batchSize: try section.optionalInteger("batch_size") ?? data.batchSize,
        lastBatch: try section.choice("last_batch") ?? data.lastBatch
      )
      try section.refuseOtherMembers(remedy: Self.spelling)
    }
    epochs = try root.optionalInteger("epochs") ?? epochs
    seed = try root.optionalUnsigned("seed") ?? seed
    if var section = try root.optionalObject("checkpoints") {
      checkpoints = CheckpointPolicy(
        everyEpochs: try section.optionalInteger("every_epochs") ?? checkpoints.everyEpochs,
        everySteps: try section.optionalInteger("every_steps") ?? checkpoints.everySteps,
        keep: try section.optionalInteger("keep") ?? checkpoints.keep
      )
      try section.refuseOtherMembers(remedy: Self.spelling)
    }
    try root.refuseOtherMembers(remedy: Self.spelling)
    try validate()
  }
}

extension JSONObject {
  /// A member that is one of a few words.
  fileprivate mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ name: String
  ) throws(FlywheelError) -> Choice? {
    guard let word = try optionalString(name) else { return nil }
    guard let choice = Choice(rawValue: word) else {
      let words = Choice.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
      throw FlywheelError.malformed(found: "\(name) '\(word)'", expected: "one of \(words)")
    }
    return choice
  }

  /// An array of integers that may be absent.
  fileprivate mutating func optionalIntegers(_ name: String) throws(FlywheelError) -> [Int]? {
    optionalValue(name) == nil ? nil : try integers(name)
  }
}
