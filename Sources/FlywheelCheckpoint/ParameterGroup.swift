import FlywheelCore
public import FlywheelOptim

/// Hyperparameters that some of the parameters share.
public struct ParameterGroup: Sendable, Hashable {
  /// The numbers of the next step.
  public var hyperparameters: Hyperparameters
  /// The learning rate of the last step taken; nil before the first.
  ///
  /// A buffer that carries the learning rate means nothing without it.
  public var lastLearningRate: Double?

  /// Creates a group.
  public init(hyperparameters: Hyperparameters, lastLearningRate: Double? = nil) {
    self.hyperparameters = hyperparameters
    self.lastLearningRate = lastLearningRate
  }

  var json: JSONValue {
    [
      "learning_rate": JSONValue(hyperparameters.learningRate),
      "last_learning_rate": lastLearningRate.map { JSONValue($0) } ?? .null,
      "momentum": JSONValue(hyperparameters.momentum),
      "dampening": JSONValue(hyperparameters.dampening),
      "weight_decay": JSONValue(hyperparameters.weightDecay),
      "nesterov": JSONValue(hyperparameters.nesterov),
    ]
  }

  init(_ source: JSONObject) throws(FlywheelError) {
    var object = source
    hyperparameters = Hyperparameters(
      learningRate: try object.double("learning_rate"),
      momentum: try object.double("momentum"),
      dampening: try object.double("dampening"),
      weightDecay: try object.double("weight_decay"),
      nesterov: try object.bool("nesterov")
    )
    lastLearningRate = try object.nullableDouble("last_learning_rate")
    try object.refuseOtherMembers()
    do throws(FlywheelError) {
      try hyperparameters.validate()
    } catch {
      // In a file it is not the user's argument that is wrong.
      throw FlywheelError(.malformed, "In \(object.path): \(error.message)")
    }
    guard lastLearningRate.map({ $0.isFinite && $0 >= 0 }) ?? true else {
      throw FlywheelError.malformed(
        found: "last_learning_rate \(lastLearningRate ?? 0) in \(object.path)",
        expected: "null or a number of at least 0"
      )
    }
  }
}
