public import FlywheelCheckpoint
public import FlywheelCore
public import FlywheelDialects
public import FlywheelOptim
import OrderedCollections

/// A checkpoint's optimizer under another update rule, so that the run goes on as it would have.
///
/// Each parameter's numbers and buffers are converted by themselves; then parameters with the same numbers
/// share a group. What cannot be exact is refused, or, if that is asked for, bounded.
public struct OptimizerConversion: Sendable {
  /// The checkpoint under the new rule, in Flywheel's own names; what a trainer wrote is as it was.
  public private(set) var checkpoint: Checkpoint
  /// What became of each kind of parameters, in the order in which they first come.
  public private(set) var parts: [Part] = []

  /// Parameters that are converted alike.
  public struct Part: Sendable {
    /// Their names.
    public internal(set) var parameters: [String]
    /// How they are converted.
    public let conversion: RuleConversion
    /// The largest relative error that a step can have at the first step, over all elements; nil if there
    /// is none.
    public internal(set) var largestError: Double?
  }

  /// What may be asked for.
  public struct Options: Sendable {
    /// Numbers of the new rule that are insisted on; the others are found.
    public var given: Hyperparameters
    /// The dialect that the state goes to, which may have one set of numbers for all parameters; nil if
    /// groups may have any of their own.
    public var target: Dialect?
    /// Whether what is not exact is taken, with its bound.
    public var approximates: Bool

    /// Creates options.
    public init(
      given: Hyperparameters = Hyperparameters(),
      target: Dialect? = nil,
      approximates: Bool = false
    ) {
      self.given = given
      self.target = target
      self.approximates = approximates
    }
  }

  /// Converts.
  ///
  /// - Parameters:
  ///   - checkpoint: The checkpoint; the learning rates of its groups are those of the next step.
  ///   - rule: The rule to go to.
  ///   - options: What is asked for.
  /// - Throws: `unsupported` for what is impossible or not exact, with the reason and the parameter, for
  ///   an optimizer that Flywheel does not know, and for groups where there can be one; `invalidArgument`
  ///   for a number that the rule does not take; `limitExceeded` if there is no memory for a buffer.
  public init(
    _ checkpoint: Checkpoint,
    to rule: UpdateRule,
    _ options: Options = Options()
  ) throws(FlywheelError) {
    self.checkpoint = checkpoint
    let source = try Self.knownRule(of: checkpoint.optimizer)
    var grouping = ConvertedGroups()
    var groups: [Int] = []
    var slots: OrderedDictionary<String, OrderedDictionary<String, Tensor>> = [:]
    var places: [PartKey: Int] = [:]
    for (name, parameter) in checkpoint.parameters {
      let key = PartKey(
        group: parameter.group,
        isWeight: parameter.value.shape.rank > 1,
        hasBuffer: checkpoint.optimizer.slots.values.contains { $0[name] != nil }
      )
      if places[key] == nil {
        places[key] = parts.count
        parts.append(
          Part(
            parameters: [],
            conversion: try Self.conversion(of: key, checkpoint, source, to: rule, options.given)
          )
        )
      }
      guard let place = places[key] else { continue }
      parts[place].parameters.append(name)
      let conversion = parts[place].conversion
      try require(conversion, of: name, options)
      groups.append(grouping.place(conversion, of: checkpoint.optimizer.groups[parameter.group]))
      for buffer in conversion.buffers {
        slots[buffer.slot, default: [:]][name] = try FlywheelError.locating(
          tensor: CheckpointKey.parameter(name)
        ) { () throws(FlywheelError) in
          try Self.buffer(buffer, of: name, parameter, in: checkpoint)
        }
      }
    }
    try requireSingleGroup(grouping, groups, options)
    try takeOver(rule, grouping, groups, slots)
    try measureErrors()
  }

  /// What decides how a parameter is converted.
  private struct PartKey: Hashable {
    var group: Int
    var isWeight: Bool
    var hasBuffer: Bool
  }

