import FlywheelCheckpoint
import FlywheelConvert
import FlywheelCore
import FlywheelDialects
import FlywheelOptim
import FlywheelRun
import FlywheelTrain
import OrderedCollections

/// A training state on its way from one dialect and rule to another, as the flags ask for it.
struct StateConversion {
  /// The state as it is to be written.
  private(set) var checkpoint: Checkpoint
  /// The dialect that the source was in.
  let source: Dialect
  /// The rule that the source was under.
  let sourceRule: String
  /// Whether the source's dialect was recognised rather than said.
  let isRecognised: Bool
  /// The dialect of the result.
  let target: Dialect
  /// Whether the result is a file of the target's own kind.
  let isOwnFile: Bool
  /// How the optimizer was converted; nil if its rule stayed.
  private(set) var conversion: OptimizerConversion?
  /// What a person should know besides.
  private(set) var notes: [String] = []

  /// Reads and converts.
  ///
  /// - Parameters:
  ///   - reader: The source.
  ///   - options: The flags.
  ///   - naming: New names, shapes and types that arrays get first.
  ///   - own: The dialect whose own kind of file the result is; nil for a file of no framework.
  /// - Throws: What understanding, converting and expressing throw, with the source's path.
  init(
    of reader: any ArchiveReader,
    _ options: StateOptions,
    _ naming: ConversionOptions,
    inFileOf own: Dialect? = nil
  ) throws(FlywheelError) {
    let training = try reader.trainingDocument()
    let layout: CheckpointLayout?
    if let training {
      guard training.noun == "checkpoint" else {
        throw FlywheelError(
          .unsupported,
          "A trace has many states; only a checkpoint's optimizer is converted.",
          at: .init(path: reader.path)
        )
      }
      try Self.requireCheckpointFlags(options, naming)
      checkpoint = try Checkpoint(from: reader)
      layout = checkpoint.layout
      source =
        try layout.map { (layout) throws(FlywheelError) in
          try Dialect.named(layout.dialect)
        } ?? .flywheel
      if let from = options.from, from != source {
        throw FlywheelError(
          .mismatch,
          "The file is a checkpoint that says its dialect, '\(source.name)'; leave --from out.",
          at: .init(path: reader.path)
        )
      }
      isRecognised = false
      if let sizes = try options.sizes() { checkpoint.optimizer.sizes = sizes }
    } else {
      let stated = try options.stated()
      let saved = Checkpoint.Saved(run: RunIdentity.random(), time: Timestamp.now)
      let understood = try FlywheelError.locating(path: reader.path) { () throws(FlywheelError) in
        let understood = try UnderstoodArchive(
          reader,
          in: options.from,
          stated,
          naming,
          saved: saved
        )
        try understood.network?.requireChain()
        return understood
      }
      checkpoint = understood.checkpoint
      source = understood.reading.dialect
      layout = CheckpointLayout(dialect: source.name, places: understood.reading.places)
      isRecognised = options.from == nil
      notes = understood.notes
      if let layers = understood.network?.untold, !layers.isEmpty {
        let named = layers.map { "\($0.className) '\($0.name)'" }.joined(separator: ", ")
        notes.append(
          "the model also has \(named), of which no training state tells: the network that goes on needs the same"
        )
      }
    }
    sourceRule = checkpoint.optimizer.rule
    target = options.to ?? own ?? .flywheel
    isOwnFile = target == own
    if let rate = options.nextLearningRate { try change(rateTo: rate) }
    let isCheckpoint = training != nil
    var wanted = options.toRule
    if wanted == nil, isCheckpoint, let name = options.optimizer.rule { wanted = try .named(name) }
    let given = isCheckpoint ? options.optimizer.hyperparameters : Hyperparameters()
    try FlywheelError.locating(path: reader.path) { () throws(FlywheelError) in
      try convert(to: wanted, given, options)
      try express(layout)
    }
  }

  private static func requireCheckpointFlags(
    _ options: StateOptions,
    _ naming: ConversionOptions
  ) throws(FlywheelError) {
    let flags = [
      ("--group", !options.optimizer.group.isEmpty), ("--step", options.step != nil),
      ("--last-learning-rate", options.lastLearningRate != nil),
      ("--only", !naming.selection.isEmpty), ("--map", !naming.map.isEmpty),
      ("--rename", !naming.renames.isEmpty),
    ]
    guard let flag = flags.first(where: \.1)?.0 else { return }
    throw FlywheelError(
      .invalidArgument,
      "The file is a checkpoint, whose document says what is what; \(flag) is for files without one."
    )
  }

