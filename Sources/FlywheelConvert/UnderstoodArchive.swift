public import FlywheelCheckpoint
public import FlywheelCore
public import FlywheelDialects
import FlywheelOptim
import OrderedCollections

/// A file of tensors without a document, understood as a training state.
///
/// Names and shapes say what is what, in the dialect of a framework; what no array holds, the file's own
/// metadata says, or a person.
public struct UnderstoodArchive: Sendable {
  /// What each array is.
  public let reading: DialectReading
  /// The state, in Flywheel's own names.
  public let checkpoint: Checkpoint
  /// What the file's metadata says of its optimizer; nil if it says nothing.
  public let found: FoundOptimizer?
  /// How the optimizer's state was matched to parameters, as a sentence; nil if names in keys tell.
  public let matching: String?
  /// What a person should know, the matching among it.
  public let notes: [String]
  /// The network that the file describes; nil if it says only arrays.
  public let network: KerasNetwork?

  /// Understands a file.
  ///
  /// - Parameters:
  ///   - reader: The file.
  ///   - dialect: Whose names they are; nil for the file's own word, or to recognise it.
  ///   - stated: What the file does not say.
  ///   - options: New names, shapes and types that arrays get first, which of them to look at, and whether
  ///     those that are not explained are left out.
  ///   - saved: What the checkpoint says of its run.
  /// - Throws: `invalidArgument` if no dialect fits or several do, or for what is missing, naming it;
  ///   `mismatch` for arrays or numbers that contradict one another; `unsupported` for arrays that are not
  ///   explained, and for an optimizer that no rule is; and what reading throws.
  public init(
    _ reader: any ArchiveReader,
    in dialect: Dialect?,
    _ stated: StatedOptimizer,
    _ options: ConversionOptions,
    saved: Checkpoint.Saved
  ) throws(FlywheelError) {
    var source = try ConversionSource(reader)
    try source.takeNumbersOfGroups(reader)
    var plan = NamePlan(options)
    let tensors = try plan.apply(to: source.tensors)
    try plan.requireAllUsed()
    var planned: OrderedDictionary<String, ConvertedTensor> = [:]
    for tensor in tensors {
      if let other = planned.updateValue(tensor, forKey: tensor.target) {
        throw FlywheelError(
          .invalidArgument,
          "'\(other.source)' and '\(tensor.source)' would both be named '\(tensor.target)'."
        )
      }
    }
    let arrays = planned
    let names = try UnderstoodNames(
      arrays.mapValues(\.result),
      plan.withSelectedOptimizers(source.metadata),
      in: dialect,
      stated,
      facts: source.facts.renamed(
        Dictionary(tensors.map { ($0.source, $0.target) }, uniquingKeysWith: { first, _ in first })
      )
    )
    (reading, found, matching) = (names.reading, names.found, names.matching)
    network = KerasNetwork(in: source.metadata)
    // New names do not make them trained.
    try FoundOptimizer.requireTrained(
      tensors.map(\.source),
      by: found,
      in: source.metadata
    )
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
    for (key, first) in reading.twins {
      notes.append(
        "'\(key)' is '\(first)' under another name: one parameter, which keeps the first"
      )
    }
    if let matching { notes.append(matching) }
    checkpoint = try Self.checkpoint(names, saved, fetch, &notes)
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
    _ names: UnderstoodNames,
    _ saved: Checkpoint.Saved,
    _ fetch: (String) throws(FlywheelError) -> Tensor?,
    _ notes: inout [String]
  ) throws(FlywheelError) -> Checkpoint {
    let (reading, found) = (names.reading, names.found)
    var stated = names.stated
    let rule = try rule(reading, stated)
    if found == nil, reading.slots["max_exp_avg_sq"] != nil,
      stated.hyperparameters[.amsgrad] == nil
    {
      stated.hyperparameters[.amsgrad] = .flag(true)
    }
    let given = found?.groups.first?.hyperparameters ?? Hyperparameters()
    let plain = try reading.numbers(
      hyperparameters: try? rule.completed(stated.hyperparameters.merging(given)),
      reading: fetch
    )
    var grouping = try OptimizerGroups(rule, stated, found, rate: plain.learningRate)
    for (name, parameter) in reading.parameters {
      try grouping.add(name, inFound: names.groups[parameter.place.key])
    }
    let (groups, ofParameters) = try grouping.sorted()
    if let found {
      notes += Self.notes(on: found, rule, groups)
    } else if !grouping.assumed.ordered.isEmpty {
      let numbers = grouping.assumed.ordered.map { "\($0.name.rawValue) \($0.value.text)" }
      notes.append(
        "nothing says \(numbers.joined(separator: ", ")): these are the defaults of the rule '\(rule.name)'; give "
          + "those that were others"
      )
    }
    var parameters: OrderedDictionary<String, Parameter> = [:]
    for (name, found) in reading.parameters {
      parameters[name] = Parameter(
        value: try array(found.place, fetch),
        group: ofParameters[name] ?? 0,
        axes: found.axes
      )
    }
    var slots: OrderedDictionary<String, OrderedDictionary<String, Tensor>> = [:]
    for (slot, places) in reading.slots {
      for (name, place) in places { slots[slot, default: [:]][name] = try array(place, fetch) }
    }
    let step = try step(reading, stated, plain, found?.step, rule, groups, &notes)
    let hasSteps = step > 0 || !slots.isEmpty
    return Checkpoint(
      saved: saved,
      parameters: parameters,
      optimizer: OptimizerState(
        rule: rule.name,
        groups: groups.map { numbers in
          ParameterGroup(
            hyperparameters: numbers,
            lastLearningRate: hasSteps ? stated.lastLearningRate ?? numbers.learningRate : nil
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
    let rules = (reading.rules.isEmpty ? reading.dialect.rules : reading.rules)
      .joined(separator: ", ")
    guard !reading.dialect.numbersBuffers || reading.slots.isEmpty else {
      throw FlywheelError(
        .invalidArgument,
        "Buffers have numbers here and no names: which rule made them is not known. As many of these shapes are "
          + "kept by \(rules), and by optimizers that are none of Flywheel's rules; give --rule if it is one."
      )
    }
    guard reading.rules.count == 1 else {
      throw FlywheelError(
        .invalidArgument,
        "Names and shapes do not tell which rule \(reading.slots.isEmpty ? "trains" : "made") these "
          + "\(reading.slots.isEmpty ? "parameters" : "buffers"); give --rule, one of \(rules)."
      )
    }
    return try .named(reading.rules[0])
  }

  /// Numbers with which a rule keeps every slot that it can keep.
  private static let everySlot = Hyperparameters([
    .momentum: .number(0.5), .amsgrad: .flag(true), .centered: .flag(true),
  ])

  /// What of the metadata went into the state.
  private static func notes(
    on found: FoundOptimizer,
    _ rule: UpdateRule,
    _ groups: [Hyperparameters]
  ) -> [String] {
    let numbers = groups.count == 1 ? "its numbers" : "the numbers of its \(groups.count) groups"
    var notes = ["\(found.place) says the rule, '\(rule.name)', and \(numbers): \(found.name)"]
    if !found.unknownWords.isEmpty {
      notes.append(
        "no optimizer that is known here has \(found.unknownWords.joined(separator: ", ")), as \(found.place) "
          + "does: what it changes of a step is not taken over"
      )
    }
    let rates = OrderedSet(
      found.groups.compactMap { group in
        group.initialLearningRate.flatMap { $0 == group.hyperparameters.learningRate ? nil : $0 }
      }
    )
    if !rates.isEmpty {
      notes.append(
        "a schedule has changed the learning rate from \(rates.map { "\($0)" }.joined(separator: ", ")); it is "
          + "not taken over, the rate is that of the next step"
      )
    }
    return notes
  }

  private static func step(
    _ reading: DialectReading,
    _ stated: StatedOptimizer,
    _ counted: DialectReading.Numbers,
    _ stepInMetadata: Int?,
    _ rule: UpdateRule,
    _ groups: [Hyperparameters],
    _ notes: inout [String]
  ) throws(FlywheelError) -> Int {
    // The optimizer's own count is what its next step depends on; a loop may count in another way.
    let found = counted.step ?? stepInMetadata
    if let step = stated.step {
      guard let found, found != step else { return step }
      throw FlywheelError(
        .mismatch,
        "The file counts \(found) steps, --step says \(step). Leave it out."
      )
    }
    if let step = found {
      if let stepInMetadata, stepInMetadata != step {
        notes.append("the file counts \(stepInMetadata) steps, its optimizer \(step): that counts")
      }
      return step
    }
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
