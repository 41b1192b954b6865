import FlywheelCore
import FlywheelOptim
import OrderedCollections

/// What `torch.optim.Optimizer.state_dict()` has under `param_groups`, a dictionary for each group.
///
/// Read from torch/optim/optimizer.py and the optimizers beside it of PyTorch 2.13, and, for groups under the
/// names of parameters, from torch/distributed/checkpoint/state_dict.py.
extension FoundOptimizer {
  /// An optimizer by the words that its groups have.
  private struct Signature {
    let name: String
    let rules: [String]
    let words: [String]
    /// Switches that must be as they are here.
    var switches: [String: Bool] = [:]

    init(_ name: String, _ rules: [String], _ words: String, _ switches: [String: Bool] = [:]) {
      self.name = name
      self.rules = rules
      self.words = words.split(separator: " ").map(String.init)
      self.switches = switches
    }
  }

  /// The optimizers that are told apart: the one with the most words that are all there is meant, of several
  /// the first.
  ///
  /// Since PyTorch 2.6 a switch tells AdamW from Adam.
  private static let signatures: [Signature] = [
    Signature("torch.optim.SGD", ["pytorch"], "lr momentum dampening weight_decay nesterov"),
    Signature(
      "torch.optim.Adam",
      ["adam"],
      "lr betas eps weight_decay amsgrad decoupled_weight_decay",
      ["decoupled_weight_decay": false]
    ),
    Signature(
      "torch.optim.AdamW",
      ["adamw"],
      "lr betas eps weight_decay amsgrad decoupled_weight_decay",
      ["decoupled_weight_decay": true]
    ),
    Signature(
      "torch.optim.Adam or AdamW",
      ["adam", "adamw"],
      "lr betas eps weight_decay amsgrad"
    ),
    Signature("torch.optim.RMSprop", ["rmsprop"], "lr momentum alpha eps centered weight_decay"),
    Signature(
      "torch.optim.Adagrad",
      ["adagrad"],
      "lr lr_decay eps weight_decay initial_accumulator_value"
    ),
    Signature("torch.optim.NAdam", [], "lr betas eps weight_decay momentum_decay"),
    Signature("torch.optim.RAdam", [], "lr betas eps weight_decay decoupled_weight_decay"),
    Signature("torch.optim.Adamax", [], "lr betas eps weight_decay capturable"),
    Signature("torch.optim.SparseAdam", [], "lr betas eps maximize"),
    Signature("torch.optim.Adadelta", [], "lr rho eps weight_decay"),
    Signature("torch.optim.Rprop", [], "lr etas step_sizes"),
    Signature("torch.optim.ASGD", [], "lr lambd alpha t0 weight_decay"),
    Signature("torch.optim.LBFGS", [], "lr max_iter history_size"),
    Signature("torch.optim.Adafactor", [], "lr beta2_decay d weight_decay"),
    Signature("torch.optim.Muon", [], "lr weight_decay momentum ns_coefficients"),
  ]

  /// The words of those optimizers, of their switches, and of what schedulers put beside them.
  private static let known =
    Set(signatures.flatMap(\.words)).union(Owner.others).union([
      "maximize", "nesterov", "amsgrad", "centered", "decoupled_weight_decay", "tolerance_grad",
      "tolerance_change", "line_search_fn", "max_eval", "ns_steps", "adjust_lr_fn", "max_lr",
      "min_lr", "base_momentum", "max_momentum", "swa_lr", "name",
    ])

  /// Where a file says how many steps were taken, at its top level.
  private static let steps = ["global_step", "step", "steps"]

  private static let word = "param_groups"

  /// The group that a key would lie in by its name, and its word there; nil if it would in none.
  static func placeInGroups(_ key: String) -> (owner: String, word: String)? {
    let pieces = key.split(separator: ".", omittingEmptySubsequences: false)
    guard pieces.count > 2, pieces[pieces.count - 3] == word, let last = pieces.last else {
      return nil
    }
    return (pieces.dropLast().joined(separator: "."), String(last))
  }

