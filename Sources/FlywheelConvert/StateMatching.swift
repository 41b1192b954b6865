import FlywheelCheckpoint
import FlywheelCore
import FlywheelDialects
import OrderedCollections

/// Which parameter each of an optimizer's states belongs to, and which group each parameter is in.
///
/// Names decide where the file has them. Numbers only say an order: that of the groups' lists, one after the
/// other, which is the model's if the optimizer was given its parameters as they are; shapes check it, and
/// where they leave only one other order, they decide.
struct StateMatching {
  /// The keys that the states get, which name their parameters, by those that they have.
  private(set) var renamed: [String: String] = [:]
  /// The group of each parameter, by the parameter's key.
  private(set) var groups: [String: Int] = [:]
  /// How they were matched, for people; nil if nothing had to be.
  private(set) var note: String?

  private let found: FoundOptimizer
  private let parameters: [(key: String, shape: Shape)]
  private let arrays: OrderedDictionary<String, TensorDescription>
  private let prefix: String
  private let dialect: Dialect
  /// The dialect's words for buffers, which have their parameters' shapes.
  private let words: Set<String>
  /// The keys of the states by the number or the name that they have.
  private var states: OrderedDictionary<String, [(key: String, slot: String)]> = [:]

  /// Matches.
  ///
  /// - Parameters:
  ///   - found: What the file says of its optimizer.
  ///   - arrays: What the file holds.
  ///   - dialect: Whose names they are.
  /// - Throws: `mismatch` if the two do not go together, `invalidArgument` if they may in several ways; what
  ///   understanding the parameters throws.
  init(
    _ found: FoundOptimizer,
    _ arrays: OrderedDictionary<String, TensorDescription>,
    in dialect: Dialect
  ) throws(FlywheelError) {
    self.found = found
    self.arrays = arrays
    self.dialect = dialect
    words = Set(dialect.families.flatMap { $0.slots.flatMap(\.words) })
    prefix = found.statePrefix ?? ""
    if let prefix = found.statePrefix {
      for key in arrays.keys where key.utf8.starts(with: prefix.utf8) {
        let rest = key.utf8.dropFirst(prefix.utf8.count)
        guard let dot = rest.lastIndex(of: UInt8(ascii: ".")) else { continue }
        let id = String(decoding: rest[..<dot], as: UTF8.self)
        let slot = String(decoding: rest[dot...].dropFirst(), as: UTF8.self)
        states[id, default: []].append((key, slot))
      }
    }
    let stateKeys = Set(states.values.joined().map(\.key))
    let model = try dialect.understand(arrays.filter { !stateKeys.contains($0.key) })
    parameters = model.parameters.values.compactMap { parameter in
      arrays[parameter.place.key].map { (parameter.place.key, $0.shape) }
    }
    try matchNames()
    try matchNumbers()
  }

  // MARK: By name

  private mutating func matchNames() throws(FlywheelError) {
    var partners: [String: [Int]] = [:]
    for (index, parameter) in parameters.enumerated() {
      for spelling in spellings(of: parameter.key) { partners[spelling, default: []].append(index) }
    }
    var isNamed = false
    for (index, group) in found.groups.enumerated() {
      let ids: [String]
      let names: [String]
      switch group.members {
      case .numbered(let numbers, names: let known?):
        (ids, names) = (numbers.map { "\($0)" }, known)
      case .named(let known): (ids, names) = (known, known)
      case .all, .numbered: continue
      }
      for (id, name) in zip(ids, names) {
        let candidates = OrderedSet(spellings(of: name).flatMap { partners[$0] ?? [] }.sorted())
        guard candidates.count == 1 else {
          throw FlywheelError(
            .mismatch,
            "\(found.place) is about a parameter '\(name)', "
              + (candidates.isEmpty
                ? "which is none of the model's: \(Self.list(parameters.map(\.key)))."
                : "which may be \(Self.list(candidates.map { parameters[$0].key })).")
              + " Rename parameters with --rename or --map."
          )
        }
        isNamed = true
        try assign(id, to: parameters[candidates[0]], group: index)
      }
    }
    if isNamed { note = "the optimizer's state is matched to parameters by name" }
    guard isNamed, let alone = parameters.first(where: { groups[$0.key] == nil }) else { return }
    throw missing(alone.key)
  }

  /// A name with and without what stands in front of all names.
  private func spellings(of name: String) -> Set<String> {
    var spellings: Set<String> = [name]
    for prefix in dialect.prefixes where name.utf8.starts(with: prefix.utf8) {
      spellings.insert(String(decoding: name.utf8.dropFirst(prefix.utf8.count), as: UTF8.self))
    }
    return spellings
  }

  private func missing(_ key: String) -> FlywheelError {
    FlywheelError(
      .mismatch,
      "\(found.place) is about \(groups.count) parameters, and '\(key)' of the model's \(parameters.count) is "
        + "not among them: a parameter that the optimizer does not move. Choose those that it moves with "
        + "--only."
    )
  }

  // MARK: By number

