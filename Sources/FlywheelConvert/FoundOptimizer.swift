public import FlywheelCore
public import FlywheelOptim

/// What a file's own metadata says of its optimizer.
///
/// Frameworks write it in a few forms; each has a file of its own beside this one.
public struct FoundOptimizer: Sendable, Hashable {
  /// What its framework calls it, such as `torch.optim.AdamW`, or what it looks like.
  public var name: String
  /// The names of the rules that it may be, in order of preference; none if the file does not tell, or no
  /// rule is it.
  public var rules: [String]
  /// The numbers, at least one set of them, with the parameters that each is for.
  public var groups: [Group]
  /// The number of steps taken; nil if the metadata does not say it.
  public var step: Int?
  /// The name of the dialect that its framework writes; nil if that is not known.
  public var dialect: String?
  /// What the keys of its buffers begin with, before the number or the name of a parameter; nil if numbers
  /// in keys are those of a dialect.
  public var statePrefix: String?
  /// Where it was found, for people: `'optimizer.param_groups'`.
  public var place: String
  /// What no rule can express, as sentences: such a state is shown, but not taken for another.
  public var obstacles: [String]
  /// What the keys of arrays begin with that it leaves as they are: those of layers that are not trained.
  public var untrained: [String] = []
  /// The words of its groups that no optimizer has that is known here: they may change its steps.
  public var unknownWords: [String] = []

  /// Numbers that some parameters share.
  public struct Group: Sendable, Hashable {
    /// The numbers of the next step, under the first of the rules.
    public var hyperparameters: Hyperparameters
    /// Which parameters they are for.
    public var members: Members
    /// What a schedule multiplies; nil if there is none.
    public var initialLearningRate: Double?

    /// Describes a group.
    ///
    /// - Parameters:
    ///   - hyperparameters: The numbers of the next step.
    ///   - members: Which parameters they are for.
    ///   - initialLearningRate: What a schedule multiplies; nil if there is none.
    public init(
      hyperparameters: Hyperparameters,
      members: Members = .all,
      initialLearningRate: Double? = nil
    ) {
      self.hyperparameters = hyperparameters
      self.members = members
      self.initialLearningRate = initialLearningRate
    }
  }

  /// Which parameters a group is for.
  public enum Members: Sendable, Hashable {
    /// All that no other group names.
    case all
    /// Those with these names, as the model has them.
    case named([String])
    /// Those that the optimizer gives these numbers, in its order; of each its name in the model, if the
    /// file tells the names.
    case numbered([Int], names: [String]?)
  }

  /// Describes an optimizer.
  ///
  /// - Parameters:
  ///   - name: What its framework calls it.
  ///   - rules: The names of the rules that it may be.
  ///   - groups: The numbers, at least one set of them.
  ///   - step: The number of steps taken.
  ///   - dialect: The name of the dialect that its framework writes.
  ///   - statePrefix: What the keys of its buffers begin with.
  ///   - place: Where it was found.
  ///   - obstacles: What no rule can express, as sentences.
  public init(
    name: String,
    rules: [String],
    groups: [Group],
    step: Int? = nil,
    dialect: String? = nil,
    statePrefix: String? = nil,
    place: String,
    obstacles: [String] = []
  ) {
    self.name = name
    self.rules = rules
    self.groups = groups
    self.step = step
    self.dialect = dialect
    self.statePrefix = statePrefix
    self.place = place
    self.obstacles = obstacles
  }

  /// Looks for an optimizer.
  ///
  /// - Parameters:
  ///   - metadata: What a file says besides its tensors.
  ///   - stated: The rule that a person names; nil for none.
  /// - Throws: `malformed` for a number that is none.
  /// - Returns: What is found; nil if the file says nothing of an optimizer.
  public static func find(
    in metadata: ArchiveMetadata,
    stating stated: UpdateRule? = nil
  ) throws(FlywheelError) -> FoundOptimizer? {
    if let found = try parameterGroups(in: metadata, stated) { return found }
    if let found = try kerasConfiguration(in: metadata) { return found }
    return nil
  }
}