  /// Whether a key is that of the dictionary of one group.
  static func isGroup(_ key: String) -> Bool {
    let pieces = key.split(separator: ".", omittingEmptySubsequences: false)
    return pieces.firstIndex(of: word[...]).map { $0 + 1 < pieces.endIndex } ?? false
  }

  /// Reads the groups, whatever their keys begin with.
  static func parameterGroups(
    in metadata: ArchiveMetadata,
    _ stated: UpdateRule?
  ) throws(FlywheelError) -> FoundOptimizer? {
    var optimizers: OrderedDictionary<String, [Owner]> = [:]
    let empty = Set(metadata.emptyGroups)
    for (key, attributes) in metadata.attributes {
      let hasNoParameters = empty.contains("\(key).params")
      guard let owner = Owner(key, attributes, hasNoParameters: hasNoParameters) else { continue }
      optimizers[owner.prefix, default: []].append(owner)
    }
    guard let (prefix, unsorted) = optimizers.elements.first else { return nil }
    let owners =
      unsorted.allSatisfy { $0.number != nil }
      ? unsorted.sorted { ($0.number ?? 0) < ($1.number ?? 0) } : unsorted
    let place = "'\(prefix)\(word)'"
    let signature = signature(of: owners)
    var found = FoundOptimizer(
      name: signature?.name ?? "an optimizer with \(owners[0].words.joined(separator: ", "))",
      rules: signature?.rules ?? [],
      groups: [],
      step: steps.lazy.compactMap { count(metadata.attributes[""]?[$0]) }.first,
      dialect: "pytorch",
      statePrefix: "\(prefix)state.",
      place: place
    )
    let words = OrderedSet(owners.flatMap(\.words))
    found.unknownWords = words.filter { !Self.known.contains($0) && !Hyperparameter.isWord($0) }
    if optimizers.count > 1 {
      let places = optimizers.keys.map { "'\($0)\(word)'" }.joined(separator: ", ")
      found.obstacles.append("the file has \(optimizers.count) optimizers, \(places)")
    }
    if let signature, signature.rules.isEmpty {
      found.obstacles.append("\(signature.name) is none of Flywheel's rules")
    }
    let rule =
      stated.flatMap { found.rules.isEmpty || found.rules.contains($0.name) ? $0 : nil }
      ?? found.rules.first.flatMap { UpdateRule.preset($0) }
    for owner in owners {
      let (group, obstacles) = try owner.group(under: rule)
      // Groups under the names of single parameters share their numbers.
      if owner.number == nil, case .named(let names) = group.members,
        let index = found.groups.firstIndex(where: { $0.isLike(group) }),
        case .named(let others) = found.groups[index].members
      {
        found.groups[index].members = .named(others + names)
      } else {
        found.groups.append(group)
      }
      found.obstacles += obstacles.filter { !found.obstacles.contains($0) }
    }
    // Without decay both of Adam's kinds are the same.
    if found.rules.count > 1, found.groups.allSatisfy({ $0.hyperparameters.weightDecay == 0 }) {
      found.rules = [found.rules[0]]
    }
    return found
  }

  private static func signature(of owners: [Owner]) -> Signature? {
    let fitting = signatures.filter { signature in
      owners.allSatisfy { owner in
        Set(signature.words).isSubset(of: owner.words)
          && signature.switches.allSatisfy { word, flag in owner.flag(word) == flag }
      }
    }
    let most = fitting.map(\.words.count).max()
    return fitting.first { $0.words.count == most }
  }

  private static func count(_ value: AttributeValue?) -> Int? {
    guard let numbers = value?.wholeNumbers, numbers.count == 1, (0...1 << 53).contains(numbers[0])
    else { return nil }
    return numbers[0]
  }

