import FlywheelCore
import FlywheelOptim
import OrderedCollections

/// The groups of an optimizer, from what a file says of its numbers and what a person adds.
///
/// A person completes the file; where both speak of the same number, they must agree.
struct OptimizerGroups {
  private let rule: UpdateRule
  private let stated: StatedOptimizer
  private let found: FoundOptimizer?
  /// What a counter says.
  private let rate: Double?
  /// The parameters by which group of the file, and which of the person's, they are in.
  private var places: OrderedDictionary<Place, (numbers: Hyperparameters, parameters: [String])> =
    [:]

  /// The numbers that nobody says, at the rule's defaults; flags that are off are left out.
  private(set) var assumed = Hyperparameters()

  private struct Place: Hashable {
    var found: Int
    /// 0 for none.
    var stated: Int
  }

  /// Starts with no parameters.
  ///
  /// - Throws: `invalidArgument` for a number that the rule does not take.
  init(
    _ rule: UpdateRule,
    _ stated: StatedOptimizer,
    _ found: FoundOptimizer?,
    rate: Double?
  ) throws(FlywheelError) {
    self.rule = rule
    self.stated = stated
    self.found = found
    self.rate = rate
    for group in stated.groups {
      for (name, _) in group.hyperparameters.ordered { try rule.requireTaken(name) }
    }
  }

  /// Puts a parameter into its group.
  ///
  /// - Parameters:
  ///   - name: Its name.
  ///   - index: Which of the file's groups it is in; nil if the file does not tell.
  /// - Throws: `mismatch` for a number that is not as the file has it, `invalidArgument` for one that is
  ///   missing or out of range.
  mutating func add(_ name: String, inFound index: Int?) throws(FlywheelError) {
    let matching = stated.groups.firstIndex { group in
      group.patterns.contains { $0.matches(name) }
    }
    let place = Place(found: index ?? 0, stated: matching.map { $0 + 1 } ?? 0)
    if places[place] == nil {
      places[place] = (try numbers(of: place, names: name), [])
    }
    places[place]?.parameters.append(name)
  }

  private mutating func numbers(
    of place: Place,
    names: String
  ) throws(FlywheelError) -> Hyperparameters {
    let group = found.map { $0.groups[place.found] }
    let base = try merge(stated.hyperparameters, into: group?.hyperparameters ?? Hyperparameters())
    var numbers = base
    try fillRate(&numbers)
    try requireKnown(numbers)
    guard place.stated > 0 else { return try completed(numbers) }
    let own = stated.groups[place.stated - 1].hyperparameters
    // What a file says of all parameters may not be all there is to say; what it says of some is.
    if let group, group.members != .all {
      numbers = try merge(own, into: numbers, of: names)
    } else {
      numbers = numbers.merging(own)
    }
    return try completed(numbers)
  }

  private mutating func completed(
    _ numbers: Hyperparameters
  ) throws(FlywheelError) -> Hyperparameters {
    let whole = try rule.completed(numbers)
    for (name, value) in whole.ordered where numbers[name] == nil && value != .flag(false) {
      assumed[name] = value
    }
    return whole
  }

  /// Adds what a person says to what is known.
  private func merge(
    _ given: Hyperparameters,
    into known: Hyperparameters,
    of name: String? = nil
  ) throws(FlywheelError) -> Hyperparameters {
    for (word, value) in given.ordered {
      guard let other = known[word], !Self.agree(other.number, value.number) else { continue }
      throw FlywheelError(
        .mismatch,
        "The file says \(word.rawValue) \(other.text)\(name.map { " of '\($0)'" } ?? ""), in "
          + "\(found?.place ?? "it"); given is \(value.text). Leave it out"
          + (word == .learningRate
            ? "; if it changes with the next step, say so with --next-learning-rate." : ".")
      )
    }
    return given.merging(known)
  }

  /// Whether two numbers are one, of which single precision may have held the other.
  private static func agree(_ left: Double, _ right: Double) -> Bool {
    abs(left - right) <= 1e-6 * max(abs(left), abs(right))
  }

  private func fillRate(_ numbers: inout Hyperparameters) throws(FlywheelError) {
    guard let rate else { return }
    guard let known = numbers[.learningRate]?.number else {
      numbers[.learningRate] = .number(rate)
      return
    }
    guard Self.agree(known, rate) else {
      let isGiven = stated.hyperparameters[.learningRate] != nil
      throw FlywheelError(
        .mismatch,
        isGiven
          ? "The file's learning rate is \(rate), the one given \(known). Leave it out; if it changes with "
            + "the next step, say so with --next-learning-rate."
          : "The file says the learning rate \(known) in \(found?.place ?? "it"), and \(rate) in an array; "
            + "leave the array out with --only if the former counts."
      )
    }
  }

  /// Checks that the learning rate is known, and the momentum where there is a velocity: a guess would be
  /// another run.
  private func requireKnown(_ numbers: Hyperparameters) throws(FlywheelError) {
    var missing: [(name: String, flag: String)] = []
    if numbers[.learningRate] == nil { missing.append(("learning rate", "--learning-rate")) }
    if case .sgd(let sgd) = rule, sgd.form.a != 0, numbers[.momentum] == nil {
      missing.append(("momentum", "--momentum"))
    }
    guard !missing.isEmpty else { return }
    throw FlywheelError(
      .invalidArgument,
      "The arrays do not say the \(missing.map(\.name).joined(separator: " and the ")) of the rule "
        + "'\(rule.name)'; give \(missing.map(\.flag).joined(separator: " and "))."
    )
  }

  /// The numbers of each group, and the group of each parameter.
  ///
  /// - Throws: `invalidArgument` if a group of the person's has no parameters.
  /// - Returns: The groups that have parameters, in the file's order and then the person's.
  func sorted() throws(FlywheelError) -> (groups: [Hyperparameters], ofParameters: [String: Int]) {
    let used = Set(places.keys.map(\.stated))
    if let missing = stated.groups.indices.first(where: { !used.contains($0 + 1) }) {
      throw FlywheelError(
        .invalidArgument,
        "No parameter is left for the group '"
          + stated.groups[missing].patterns.map(\.text).joined(separator: ",") + "'; there are "
          + places.values.flatMap(\.parameters).joined(separator: ", ") + "."
      )
    }
    let ordered = places.sorted { ($0.key.found, $0.key.stated) < ($1.key.found, $1.key.stated) }
    var ofParameters: [String: Int] = [:]
    for (index, place) in ordered.enumerated() {
      for name in place.value.parameters { ofParameters[name] = index }
    }
    return (ordered.map(\.value.numbers), ofParameters)
  }
}
