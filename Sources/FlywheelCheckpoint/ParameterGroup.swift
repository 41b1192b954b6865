import FlywheelCore
public import FlywheelOptim
import OrderedCollections

/// Hyperparameters that some of the parameters share.
public struct ParameterGroup: Sendable, Hashable {
  /// The numbers of the next step, the learning rate among them.
  public var hyperparameters: Hyperparameters
  /// The learning rate of the last step taken; nil before the first.
  ///
  /// A buffer that carries the learning rate means nothing without it.
  public var lastLearningRate: Double?
  /// The learning rate that a schedule's factor multiplies; without a schedule that of every step.
  public var initialLearningRate: Double

  /// Creates a group.
  ///
  /// - Parameters:
  ///   - hyperparameters: The numbers of the next step.
  ///   - lastLearningRate: The learning rate of the last step taken; nil before the first.
  ///   - initialLearningRate: What a schedule multiplies; nil for the rate of the next step.
  public init(
    hyperparameters: Hyperparameters,
    lastLearningRate: Double? = nil,
    initialLearningRate: Double? = nil
  ) {
    self.hyperparameters = hyperparameters
    self.lastLearningRate = lastLearningRate
    self.initialLearningRate = initialLearningRate ?? hyperparameters.learningRate
  }

  private static let lastMember = "last_learning_rate"
  private static let initialMember = "initial_learning_rate"

  /// The names that no hyperparameter may have: a group says more under them.
  package static let reservedNames = [lastMember, initialMember]

  var json: JSONValue {
    var members: OrderedDictionary<String, JSONValue> = [
      Hyperparameter.learningRate.rawValue: JSONValue(hyperparameters.learningRate),
      Self.lastMember: lastLearningRate.map { JSONValue($0) } ?? .null,
      Self.initialMember: JSONValue(initialLearningRate),
    ]
    for (name, value) in hyperparameters.ordered where members[name.rawValue] == nil {
      members[name.rawValue] =
        switch value {
        case .number(let number): JSONValue(number)
        case .flag(let flag): JSONValue(flag)
        }
    }
    return .object(members)
  }

  init(_ source: JSONObject) throws(FlywheelError) {
    var object = source
    let rate = Hyperparameter.learningRate.rawValue
    var hyperparameters = Hyperparameters([.learningRate: .number(try object.double(rate))])
    lastLearningRate = try object.nullableDouble(Self.lastMember)
    initialLearningRate = try object.double(Self.initialMember)
    for name in object.names where name != rate && !Self.reservedNames.contains(name) {
      let value: Hyperparameters.Value =
        if case .bool(let flag) = try object.value(name) {
          .flag(flag)
        } else {
          .number(try object.double(name))
        }
      hyperparameters[Hyperparameter(rawValue: name)] = value
    }
    self.hyperparameters = hyperparameters
    try object.refuseOtherMembers()
    let rates = [
      (rate, hyperparameters.learningRate), (Self.lastMember, lastLearningRate ?? 0),
      (Self.initialMember, initialLearningRate),
    ]
    for (name, rate) in rates where !rate.isFinite || rate < 0 {
      throw FlywheelError.malformed(
        found: "\(name) \(rate) in \(object.path)",
        expected: "a number of at least 0"
      )
    }
  }
}