  private static func knownRule(of optimizer: OptimizerState) throws(FlywheelError) -> UpdateRule {
    guard let rule = UpdateRule.preset(optimizer.rule) else {
      throw FlywheelError(
        .unsupported,
        "The optimizer's rule is '\(optimizer.rule)', which Flywheel does not know; 'flywheel rules' lists "
          + "what it can convert."
      )
    }
    guard optimizer.gradient == .mean else {
      throw FlywheelError(
        .unsupported,
        "The optimizer takes the sum of a mini-batch's gradients; only rules of their mean are converted. "
          + "A rule such as 'question_summed' says the same with the mean."
      )
    }
    return rule
  }

  private static func conversion(
    of key: PartKey,
    _ checkpoint: Checkpoint,
    _ source: UpdateRule,
    to rule: UpdateRule,
    _ given: Hyperparameters
  ) throws(FlywheelError) -> RuleConversion {
    let optimizer = checkpoint.optimizer
    let group = optimizer.groups[key.group]
    return try RuleConversion(
      RuleUse(
        rule: source,
        hyperparameters: group.hyperparameters,
        sizes: optimizer.sizes,
        isWeight: key.isWeight
      ),
      to: rule,
      with: given,
      at: ConversionMoment(
        step: optimizer.step,
        hasBuffer: key.hasBuffer,
        lastLearningRate: group.lastLearningRate,
        isRateConstant: checkpoint.hasConstantRate
      )
    )
  }

  // MARK: What is refused

  private func require(
    _ conversion: RuleConversion,
    of name: String,
    _ options: Options
  ) throws(FlywheelError) {
    let location = FlywheelError.Location(tensor: CheckpointKey.parameter(name))
    let (source, target) = (conversion.source.rule.name, conversion.target.rule.name)
    switch conversion.verdict {
    case .exact, .exactWithScheduledMomentum: return
    case .exactWhileRateIsConstant where checkpoint.hasConstantRate || options.approximates: return
    case .bounded where options.approximates: return
    case .impossible(let reason):
      throw FlywheelError(
        .unsupported,
        "From '\(source)' to '\(target)' is impossible: \(reason).",
        at: location
      )
    case .exactWhileRateIsConstant, .bounded:
      throw FlywheelError(
        .unsupported,
        "From '\(source)' to '\(target)' is \(conversion.verdict). --approximate converts all the same, and "
          + "says how far off it can be.",
        at: location
      )
    }
  }

  private func requireSingleGroup(
    _ grouping: ConvertedGroups,
    _ groups: [Int],
    _ options: Options
  ) throws(FlywheelError) {
    let numbers = grouping.groups.map(\.hyperparameters)
    guard let target = options.target else { return }
    let odd = target.numbersThatCannotDiffer(in: numbers)
    guard !odd.isEmpty else { return }
    let names = Array(checkpoint.parameters.keys)
    let accounts = grouping.groups.enumerated().map { index, group in
      let members = names.indices.filter { groups[$0] == index }.map { "'\(names[$0])'" }
      let rest = members.count > 2 ? " and \(members.count - 2) more" : ""
      let numbers = group.hyperparameters.ordered.filter { odd.contains($0.name) }.map {
        "\($0.name.rawValue) \($0.value.text)"
      }
      return
        "\(members.prefix(2).joined(separator: ", "))\(rest) need \(numbers.joined(separator: ", "))"
    }
    throw FlywheelError(
      .unsupported,
      "'\(target.name)' has one \(odd.map(\.rawValue).joined(separator: ", ")) for all parameters; "
        + "this run needs others for some: " + accounts.joined(separator: "; ") + "."
    )
  }

  // MARK: What becomes of the state

