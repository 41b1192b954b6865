import FlywheelCore
import FlywheelOptim
import OrderedCollections

/// What Keras says of a compiled model's optimizer: in a .keras file's `config.json`, and in a legacy file's
/// `training_config`.
///
/// Read from keras/src/optimizers/*.py and keras/src/legacy/saving/saving_utils.py of Keras 3.15, and from
/// tf_keras/optimizers/{,legacy/}*.py of 2.15.
extension FoundOptimizer {
  /// What of a configuration changes steps, and is in no rule.
  private static let kerasExtras = [
    "clipnorm", "global_clipnorm", "clipvalue", "use_ema", "gradient_accumulation_steps", "decay",
  ]

  /// Reads the configuration.
  static func kerasConfiguration(
    in metadata: ArchiveMetadata
  ) throws(FlywheelError) -> FoundOptimizer? {
    let document = { (name: String) in metadata.attributes[""]?[name].flatMap(JSONValue.init(text:))
    }
    let whole = document("config.json")
    let compilation = whole?["compile_config"] ?? document("training_config")
    let place = whole == nil ? "'training_config'" : "'config.json'"
    guard let optimizer = compilation?["optimizer"] ?? compilation?["optimizer_config"],
      case .string(let className)? = optimizer["class_name"],
      case .object(let numbers)? = optimizer["config"]
    else { return nil }
    var found = FoundOptimizer(
      name: "keras.optimizers.\(className)",
      rules: KerasOptimizer.rule(ofClass: className).map { [$0] } ?? [],
      groups: [Group(hyperparameters: Hyperparameters())],
      place: place
    )
    if case .string(let schedule)? = numbers["learning_rate"]?["class_name"] {
      found.name += " with the learning-rate schedule \(schedule)"
    }
    for word in kerasExtras {
      guard let value = numbers[word]?.optimizerValue, !value.isOff else { continue }
      found.obstacles.append("\(word) is \(value.text) in \(place), which no rule takes")
    }
    guard let rule = found.rules.first.flatMap({ UpdateRule.preset($0) }) else {
      found.obstacles.append("\(found.name) is none of Flywheel's rules")
      return found
    }
    let words = numbers.compactMap { word, value in
      kerasExtras.contains(word) ? nil : value.optimizerValue.map { (word: word, values: [$0]) }
    }
    var (hyperparameters, obstacles) = try self.numbers(of: words, under: rule, at: place)
    found.obstacles += obstacles
    let model = whole ?? document("model_config")
    add(KerasLayers(of: model ?? .null), under: rule, to: &found, &hyperparameters)
    found.groups[0].hyperparameters = hyperparameters
    return found
  }

  // MARK: Layers

  /// Adds what layers do to steps: the numbers of a rule that has them for all weights and all biases.
  private static func add(
    _ layers: KerasLayers,
    under rule: UpdateRule,
    to found: inout FoundOptimizer,
    _ hyperparameters: inout Hyperparameters
  ) {
    found.untrained = layers.untrained
    found.obstacles += layers.obstacles
    for (member, name) in [
      ("kernel_regularizer", Hyperparameter.l2), ("bias_regularizer", .biasL2),
    ] {
      guard let penalties = layers.penalties[member], penalties.contains(where: { $0 != .null })
      else { continue }
      guard penalties.count == 1, rule.meaning(of: name.rawValue) == [name],
        let number = penalties[0].squarePenalty
      else {
        found.obstacles.append(
          "layers have a \(member), which the rule '\(rule.name)' takes only as one number of L2 for all"
        )
        continue
      }
      hyperparameters[name] = .number(number)
    }
  }
}

extension JSONValue {
  /// Reads the JSON that an attribute holds; nil if it is none.
  init?(text value: AttributeValue) {
    guard case .string(let text) = value, let value = try? JSONValue(parsing: Array(text.utf8))
    else {
      return nil
    }
    self = value
  }

  /// A member of an object; nil if this is none, or has none of the name.
  subscript(member: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members[member]
  }

  /// The number or switch that it is; nil if it is neither.
  fileprivate var optimizerValue: Hyperparameters.Value? {
    switch self {
    case .bool(let flag): .flag(flag)
    case .integer(let number): .number(Double(number))
    case .double(let number): .number(number)
    default: nil
    }
  }

  /// How much of a weight's square a regularizer adds to the loss; nil if it adds something else.
  fileprivate var squarePenalty: Double? {
    guard case .string(let className)? = self["class_name"], let config = self["config"],
      ["L2", "L1L2"].contains(className), config["l1"]?.optimizerValue?.isOff ?? true
    else { return nil }
    return config["l2"]?.optimizerValue?.number
  }
}