  private mutating func change(rateTo rate: Double) throws(FlywheelError) {
    guard rate >= 0, rate.isFinite else {
      throw FlywheelError(
        .invalidArgument,
        "--next-learning-rate is \(rate); it must be a number of at least 0."
      )
    }
    guard checkpoint.hasConstantRate else {
      throw FlywheelError(
        .invalidArgument,
        "The checkpoint's schedule says the next learning rate; --next-learning-rate is for a constant one."
      )
    }
    let rates = OrderedSet(checkpoint.optimizer.groups.map(\.hyperparameters.learningRate))
    guard rates.count == 1 else {
      throw FlywheelError(
        .invalidArgument,
        "The groups have learning rates \(rates.map { "\($0)" }.joined(separator: ", ")); "
          + "--next-learning-rate is for one that all share."
      )
    }
    for index in checkpoint.optimizer.groups.indices {
      checkpoint.optimizer.groups[index].hyperparameters.learningRate = rate
      checkpoint.optimizer.groups[index].initialLearningRate = rate
    }
    if checkpoint.schedule != nil { checkpoint.schedule = .constant }
    checkpoint.trainer = try checkpoint.trainerFollowingOptimizer()
  }

  // MARK: The rule

  private mutating func convert(
    to wanted: UpdateRule?,
    _ given: Hyperparameters,
    _ options: StateOptions
  ) throws(FlywheelError) {
    let rules = target.rules
    if let wanted, !rules.isEmpty, !rules.contains(wanted.name) {
      throw FlywheelError(
        .invalidArgument,
        "The rule '\(wanted.name)' is not one of the dialect '\(target.name)', which has "
          + "\(rules.joined(separator: ", "))."
      )
    }
    let asked = OptimizerConversion.Options(
      given: given,
      target: target,
      approximates: options.approximate
    )
    if let wanted {
      try take(OptimizerConversion(checkpoint, to: wanted, asked))
    } else if rules.isEmpty || rules.contains(sourceRule) {
      let groups = checkpoint.optimizer.groups.map(\.hyperparameters)
      guard !target.numbersThatCannotDiffer(in: groups).isEmpty || !given.values.isEmpty else {
        return
      }
      try take(OptimizerConversion(checkpoint, to: try .named(sourceRule), asked))
    } else {
      try take(try first(of: rules, asked))
    }
  }

  /// The conversion to the first of a dialect's rules that can be.
  private func first(
    of rules: [String],
    _ asked: OptimizerConversion.Options
  ) throws(FlywheelError) -> OptimizerConversion {
    var refusals: [FlywheelError] = []
    for name in rules {
      let rule = try UpdateRule.named(name)
      do throws(FlywheelError) {
        return try OptimizerConversion(checkpoint, to: rule, asked)
      } catch {
        refusals.append(error)
      }
    }
    // What is said of a rule of another family tells nobody anything.
    let telling = refusals.filter { !$0.message.contains("different families") }
    let reasons = (telling.isEmpty ? refusals : telling).map { "\n  \($0.message)" }.joined()
    throw FlywheelError(
      refusals.first?.code ?? .unsupported,
      "No rule of '\(target.name)' goes on with this run:\(reasons)",
      at: refusals.first?.location ?? .init()
    )
  }

  private mutating func take(_ conversion: OptimizerConversion) throws(FlywheelError) {
    self.conversion = conversion
    checkpoint = conversion.checkpoint
    checkpoint.trainer = try checkpoint.trainerFollowingOptimizer()
    var seen: Set<String> = []
    for part in conversion.parts {
      for remark in part.conversion.remarks where seen.insert(remark).inserted {
        notes.append(remark)
      }
    }
  }

  // MARK: The dialect

  /// Lays the arrays out for the target, whose own names stay as they were in the source.
  private mutating func express(_ layout: CheckpointLayout?) throws(FlywheelError) {
    checkpoint.layout = layout?.dialect == target.name ? layout : nil
    checkpoint.optimizer.dialect = target.name
    checkpoint.layout = target.isOwn ? nil : try target.express(checkpoint, inOwnFile: isOwnFile)
  }

  /// What a file of the target's own kind says besides its arrays, by what it belongs to.
  ///
  /// - Throws: As `Dialect.statement(of:_:isScheduled:)`.
  /// - Returns: The attributes.
  func statement() throws(FlywheelError) -> OrderedDictionary<
    String, OrderedDictionary<String, AttributeValue>
  > {
    guard isOwnFile else { return [:] }
    var groups: OrderedDictionary<String, Int> = [:]
    for (name, parameter) in checkpoint.parameters {
      let key = CheckpointKey.parameter(name)
      groups[checkpoint.layout?.places[key]?.key ?? key] = parameter.group
    }
    return try target.statement(
      of: checkpoint.optimizer,
      groups,
      isScheduled: !checkpoint.hasConstantRate
    )
  }
}
