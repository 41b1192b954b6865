import FlywheelCheckpoint
import FlywheelCore
import FlywheelDialects
import FlywheelOptim
import OrderedCollections

/// The numbers of two training states that are no arrays, held against each other.
struct SettingsPlan {
  private let first: DiffInput
  private let second: DiffInput
  private let translations: [StateTranslation]
  private let tolerances: Tolerances

  init(
    _ first: DiffInput,
    _ second: DiffInput,
    _ translations: [StateTranslation],
    _ tolerances: Tolerances
  ) {
    self.first = first
    self.second = second
    self.translations = translations
    self.tolerances = tolerances
  }

  /// All of them, in the order of a checkpoint's document.
  var settings: [SettingComparison] {
    guard let one = first.checkpoint, let other = second.checkpoint else {
      return counted + attributes
    }
    var settings = optimizer(one, other)
    for translation in translations { settings += hyperparameters(translation) }
    settings += rates()
    // Another program's file does not say the rest.
    guard first.kind == .checkpoint, second.kind == .checkpoint else {
      return settings + attributes
    }
    let sections: [(String, (Checkpoint) -> JSONValue)] = [
      ("schedule", { $0.schedule?.json ?? .object([:]) }), ("progress", \.progress.json),
      ("random", Self.random), ("data", { $0.data?.json ?? .object([:]) }),
      ("trainer", Self.trainer),
    ]
    for (name, value) in sections {
      settings += SettingComparison.list(name, value(one), value(other), tolerances)
    }
    return settings
  }

  /// What counters say of files that are no whole states.
  private var counted: [SettingComparison] {
    let (one, other) = (first.counted, second.counted)
    var settings: [SettingComparison] = []
    if let step = one?.step, let others = other?.step {
      settings.append(setting("optimizer", "step", JSONValue(step), JSONValue(others)))
    }
    if let rate = one?.learningRate, let others = other?.learningRate {
      settings.append(
        setting("hyperparameters", "learning_rate", JSONValue(rate), JSONValue(others))
      )
    }
    return settings
  }

  /// What two files of arrays say besides them.
  private var attributes: [SettingComparison] {
    guard let one = first.archive, let other = second.archive else { return [] }
    let attributes = SettingComparison.attributes(
      one.metadata,
      other.metadata,
      tolerances,
      areStates: first.checkpoint != nil && second.checkpoint != nil
    )
    return attributes + SettingComparison.models(one.metadata, other.metadata)
  }

  private func setting(
    _ section: String,
    _ name: String,
    _ first: JSONValue?,
    _ second: JSONValue?,
    converted: JSONValue? = nil,
    parameters: [String] = []
  ) -> SettingComparison {
    let isSame = SettingComparison.isSame(first, second, tolerances)
    let isConvention =
      converted != nil && SettingComparison.isSame(first, converted, tolerances)
    return SettingComparison(
      section: section,
      parameters: parameters,
      name: name,
      first: first,
      second: second,
      converted: converted,
      verdict: converted == nil
        ? isSame ? .same : .different : isConvention ? isSame ? .same : .convention : .different
    )
  }

  // MARK: The optimizer

  private func optimizer(_ one: Checkpoint, _ other: Checkpoint) -> [SettingComparison] {
    let (left, right) = (one.optimizer, other.optimizer)
    let means =
      !translations.isEmpty
      && translations.allSatisfy { translation in
        translation.isSameRule
          || (translation.converted != nil
            && translation.conversion?.verdict.isExact(whenRateIsConstant: true) ?? false)
      }
    var rule = setting("optimizer", "rule", JSONValue(left.rule), JSONValue(right.rule))
    if rule.verdict == .different, means { rule.verdict = .convention }
    var settings = [rule]
    if first.knowsStep, second.knowsStep {
      let steps = Set(translations.compactMap(\.conversion?.step))
      settings.append(
        setting(
          "optimizer",
          "step",
          JSONValue(left.step),
          JSONValue(right.step),
          converted: steps.count == 1 && steps.first != right.step
            ? steps.first.map { JSONValue($0) } : nil
        )
      )
    }
    settings.append(
      setting(
        "optimizer",
        "gradient",
        JSONValue(left.gradient.rawValue),
        JSONValue(right.gradient.rawValue)
      )
    )
    if first.kind == .checkpoint, second.kind == .checkpoint {
      settings.append(
        setting(
          "optimizer",
          "clipping",
          left.clipping.map { JSONValue($0.maximumNorm) },
          right.clipping.map { JSONValue($0.maximumNorm) }
        )
      )
    }
    if let sizes = left.sizes, let others = right.sizes {
      settings.append(
        setting("optimizer", "batch_size", JSONValue(sizes.batch), JSONValue(others.batch))
      )
      settings.append(
        setting(
          "optimizer",
          "training_size",
          JSONValue(sizes.training),
          JSONValue(others.training)
        )
      )
    }
    return settings
  }

