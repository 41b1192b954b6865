public import FlywheelCore
public import FlywheelDialects
import FlywheelOptim
public import OrderedCollections

/// What the arrays of a file are, as its names, shapes and metadata tell: no array is read.
public struct UnderstoodNames: Sendable {
  /// What each array is.
  public let reading: DialectReading
  /// What the metadata says of the optimizer; nil if it says nothing.
  public let found: FoundOptimizer?
  /// How the optimizer's state was matched to parameters, as a sentence; nil if names in keys tell.
  public let matching: String?

  /// What a person says, with the rule that the metadata knows.
  let stated: StatedOptimizer
  /// Which of the groups found each parameter is in, by its key.
  let groups: [String: Int]

  /// Understands names.
  ///
  /// - Parameters:
  ///   - arrays: What the file holds, in its order.
  ///   - metadata: What it says besides.
  ///   - dialect: Whose names they are; nil for the metadata's own word, or to recognise it.
  ///   - stated: What the file does not say.
  ///   - facts: What is known of the arrays besides.
  /// - Throws: `invalidArgument` if no dialect fits or several do, or if numbers of parameters do not tell
  ///   which they are; `mismatch` for shapes or rules that contradict one another; `unsupported` for an
  ///   optimizer that no rule is; `malformed` for numbers that are none.
  public init(
    _ arrays: OrderedDictionary<String, TensorDescription>,
    _ metadata: ArchiveMetadata,
    in dialect: Dialect? = nil,
    _ stated: StatedOptimizer = StatedOptimizer(),
    facts: ArrayFacts = ArrayFacts()
  ) throws(FlywheelError) {
    var facts = facts
    let found = try FoundOptimizer.find(in: metadata, stating: stated.rule)
    try FoundOptimizer.requireTrained(Array(arrays.keys), by: found, in: metadata)
    var stated = stated
    stated.rule = try found?.rule(agreeingWith: stated.rule) ?? stated.rule
    var dialect = dialect
    if dialect == nil, let named = found?.dialect { dialect = try .named(named) }
    var arrays = arrays
    if KerasConfiguration.isDescribed(in: metadata) {
      if let network = KerasNetwork(in: metadata) {
        if let ordered = network.ordered(arrays) { (arrays, facts.origin.order) = (ordered, .kept) }
      } else {
        // A model whose own code calls its layers lists them as its attributes.
        facts.origin.order = .lost
      }
    }
    var original: [String: String] = [:]
    var note: String?
    var groups: [String: Int] = [:]
    var order: [String] = []
    if let found, found.statePrefix != nil, let dialect {
      let matching = try StateMatching(found, arrays, in: dialect, facts)
      for (key, name) in matching.renamed {
        guard arrays[name] == nil else {
          throw FlywheelError(
            .mismatch,
            "'\(key)' and '\(name)' would be the same buffer; rename or leave out one of them."
          )
        }
        original[name] = key
      }
      arrays = OrderedDictionary(
        arrays.map { (matching.renamed[$0] ?? $0, $1) },
        uniquingKeysWith: { first, _ in first }
      )
      (note, groups) = (matching.note, matching.groups)
      facts.strays.formUnion(matching.strays)
      order = matching.order
    }
    let rule = stated.rule?.name
    let slots = Self.slots(stated, found)
    let reading =
      if let dialect {
        try dialect.understand(arrays, rule: rule, slots: slots, facts: facts)
      } else {
        try Dialect.recognise(arrays, rule: rule, slots: slots, facts: facts)
      }
    // Within each group the optimizer has its parameters in the model's order.
    self.reading = reading.ordered(by: order).renamingKeys(original)
    try found?.requireKnownState(in: self.reading)
    self.found = found
    self.stated = stated
    self.groups = groups
    matching = note
  }

