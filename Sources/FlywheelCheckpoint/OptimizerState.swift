public import FlywheelCore
public import FlywheelOptim
public import OrderedCollections

/// Everything that an optimizer carries from one step to the next.
public struct OptimizerState: Sendable {
  /// The name of the update rule.
  public var rule: String
  /// Whose convention the slots and hyperparameters follow.
  public var dialect: String
  /// The hyperparameters; each parameter names its group by index.
  public var groups: [ParameterGroup]
  /// The number of steps taken.
  public var step: Int
  /// What the rule takes as gradient: the mean or the sum over the mini-batch.
  public var gradient: GradientReduction
  /// The sizes that some rules divide by.
  public var sizes: SGDRule.Sizes
  /// The buffers: slot, then parameter.
  ///
  /// A buffer that does not exist yet is absent, never zeros.
  public var slots: OrderedDictionary<String, OrderedDictionary<String, Tensor>>

  /// How the gradients of a mini-batch become one.
  public enum GradientReduction: String, Sendable, Hashable {
    /// Their mean.
    case mean
    /// Their sum.
    case sum
  }

  /// Creates a state.
  public init(
    rule: String,
    dialect: String = "flywheel",
    groups: [ParameterGroup],
    step: Int,
    gradient: GradientReduction = .mean,
    sizes: SGDRule.Sizes,
    slots: OrderedDictionary<String, OrderedDictionary<String, Tensor>>
  ) {
    self.rule = rule
    self.dialect = dialect
    self.groups = groups
    self.step = step
    self.gradient = gradient
    self.sizes = sizes
    self.slots = slots
  }

  var json: JSONValue {
    [
      "rule": JSONValue(rule),
      "dialect": JSONValue(dialect),
      "step": JSONValue(step),
      "gradient": JSONValue(gradient.rawValue),
      "batch_size": JSONValue(sizes.batch),
      "training_size": JSONValue(sizes.training),
      "groups": .array(groups.map(\.json)),
    ]
  }

  /// Reads all but the slots, which are tensors.
  init(_ source: JSONObject) throws(FlywheelError) {
    var object = source
    rule = try object.string("rule")
    dialect = try object.string("dialect")
    step = try object.integer("step", in: Counter.range)
    let reduction = try object.string("gradient")
    guard let gradient = GradientReduction(rawValue: reduction) else {
      throw FlywheelError.malformed(found: "gradient '\(reduction)'", expected: "'mean' or 'sum'")
    }
    self.gradient = gradient
    sizes = SGDRule.Sizes(
      batch: try object.integer("batch_size", in: 1...Counter.range.upperBound),
      training: try object.integer("training_size", in: 1...Counter.range.upperBound)
    )
    var groups: [ParameterGroup] = []
    for group in try object.objects("groups") { groups.append(try ParameterGroup(group)) }
    self.groups = groups
    slots = [:]
    try object.refuseOtherMembers()
  }
}