  private mutating func matchNumbers() throws(FlywheelError) {
    var lists: [[String]] = []
    for group in found.groups {
      guard case .numbered(let numbers, names: nil) = group.members else { return }
      lists.append(numbers.map { "\($0)" })
    }
    let ids = lists.flatMap(\.self)
    guard ids.count == parameters.count else {
      throw FlywheelError(
        .mismatch,
        "\(found.place) is about \(ids.count) parameters, and the model has \(parameters.count): "
          + "\(Self.list(parameters.map(\.key))). Numbers do not tell which are meant; \(Self.remedy)."
      )
    }
    let hasSeveral = lists.filter { !$0.isEmpty }.count > 1
    let order = hasSeveral ? order(of: lists) : .only([])
    // Without buffers nothing checks an order: one group needs none, of several anything could be said.
    let isChecked = !hasSeveral || ids.allSatisfy { shape(of: $0) != nil }
    if isChecked, zip(ids, parameters).allSatisfy(fits) {
      for (group, list) in zip(found.groups.indices, lists) {
        for id in list { try assign(id, to: parameters[groups.count], group: group) }
      }
      guard !states.isEmpty else { return }
      note = "the optimizer's state is matched to parameters by position; all shapes fit"
      if case .several = order { note? += ", but those of other orders would, too: \(Self.remedy)" }
      return
    }
    switch order {
    case .only(let turns) where hasSeveral:
      var next = lists.map(\.startIndex)
      for (parameter, group) in zip(parameters, turns) {
        try assign(lists[group][next[group]], to: parameter, group: group)
        next[group] += 1
      }
      note =
        "the optimizer's state is matched to parameters by position within each group, the only way in which all "
        + "shapes fit"
    case .several:
      throw FlywheelError(
        .invalidArgument,
        "\(found.place) gives parameters numbers, and their shapes fit the model in several ways; \(Self.remedy)."
      )
    case .none, .only:
      guard try !matchShapes(lists) else { return }
      throw misfit(ids)
    }
  }

  /// What is to be done where numbers do not tell.
  private static let remedy =
    "names would tell, which torch writes if the optimizer is given model.named_parameters(), or 'param_names' "
    + "in each group"

  private func misfit(_ ids: [String]) -> FlywheelError {
    let odd = zip(ids, parameters).first { !fits($0) }
    let account = odd.map { id, parameter in
      "State \(id) of \(found.place) has shape \(shape(of: id).map { "\($0)" } ?? ""), and '\(parameter.key)', "
        + "the parameter at its place, \(parameter.shape); "
    }
    return FlywheelError(
      .mismatch,
      (account ?? "") + "no order of the states fits the model. \(Self.remedy.capitalizedFirst)."
    )
  }

  /// The shape that a parameter has by its buffers; nil if it has none.
  private func shape(of id: String) -> Shape? {
    states[id]?.first { words.contains($0.slot) }.flatMap { arrays[$0.key]?.shape }
  }

  private func fits(_ pair: (id: String, parameter: (key: String, shape: Shape))) -> Bool {
    shape(of: pair.id).map { $0 == pair.parameter.shape } ?? true
  }

  /// Whose turn it is, parameter by parameter.
  private enum Order {
    case none
    case only([Int])
    case several
  }

  /// How the lists, each in its order, can take turns so that all shapes fit.
  private func order(of lists: [[String]]) -> Order {
    struct Way {
      var count: Int
      var last: Int
    }
    let shapes = lists.map { $0.map { shape(of: $0) } }
    // How far each list has come, after each parameter: what comes of it does not depend on how it came there.
    var layers: [[[Int]: Way]] = [[[Int](repeating: 0, count: lists.count): Way(count: 1, last: 0)]]
    // Lists could take turns in more ways than there is memory for; nobody means one of them.
    var budget = 40_000
    for parameter in parameters {
      var ways: [[Int]: Way] = [:]
      for (next, way) in layers[layers.count - 1] {
        budget -= lists.count
        guard budget > 0 else { return .several }
        for group in lists.indices where next[group] < lists[group].count {
          let shape = shapes[group][next[group]]
          guard shape == nil || shape == parameter.shape else { continue }
          var after = next
          after[group] += 1
          let others = ways[after]?.count ?? 0
          ways[after] = Way(count: min(2, others + way.count), last: group)
        }
      }
      layers.append(ways)
    }
    var place = lists.map(\.count)
    guard let end = layers[layers.count - 1][place] else { return .none }
    guard end.count == 1 else { return .several }
    var turns: [Int] = []
    for layer in layers.dropFirst().reversed() {
      guard let way = layer[place] else { return .none }
      turns.append(way.last)
      place[way.last] -= 1
    }
    return .only(turns.reversed())
  }

  /// Matches parameters of which each has a shape of its own.
  private mutating func matchShapes(_ lists: [[String]]) throws(FlywheelError) -> Bool {
    let byShape = Dictionary(grouping: parameters, by: \.shape)
    let shapes = lists.joined().map { shape(of: $0) }
    guard byShape.count == parameters.count, Set(shapes).count == shapes.count,
      shapes.allSatisfy({ shape in shape.map { byShape[$0] != nil } ?? false })
    else { return false }
    for (group, list) in lists.enumerated() {
      for id in list {
        guard let parameter = shape(of: id).flatMap({ byShape[$0]?.first }) else { return false }
        try assign(id, to: parameter, group: group)
      }
    }
    note =
      "the optimizer's state is matched to parameters by shape, which each has for itself: its order is not "
      + "the model's"
    return true
  }

  // MARK: What follows

  private mutating func assign(
    _ id: String,
    to parameter: (key: String, shape: Shape),
    group: Int
  ) throws(FlywheelError) {
    guard groups.updateValue(group, forKey: parameter.key) == nil else {
      throw FlywheelError(
        .mismatch,
        "\(found.place) is about the parameter '\(parameter.key)' twice.",
        at: .init(tensor: parameter.key)
      )
    }
    for state in states[id] ?? [] {
      renamed[state.key] = "optimizer.state.\(parameter.key).\(state.slot)"
    }
  }

  private static func list(_ names: [String]) -> String {
    let shown = names.prefix(4).map { "'\($0)'" }.joined(separator: ", ")
    return names.count > 4 ? "\(shown) and \(names.count - 4) more" : shown
  }
}

extension String {
  /// The text as a sentence begins.
  fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
