public import FlywheelCheckpoint
public import FlywheelCore
public import FlywheelDialects
import FlywheelOptim
import OrderedCollections

/// A file of tensors without a document, understood as a training state.
///
/// Names and shapes say what is what, in the dialect of a framework; what no array holds, a person says.
public struct UnderstoodArchive: Sendable {
  /// What each array is.
  public let reading: DialectReading
  /// The state, in Flywheel's own names.
  public let checkpoint: Checkpoint
  /// What a person should know besides.
  public let notes: [String]

  /// Understands a file.
  ///
  /// - Parameters:
  ///   - reader: The file.
  ///   - dialect: Whose names they are; nil to recognise it.
  ///   - stated: What the file does not say.
  ///   - options: New names, shapes and types that arrays get first, which of them to look at, and whether
  ///     those that are not explained are left out.
  ///   - saved: What the checkpoint says of its run.
  /// - Throws: `invalidArgument` if no dialect fits or several do, or for what is missing, naming it;
  ///   `mismatch` for arrays or numbers that contradict one another; `unsupported` for arrays that are not
  ///   explained; and what reading throws.
  public init(
    _ reader: any ArchiveReader,
    in dialect: Dialect?,
    _ stated: StatedOptimizer,
    _ options: ConversionOptions,
    saved: Checkpoint.Saved
  ) throws(FlywheelError) {
    let source = try ConversionSource(reader)
    var plan = NamePlan(options)
    let tensors = try plan.apply(to: source.tensors)
    try plan.requireAllUsed()
    var arrays: OrderedDictionary<String, ConvertedTensor> = [:]
    for tensor in tensors {
      if let other = arrays.updateValue(tensor, forKey: tensor.target) {
        throw FlywheelError(
          .invalidArgument,
          "'\(other.source)' and '\(tensor.source)' would both be named '\(tensor.target)'."
        )
      }
    }
    let descriptions = arrays.mapValues(\.result)
    let rule = stated.rule?.name
    // Numbered buffers of two kinds look the same: only the numbers tell which of them a rule keeps.
    let slots = stated.rule.flatMap { rule in
      (try? rule.completed(stated.hyperparameters)).map { Set(rule.slotNames($0)) }
    }
    if let dialect {
      reading = try dialect.understand(descriptions, rule: rule, slots: slots)
    } else {
      reading = try Dialect.recognise(descriptions, rule: rule, slots: slots)
    }
    let fetch = { (key: String) throws(FlywheelError) -> Tensor? in
      guard let array = arrays[key] else { return nil }
      return try FlywheelError.locating(path: reader.path, tensor: array.source) {
        () throws(FlywheelError) in
        try array.change.apply(to: try reader.tensor(array.source, as: array.original))
      }
    }
    var notes: [String] = []
    let odd = reading.leftovers + reading.untrained
    if !odd.isEmpty {
      guard options.drops else { throw Self.unexplained(odd, reading.dialect) }
      notes.append("left out: \(odd.map { "'\($0)'" }.joined(separator: ", "))")
    }
    checkpoint = try Self.checkpoint(reading, stated, saved, fetch, &notes)
    self.notes = notes
  }

  private static func unexplained(_ keys: [String], _ dialect: Dialect) -> FlywheelError {
    let shown = keys.prefix(4).map { "'\($0)'" }.joined(separator: ", ")
    let rest = keys.count > 4 ? " and \(keys.count - 4) more" : ""
    return FlywheelError(
      .unsupported,
      "'\(dialect.name)' does not explain \(shown)\(rest). Rename them, select others, or --drop them."
    )
  }

  private static func checkpoint(
    _ reading: DialectReading,
    _ stated: StatedOptimizer,
    _ saved: Checkpoint.Saved,
    _ fetch: (String) throws(FlywheelError) -> Tensor?,
    _ notes: inout [String]
  ) throws(FlywheelError) -> Checkpoint {
    let rule = try rule(reading, stated)
    var given = stated.hyperparameters
    let plain = try reading.numbers(hyperparameters: try? rule.completed(given), reading: fetch)
    try fillRate(&given, plain.learningRate)
    try requireKnown(given, rule)
    var groups = [try rule.completed(given)]
    for group in stated.groups {
      for (name, _) in group.hyperparameters.ordered { try rule.requireTaken(name) }
      groups.append(try rule.completed(given.merging(group.hyperparameters)))
    }
    var parameters: OrderedDictionary<String, Parameter> = [:]
    for (name, found) in reading.parameters {
      let matching = stated.groups.firstIndex { group in
        group.patterns.contains { $0.matches(name) }
      }
      parameters[name] = Parameter(
        value: try array(found.place, fetch),
        group: matching.map { $0 + 1 } ?? 0,
        axes: found.axes
      )
    }
    let used = OrderedSet(parameters.values.map(\.group).sorted())
    for name in parameters.keys {
      guard let group = parameters[name]?.group else { continue }
      parameters[name]?.group = used.firstIndex(of: group) ?? 0
    }
    if let missing = stated.groups.indices.first(where: { !used.contains($0 + 1) }) {
      throw FlywheelError(
        .invalidArgument,
        "No parameter is left for the group '"
          + stated.groups[missing].patterns.map(\.text).joined(separator: ",") + "'; there are "
          + parameters.keys.joined(separator: ", ") + "."
      )
    }
    var slots: OrderedDictionary<String, OrderedDictionary<String, Tensor>> = [:]
    for (slot, places) in reading.slots {
      for (name, place) in places { slots[slot, default: [:]][name] = try array(place, fetch) }
    }
    let step = try step(reading, stated, plain, rule, groups, &notes)
    let hasSteps = step > 0 || !slots.isEmpty
    return Checkpoint(
      saved: saved,
      parameters: parameters,
      optimizer: OptimizerState(
        rule: rule.name,
        groups: used.map { index in
          ParameterGroup(
            hyperparameters: groups[index],
            lastLearningRate: hasSteps
              ? stated.lastLearningRate ?? groups[index].learningRate : nil
          )
        },
        step: step,
        sizes: stated.sizes,
        slots: slots
      ),
      progress: Progress()
    )
  }