  /// The dictionary of one group.
  private struct Owner {
    let key: String
    /// What stands before `param_groups`, with its separator.
    let prefix: String
    /// The number of the group; nil if it is of one parameter, by name.
    let number: Int?
    /// The parameter's name; nil if the group has a number.
    let parameter: String?
    let attributes: OrderedDictionary<String, AttributeValue>
    /// Whether its list of parameters is an empty one.
    let hasNoParameters: Bool

    init?(
      _ key: String,
      _ attributes: OrderedDictionary<String, AttributeValue>,
      hasNoParameters: Bool
    ) {
      let pieces = key.split(separator: ".", omittingEmptySubsequences: false)
      guard let place = pieces.firstIndex(of: word[...]), place + 1 < pieces.endIndex else {
        return nil
      }
      self.key = key
      self.attributes = attributes
      self.hasNoParameters = hasNoParameters
      prefix = pieces[..<place].map { "\($0)." }.joined()
      let name = pieces[(place + 1)...].joined(separator: ".")
      number = Int(name).flatMap { $0 >= 0 ? $0 : nil }
      parameter = number == nil ? name : nil
    }

    /// Words that say which parameters the group is of, or nothing of the step's mathematics.
    static let others: Set<String> = [
      "params", "param_names", "initial_lr", "foreach", "fused", "capturable", "differentiable",
    ]

    var words: [String] { Array(attributes.keys) }

    func flag(_ word: String) -> Bool? {
      let values = attributes[word]?.hyperparameterValues
      return values?.count == 1 ? values?.first.map { !$0.isOff } : nil
    }

    /// The group with the numbers that a rule takes; with none if there is no rule.
    func group(under rule: UpdateRule?) throws(FlywheelError) -> (Group, obstacles: [String]) {
      var numbers = (hyperparameters: Hyperparameters(), obstacles: [String]())
      if let rule {
        var words: [(word: String, values: [Hyperparameters.Value])] = []
        for (word, value) in attributes where !Self.others.contains(word) {
          guard let values = value.hyperparameterValues else {
            guard rule.meaning(of: word) != nil else { continue }
            throw FlywheelError.malformed(
              found: "\(word) \(value) in '\(key)'",
              expected: "a number or a switch"
            )
          }
          words.append((word, values))
        }
        numbers = try FoundOptimizer.numbers(of: words, under: rule, at: "'\(key)'")
      }
      let initial = attributes["initial_lr"]?.hyperparameterValues
      let group = Group(
        hyperparameters: numbers.hyperparameters,
        members: try members(),
        initialLearningRate: initial?.count == 1 ? initial?.first?.number : nil
      )
      return (group, numbers.obstacles)
    }

    private func members() throws(FlywheelError) -> Members {
      if let parameter { return .named([parameter]) }
      if hasNoParameters { return .numbered([], names: nil) }
      guard let value = attributes["params"] else {
        return attributes["param_names"]?.texts.map { .named($0) } ?? .all
      }
      let names = attributes["param_names"]?.texts
      if let numbers = value.wholeNumbers {
        guard numbers.allSatisfy({ $0 >= 0 }), Set(numbers).count == numbers.count,
          names.map({ $0.count == numbers.count }) ?? true
        else {
          throw FlywheelError.malformed(
            found: "params \(numbers.prefix(8)) with \(names?.count ?? 0) names in '\(key)'",
            expected: "each parameter's number once, and as many names or none"
          )
        }
        return .numbered(numbers, names: names)
      }
      guard let texts = value.texts else {
        throw FlywheelError.malformed(
          found: "params \(value) in '\(key)'",
          expected: "numbers or names of parameters"
        )
      }
      return .named(texts)
    }
  }
}

extension FoundOptimizer.Group {
  /// Whether another has the same numbers.
  fileprivate func isLike(_ other: Self) -> Bool {
    hyperparameters == other.hyperparameters && initialLearningRate == other.initialLearningRate
  }
}