  private func hyperparameters(_ translation: StateTranslation) -> [SettingComparison] {
    let (numbers, twins) = (translation.first.hyperparameters, translation.second.hyperparameters)
    let names = numbers.ordered.map(\.name)
    let others = twins.ordered.map(\.name).filter { !names.contains($0) }
    return (names + others).map { name in
      let (one, other) = (numbers[name]?.json, twins[name]?.json)
      var setting = setting(
        "hyperparameters",
        name.rawValue,
        one,
        other,
        converted: translation.converted?[name]?.json,
        parameters: translation.parameters
      )
      if translation.isSameRule, setting.verdict == .different { setting.verdict = .convention }
      if translation.converted != nil {
        // What only the second side's rule takes is in the numbers of the first, as far as it can be.
        if one == nil { setting.verdict = .convention }
        // What is off and what a rule does not have is the same.
        if [numbers[name], twins[name]].allSatisfy({ $0?.isOff ?? true }) {
          setting.verdict = .same
        }
      }
      if setting.converted == other { setting.converted = nil }
      return setting
    }
  }

  /// The learning rates that a group knows besides that of the next step.
  private func rates() -> [SettingComparison] {
    var settings: [SettingComparison] = []
    for translation in translations {
      let (group, twin) = (translation.first, translation.second)
      let scale = translation.conversion?.rateScale ?? 1
      var rates: [(String, Double?, Double?)] = []
      if first.kind == .checkpoint, second.kind == .checkpoint {
        rates.append(("initial_learning_rate", group.initialLearningRate, twin.initialLearningRate))
      }
      if group.lastLearningRate != nil, twin.lastLearningRate != nil {
        rates.append(("last_learning_rate", group.lastLearningRate, twin.lastLearningRate))
      }
      for (name, rate, others) in rates {
        settings.append(
          setting(
            "hyperparameters",
            name,
            rate.map { JSONValue($0) },
            others.map { JSONValue($0) },
            converted: scale == 1 ? nil : others.map { JSONValue($0 * scale) },
            parameters: translation.parameters
          )
        )
      }
    }
    return settings
  }

  // MARK: The rest

  private static func random(_ checkpoint: Checkpoint) -> JSONValue {
    var members: OrderedDictionary<String, JSONValue> = [
      "generator": JSONValue(checkpoint.generator)
    ]
    for (stream, words) in checkpoint.random {
      members[stream] = .array(words.map { JSONValue($0) })
    }
    return .object(members)
  }

  /// What the trainer wrote of itself, but for what the optimizer and the schedule say too, and for how long
  /// it is to train and when it saves: that is no part of the state.
  private static func trainer(_ checkpoint: Checkpoint) -> JSONValue {
    guard case .object(var members) = checkpoint.trainer else { return .object([:]) }
    for name in ["optimizer", "schedule", "epochs", "early_stopping", "checkpoints"] {
      members.removeValue(forKey: name)
    }
    return .object(members)
  }
}

extension Hyperparameters.Value {
  fileprivate var json: JSONValue {
    switch self {
    case .number(let number): JSONValue(number)
    case .flag(let flag): JSONValue(flag)
    }
  }
}