extension FoundOptimizer {
  /// The numbers that words of a framework set under a rule.
  ///
  /// A word that only other rules take is an obstacle if it is on; one that no rule knows says nothing of
  /// the step.
  ///
  /// - Parameters:
  ///   - words: Each word with its values.
  ///   - rule: The rule.
  ///   - place: Where they stand, for messages.
  /// - Throws: `malformed` for a word with another number of values than it means, or one out of range.
  /// - Returns: The numbers, and what the rule cannot express.
  static func numbers(
    of words: [(word: String, values: [Hyperparameters.Value])],
    under rule: UpdateRule,
    at place: String
  ) throws(FlywheelError) -> (hyperparameters: Hyperparameters, obstacles: [String]) {
    var hyperparameters = Hyperparameters()
    var obstacles: [String] = []
    for (word, values) in words {
      guard let names = rule.meaning(of: word) else {
        if Hyperparameter.isWord(word), values.contains(where: { !$0.isOff }) {
          let text = values.map(\.text).joined(separator: ", ")
          obstacles.append(
            "\(word) is \(text) in \(place), which the rule '\(rule.name)' does not take"
          )
        }
        continue
      }
      guard names.count == values.count else {
        throw FlywheelError.malformed(
          found: "\(word) with \(values.count) values in \(place)",
          expected: names.count == 1 ? "one" : "\(names.count)"
        )
      }
      for (name, value) in zip(names, values) {
        hyperparameters[name] = try rule.taken(value, for: name, at: place)
      }
    }
    return (hyperparameters, obstacles)
  }
}

extension UpdateRule {
  /// A value as the rule's hyperparameter has it: a switch may have been written as a number.
  fileprivate func taken(
    _ value: Hyperparameters.Value,
    for name: Hyperparameter,
    at place: String
  ) throws(FlywheelError) -> Hyperparameters.Value {
    guard let definition = hyperparameters.first(where: { $0.name == name }) else { return value }
    var value = value
    if definition.range == .flag, [0, 1].contains(value.number) {
      value = .flag(value.number != 0)
    }
    if definition.range != .flag { value = .number(value.number) }
    guard definition.range.contains(value) else {
      throw FlywheelError.malformed(
        found: "\(name.rawValue) \(value.text) in \(place)",
        expected: definition.range.rawValue
      )
    }
    return value
  }
}

extension AttributeValue {
  /// The numbers and switches that it holds; nil if it holds anything else.
  var hyperparameterValues: [Hyperparameters.Value]? {
    switch self {
    case .integer(let number): return [.number(Double(number))]
    case .double(let number): return [.number(number)]
    case .string, .strings: return nil
    case .tensor(let tensor):
      guard tensor.shape.elementCount <= 16, tensor.dtype.kind != .complex,
        let numbers: [Double] = try? tensor.converted(to: .float64).elements()
      else { return nil }
      return tensor.dtype.kind == .bool
        ? numbers.map { .flag($0 != 0) } : numbers.map { .number($0) }
    }
  }

  /// The texts that it holds; nil if it holds anything else.
  var texts: [String]? {
    switch self {
    case .string(let text): [text]
    case .strings(let texts): texts
    case .integer, .double, .tensor: nil
    }
  }

  /// The whole numbers that it holds; nil if it holds anything else.
  var wholeNumbers: [Int]? {
    switch self {
    case .integer(let number): [Int(number)]
    case .tensor(let tensor):
      tensor.dtype.kind == .signedInteger || tensor.dtype.kind == .unsignedInteger
        || tensor.shape.elementCount == 0
        ? (try? tensor.converted(to: .int64).elements(as: Int64.self)).map { $0.map { Int($0) } }
        : nil
    case .string, .double, .strings: nil
    }
  }
}