  /// The slots that the rule keeps with the numbers that are known; nil if that is not known.
  ///
  /// Numbered buffers of two kinds look the same: only the numbers tell which of them a rule keeps.
  private static func slots(_ stated: StatedOptimizer, _ found: FoundOptimizer?) -> Set<String>? {
    guard let rule = stated.rule else { return nil }
    // Their number tells whether AMSGrad is on: there is no other buffer that may be missing.
    if found == nil, rule.meaning(of: Hyperparameter.amsgrad.rawValue) != nil,
      stated.hyperparameters[.amsgrad] == nil
    {
      return nil
    }
    let groups = found?.groups.map(\.hyperparameters) ?? [Hyperparameters()]
    let known = groups.compactMap { group in
      try? rule.completed(stated.hyperparameters.merging(group))
    }
    return known.isEmpty ? nil : Set(known.flatMap { rule.slotNames($0) })
  }
}

extension FoundOptimizer {
  /// Checks that there are no arrays that stay as they are in training: elsewhere they would be trained.
  ///
  /// - Parameters:
  ///   - keys: The names of arrays.
  ///   - found: The optimizer; nil for a model that was not compiled, whose layers say it all the same.
  ///   - metadata: What the file says.
  /// - Throws: `unsupported`, with the first of them.
  static func requireTrained(
    _ keys: [String],
    by found: FoundOptimizer?,
    in metadata: ArchiveMetadata
  ) throws(FlywheelError) {
    let place = found?.place ?? "The model's configuration"
    let untrained =
      found?.untrained
      ?? KerasNetwork.configuration(in: metadata).map { KerasLayers(of: $0).untrained } ?? []
    for prefix in untrained {
      guard let key = keys.first(where: { $0.utf8.starts(with: prefix.utf8) }) else { continue }
      throw FlywheelError(
        .unsupported,
        "\(place) says that '\(prefix)' is not trained, which a state cannot say: elsewhere it would be trained. "
          + "Make it trainable, or leave it out with --only.",
        at: .init(tensor: key)
      )
    }
  }

  /// Checks that an optimizer with numbers of its own has no buffers of its own: it is another one then.
  fileprivate func requireKnownState(in reading: DialectReading) throws(FlywheelError) {
    guard !unknownWords.isEmpty, let statePrefix else { return }
    let odd = reading.leftovers.first { $0.utf8.starts(with: statePrefix.utf8) }
    guard let odd else { return }
    throw FlywheelError(
      .unsupported,
      "The optimizer in \(place) looks like \(name), but has \(unknownWords.joined(separator: ", ")) and the "
        + "buffer '\(odd)' besides, which no optimizer has that is known here.",
      at: .init(tensor: odd)
    )
  }

  /// The rule that it is.
  ///
  /// - Parameter stated: The rule that a person names; nil for none.
  /// - Throws: `unsupported` if no rule is it, `mismatch` if the person names another, `invalidArgument` if it
  ///   may be several and nobody says which.
  /// - Returns: The rule; nil if neither the file nor a person tells.
  fileprivate func rule(agreeingWith stated: UpdateRule?) throws(FlywheelError) -> UpdateRule? {
    guard obstacles.isEmpty else {
      throw FlywheelError(
        .unsupported,
        "The optimizer in \(place) cannot be taken over: \(obstacles.joined(separator: "; "))."
      )
    }
    if let stated {
      guard rules.isEmpty || rules.contains(stated.name) else {
        throw FlywheelError(
          .mismatch,
          "The rule given is '\(stated.name)'; \(place) is of \(name), the rule "
            + "\(rules.map { "'\($0)'" }.joined(separator: " or ")). Leave --rule out; --to-rule says what "
            + "the result is to have."
        )
      }
      return stated
    }
    guard rules.count <= 1 else {
      throw FlywheelError(
        .invalidArgument,
        "\(place) is of \(name), and its words do not tell which; give --rule, one of "
          + "\(rules.joined(separator: ", "))."
      )
    }
    return try rules.first.map { (rule) throws(FlywheelError) in try .named(rule) }
  }
}
