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
  /// How gradients are clipped before the rule sees them; nil for not at all.
  public var clipping: GradientClipping?
  /// The sizes that some rules divide by; nil if the trainer did not say.
  public var sizes: TrainingSizes?
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
    clipping: GradientClipping? = nil,
    sizes: TrainingSizes? = nil,
    slots: OrderedDictionary<String, OrderedDictionary<String, Tensor>>
  ) {
    self.rule = rule
    self.dialect = dialect
    self.groups = groups
    self.step = step
    self.gradient = gradient
    self.clipping = clipping
    self.sizes = sizes
    self.slots = slots
  }

  package var json: JSONValue {
    [
      "rule": JSONValue(rule),
      "dialect": JSONValue(dialect),
      "step": JSONValue(step),
      "gradient": JSONValue(gradient.rawValue),
      "clipping": clipping.map { ["max_norm": JSONValue($0.maximumNorm)] } ?? .null,
      "batch_size": sizes.map { JSONValue($0.batch) } ?? .null,
      "training_size": sizes.map { JSONValue($0.training) } ?? .null,
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
    if var clipping = try object.nullableObject("clipping") {
      self.clipping = try Self.clipping(&clipping)
    }
    let positive = 1...Counter.range.upperBound
    let batch = try object.nullableInteger("batch_size", in: positive)
    let training = try object.nullableInteger("training_size", in: positive)
    switch (batch, training) {
    case (let batch?, let training?): sizes = TrainingSizes(batch: batch, training: training)
    case (nil, nil): sizes = nil
    default:
      throw FlywheelError.malformed(
        found: "one of batch_size and training_size in \(object.path)",
        expected: "both or neither"
      )
    }
    var groups: [ParameterGroup] = []
    for group in try object.objects("groups") { groups.append(try ParameterGroup(group)) }
    guard !groups.isEmpty else {
      throw FlywheelError.malformed(
        found: "no groups in \(object.path)",
        expected: "at least one"
      )
    }
    self.groups = groups
    slots = [:]
    try object.refuseOtherMembers()
    addMissingSwitches()
    try requireWhatTheRuleTakes(object.path)
  }

  /// Checks that what would be written of it, its slots aside, could be read back.
  ///
  /// - Throws: `malformed`, as reading it would.
  package func requireReadable() throws(FlywheelError) {
    _ = try OptimizerState(try JSONObject(json))
  }

  /// A switch that a rule has learnt since a file was written was off when it was.
  private mutating func addMissingSwitches() {
    guard let rule = UpdateRule.preset(self.rule) else { return }
    for name in rule.hyperparameters.filter({ $0.range == .flag }).map(\.name) {
      for index in groups.indices where groups[index].hyperparameters[name] == nil {
        groups[index].hyperparameters[name] = .flag(false)
      }
    }
  }

  /// Of a rule that Flywheel knows, each group has exactly the hyperparameters that it takes.
  private func requireWhatTheRuleTakes(_ path: String) throws(FlywheelError) {
    guard let rule = UpdateRule.preset(self.rule) else { return }
    let names = Set(rule.hyperparameters.map(\.name))
    for group in groups {
      let found = Set(group.hyperparameters.values.keys)
      guard found == names else {
        let odd = found.symmetricDifference(names).map(\.rawValue).sorted()
        throw FlywheelError.malformed(
          found:
            "a group in \(path) in which \(odd.joined(separator: ", ")) is missing or too much",
          expected: "what the rule '\(rule.name)' takes"
        )
      }
      do throws(FlywheelError) {
        try rule.validate(group.hyperparameters)
      } catch {
        // In a file it is not the user's argument that is wrong.
        throw FlywheelError(.malformed, "In a group of \(path): \(error.message)")
      }
    }
  }

  private static func clipping(_ source: inout JSONObject) throws(FlywheelError) -> GradientClipping
  {
    let norm = try source.double("max_norm")
    try source.refuseOtherMembers()
    guard let clipping = try? GradientClipping(maximumNorm: norm) else {
      throw FlywheelError.malformed(
        found: "max_norm \(norm) in \(source.path)",
        expected: "a number above 0"
      )
    }
    return clipping
  }
}
