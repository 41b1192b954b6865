import FlywheelCheckpoint
public import FlywheelCore
import FlywheelOptim
import OrderedCollections

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
      "start": start.map { start in
        [
          "source": JSONValue(start.source),
          "step": start.step.map { JSONValue($0) } ?? .null,
        ]
      } ?? .null,
      "optimizer": optimizerJSON,
      "data": [
        "source": JSONValue(data.source),
        "normalization": [
          "scale": data.normalization.scale.map { JSONValue($0) } ?? .null,
          "mean": JSONValue(data.normalization.mean),
          "deviation": JSONValue(data.normalization.deviation),
        ],
        "training": data.training.map { JSONValue($0) } ?? .null,
        "validation": data.validation.map { JSONValue($0) } ?? .null,
        "batch_size": JSONValue(data.batchSize),
        "last_batch": JSONValue(data.lastBatch.rawValue),
      ],
      "epochs": JSONValue(epochs),
      "early_stopping": earlyStopping?.json ?? .null,
      "seed": JSONValue(seed),
      "checkpoints": checkpoints.json,
    ]
  }

  private var optimizerJSON: JSONValue {
    var members = hyperparameters.json
    members.updateValue(JSONValue(rule.name), forKey: "rule", insertingAt: 0)
    members["clip_norm"] = clipping.map { JSONValue($0.maximumNorm) } ?? .null
    members["groups"] = .array(
      groups.map { group in
        var members = group.hyperparameters.json
        let patterns = JSONValue.array(group.parameters.map { JSONValue($0) })
        members.updateValue(patterns, forKey: "parameters", insertingAt: 0)
        return .object(members)
      }
    )
    members["schedule"] = schedule.json
    return .object(members)
  }

  /// How many steps a state may have behind: what every reader of a checkpoint holds exactly.
  static let stepCounts = 0...(1 << 53)

  static let spelling =
    "check its spelling; schemas/configuration.schema.json lists what there is"

  /// Reads a configuration; what it leaves out has its default.
  ///
  /// - Parameter json: The document.
  /// - Throws: `malformed` for a member of the wrong type or an unknown one, `invalidArgument` for a
  ///   value out of range.
  public init(_ json: JSONValue) throws(FlywheelError) {
    self = try TrainingConfiguration().applying(json)
  }

  /// This configuration with what a document says put over it.
  ///
  /// Another rule than this one's starts from its own defaults.
  ///
  /// - Parameter json: The document; what it leaves out stays.
  /// - Throws: As `init`.
  /// - Returns: The configuration.
  public func applying(_ json: JSONValue) throws(FlywheelError) -> TrainingConfiguration {
    var result = self
    try result.read(json)
    return result
  }

  private mutating func read(_ json: JSONValue) throws(FlywheelError) {
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
    if var section = try root.optionalObject("start") {
      start = Start(
        source: try section.string("source"),
        step: try section.optionalInteger("step", in: Self.stepCounts)
      )
      try section.refuseOtherMembers(remedy: Self.spelling)
    }
    if var section = try root.optionalObject("optimizer") { try readOptimizer(&section) }
    if var section = try root.optionalObject("data") {
      var normalization = NormalizationSettings()
      if var numbers = try section.optionalObject("normalization") {
        normalization = NormalizationSettings(
          scale: try numbers.optionalDouble("scale"),
          mean: try numbers.optionalDouble("mean") ?? normalization.mean,
          deviation: try numbers.optionalDouble("deviation") ?? normalization.deviation
        )
        try numbers.refuseOtherMembers(remedy: Self.spelling)
      }
      data = DataConfiguration(
        source: try section.optionalString("source") ?? data.source,
        normalization: normalization,
        training: try section.optionalInteger("training"),
        validation: try section.optionalInteger("validation"),
        batchSize: try section.optionalInteger("batch_size") ?? data.batchSize,
        lastBatch: try section.choice("last_batch") ?? data.lastBatch
      )
      try section.refuseOtherMembers(remedy: Self.spelling)
    }
    epochs = try root.optionalInteger("epochs") ?? epochs
    if let section = try root.optionalObject("early_stopping") {
      earlyStopping = try EarlyStopping(section)
    }
    seed = try root.optionalUnsigned("seed") ?? seed
    if var section = try root.optionalObject("checkpoints") {
      checkpoints = try CheckpointPolicy(reading: &section)
      try section.refuseOtherMembers(remedy: Self.spelling)
    }
    try root.refuseOtherMembers(remedy: Self.spelling)
    try validate()
  }

  private mutating func readOptimizer(_ section: inout JSONObject) throws(FlywheelError) {
    let name = try section.optionalString("rule")
    let known = Set(Hyperparameter.wellKnown.map(\.rawValue))
    let named = try name.map { (name) throws(FlywheelError) in try UpdateRule.named(name) } ?? rule
    let given = try section.hyperparameters { known.contains($0) }
    try use(named, named == rule ? hyperparameters.merging(given) : given)
    if section.names.contains("clip_norm") {
      let norm = try section.optionalDouble("clip_norm")
      clipping = try norm.map { (norm) throws(FlywheelError) in
        try GradientClipping(maximumNorm: norm)
      }
    }
    if let objects = try section.optionalObjects("groups") {
      groups = try objects.map { (object) throws(FlywheelError) in
        var group = object
        return ParameterGroupOverride(
          parameters: try group.strings("parameters"),
          hyperparameters: try group.hyperparameters { $0 != "parameters" }
        )
      }
    }
    if var schedule = try section.optionalObject("schedule") {
      self.schedule = try Schedule(reading: &schedule)
      try schedule.refuseOtherMembers(remedy: Self.spelling)
    }
    try section.refuseOtherMembers(remedy: Self.spelling)
  }
}

extension Hyperparameters {
  /// What is set, under its names.
  fileprivate var json: OrderedDictionary<String, JSONValue> {
    var members: OrderedDictionary<String, JSONValue> = [:]
    for (name, value) in ordered {
      members[name.rawValue] =
        switch value {
        case .number(let number): JSONValue(number)
        case .flag(let flag): JSONValue(flag)
        }
    }
    return members
  }
}

extension JSONObject {
  /// A member that is one of a few words.
  mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ name: String
  ) throws(FlywheelError) -> Choice? {
    guard let word = try optionalString(name) else { return nil }
    guard let choice = Choice(rawValue: word) else {
      let words = Choice.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
      throw FlywheelError.malformed(found: "\(name) '\(word)'", expected: "one of \(words)")
    }
    return choice
  }

  /// The members whose names are hyperparameters.
  fileprivate mutating func hyperparameters(
    where isHyperparameter: (String) -> Bool
  ) throws(FlywheelError) -> Hyperparameters {
    var hyperparameters = Hyperparameters()
    for name in names where isHyperparameter(name) {
      guard let value = optionalValue(name) else { continue }
      let key = Hyperparameter(rawValue: name)
      if case .bool(let flag) = value {
        hyperparameters[key] = .flag(flag)
      } else {
        hyperparameters[key] = .number(try double(name))
      }
    }
    return hyperparameters
  }

  /// An array of integers that may be absent.
  fileprivate mutating func optionalIntegers(_ name: String) throws(FlywheelError) -> [Int]? {
    optionalValue(name) == nil ? nil : try integers(name)
  }
}