  private static func array(
    _ place: CheckpointLayout.Place,
    _ fetch: (String) throws(FlywheelError) -> Tensor?
  ) throws(FlywheelError) -> Tensor {
    guard let tensor = try fetch(place.key) else {
      throw FlywheelError(.notFound, "There is no such array.", at: .init(tensor: place.key))
    }
    return try FlywheelError.locating(tensor: place.key) { () throws(FlywheelError) in
      try place.arrangement.restore(tensor)
    }
  }

  // MARK: What must be known

  private static func rule(
    _ reading: DialectReading,
    _ stated: StatedOptimizer
  ) throws(FlywheelError) -> UpdateRule {
    if let rule = stated.rule {
      let known = reading.dialect.rules
      guard known.isEmpty || known.contains(rule.name) else {
        throw FlywheelError(
          .invalidArgument,
          "The rule '\(rule.name)' is not one of the dialect '\(reading.dialect.name)', which has "
            + "\(known.joined(separator: ", "))."
        )
      }
      let slots = Set(reading.slots.keys)
      let kept = Set(rule.slotNames(Self.everySlot))
      guard slots.isSubset(of: kept) else {
        let odd = slots.subtracting(kept).sorted().joined(separator: ", ")
        throw FlywheelError(
          .mismatch,
          "The file has buffers \(odd), which the rule '\(rule.name)' does not keep."
        )
      }
      return rule
    }
    guard reading.rules.count == 1 else {
      throw FlywheelError(
        .invalidArgument,
        "Names and shapes do not tell which rule \(reading.slots.isEmpty ? "trains" : "made") these "
          + "\(reading.slots.isEmpty ? "parameters" : "buffers"); give --rule, one of "
          + "\((reading.rules.isEmpty ? reading.dialect.rules : reading.rules).joined(separator: ", "))."
      )
    }
    return try .named(reading.rules[0])
  }

  /// Numbers with which a rule keeps every slot that it can keep.
  private static let everySlot = Hyperparameters([
    .momentum: .number(0.5), .amsgrad: .flag(true), .centered: .flag(true),
  ])

  private static func fillRate(
    _ given: inout Hyperparameters,
    _ found: Double?
  ) throws(FlywheelError) {
    switch (given[.learningRate]?.number, found) {
    case (nil, let found?): given[.learningRate] = .number(found)
    case (let stated?, let found?):
      // A rate in float32 is the nearest to the one that was typed.
      guard abs(stated - found) > 1e-6 * max(abs(stated), abs(found)) else { return }
      throw FlywheelError(
        .mismatch,
        "The file's learning rate is \(found), the one given \(stated). Leave it out; if it changes with "
          + "the next step, say so with --next-learning-rate."
      )
    case (_, nil): return
    }
  }

  /// Checks that the learning rate is known, and the momentum where there is a velocity: a guess would be
  /// another run.
  private static func requireKnown(
    _ given: Hyperparameters,
    _ rule: UpdateRule
  ) throws(FlywheelError) {
    var missing: [(name: String, flag: String)] = []
    if given[.learningRate] == nil { missing.append(("learning rate", "--learning-rate")) }
    if case .sgd(let sgd) = rule, sgd.form.a != 0, given[.momentum] == nil {
      missing.append(("momentum", "--momentum"))
    }
    guard !missing.isEmpty else { return }
    throw FlywheelError(
      .invalidArgument,
      "The arrays do not say the \(missing.map(\.name).joined(separator: " and the ")) of the rule "
        + "'\(rule.name)'; give \(missing.map(\.flag).joined(separator: " and "))."
    )
  }

  private static func step(
    _ reading: DialectReading,
    _ stated: StatedOptimizer,
    _ found: DialectReading.Numbers,
    _ rule: UpdateRule,
    _ groups: [Hyperparameters],
    _ notes: inout [String]
  ) throws(FlywheelError) -> Int {
    if let step = stated.step {
      guard let counted = found.step, counted != step else { return step }
      throw FlywheelError(
        .mismatch,
        "The file counts \(counted) steps, --step says \(step). Leave it out."
      )
    }
    if let step = found.step { return step }
    guard !reading.slots.isEmpty else { return 0 }
    if case .adaptive(let adaptive) = rule, groups.contains(where: adaptive.dependsOnStepCount) {
      throw FlywheelError(
        .invalidArgument,
        "The arrays do not say how many steps were taken, on which the next one depends; give --step."
      )
    }
    notes.append("the file does not say how many steps were taken: 0, unless --step says it")
    return 0
  }
}