  /// A buffer of the new rule.
  ///
  /// - Throws: `notFound` if the buffer that it is made of is missing, and what `combined` throws.
  package static func buffer(
    _ conversion: BufferConversion,
    of name: String,
    _ parameter: Parameter,
    in checkpoint: Checkpoint
  ) throws(FlywheelError) -> Tensor {
    let weight = parameter.master ?? parameter.value
    guard let slot = conversion.source else {
      return try weight.combined(
        scale: conversion.map.weightShare,
        constant: conversion.constant
      )
    }
    guard let buffer = checkpoint.optimizer.slots[slot]?[name] else {
      throw FlywheelError(
        .notFound,
        "There is no buffer '\(slot)' of this parameter, though there are others.",
        at: .init(tensor: CheckpointKey.slot(slot, of: name))
      )
    }
    return try buffer.combined(
      scale: conversion.map.scale,
      adding: weight,
      share: conversion.map.weightShare,
      constant: conversion.constant
    )
  }

  private mutating func takeOver(
    _ rule: UpdateRule,
    _ grouping: ConvertedGroups,
    _ groups: [Int],
    _ slots: OrderedDictionary<String, OrderedDictionary<String, Tensor>>
  ) throws(FlywheelError) {
    let steps = Set(parts.map(\.conversion.step))
    let step = steps.first ?? checkpoint.optimizer.step
    guard steps.count <= 1,
      step == checkpoint.optimizer.step || checkpoint.hasConstantRate
    else {
      throw FlywheelError(
        .unsupported,
        "The new rule counts other steps, \(steps.sorted()), which the schedule counts too."
      )
    }
    for (place, name) in checkpoint.parameters.keys.enumerated() {
      checkpoint.parameters[name]?.group = groups[place]
    }
    // In the order in which the rule writes them.
    let names = grouping.groups.reduce(into: OrderedSet<String>()) {
      $0.formUnion(rule.slotNames($1.hyperparameters))
    }
    checkpoint.optimizer.rule = rule.name
    checkpoint.optimizer.dialect = "flywheel"
    checkpoint.optimizer.groups = grouping.groups
    checkpoint.optimizer.step = step
    checkpoint.optimizer.slots = [:]
    for name in names {
      if let buffers = slots[name] { checkpoint.optimizer.slots[name] = buffers }
    }
    checkpoint.layout = nil
  }

  /// Evaluates bounds on the second moments that there are.
  private mutating func measureErrors() throws(FlywheelError) {
    for index in parts.indices {
      guard case .bounded(let bound) = parts[index].conversion.verdict else { continue }
      var largest = bound.isOfMomentum ? bound.value(root: 0) : 0
      for name in parts[index].parameters where !bound.isOfMomentum {
        let target = parts[index].conversion.target
        guard let least = try leastMoment(of: name, under: target) else { continue }
        largest = max(largest, bound.largest(from: least.squareRoot()))
      }
      parts[index].largestError = largest
    }
  }

  /// The least second moment, less the square of the first where that is taken off, that an element of a
  /// parameter can have after the next step; nil if it has none.
  private func leastMoment(
    of name: String,
    under use: RuleUse
  ) throws(FlywheelError) -> Double? {
    let slots = checkpoint.optimizer.slots
    guard case .adaptive(let rule) = use.rule, let buffer = slots[rule.slots.second]?[name] else {
      return nil
    }
    var moments: [Double] = try buffer.converted(to: .float64).elements()
    if let mean = rule.slots.mean.flatMap({ slots[$0]?[name] }) {
      let means: [Double] = try mean.converted(to: .float64).elements()
      for (index, mean) in zip(moments.indices, means) { moments[index] -= mean * mean }
    }
    // s' = β s + (1 − β) g², and with m' likewise s' − m'² = β (s − m²) + β (1 − β) (g − m)².
    let kept = [.beta2, .alpha].compactMap { use.hyperparameters[$0]?.number }.first ?? 1
    return max(0, kept * (moments.min() ?? 0))
  }
}

extension ErrorBound {
  fileprivate var isOfMomentum: Bool { if case .momentum = self { true } else { false } }
}

extension Checkpoint {
  /// Whether no schedule changes the learning rate from here on.
  package var hasConstantRate: Bool {
    guard let schedule else { return true }
    return schedule.isConstant(after: schedule.unit == .step ? optimizer.step : progress.epoch)
  }
}
