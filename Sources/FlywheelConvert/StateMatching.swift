import FlywheelCheckpoint
import FlywheelCore
import FlywheelDialects
import FlywheelOptim
import OrderedCollections

/// Which parameter each of an optimizer's states belongs to, and which group each parameter is in.
///
/// Names decide where the file has them. Numbers only say an order: each group has parameters in the model's
/// order, if the optimizer was given them as they are; shapes check it, and of several groups they decide
/// whose turn it is. A file that does not keep the model's order leaves shapes, and numbers in names. Of several
/// models beside each other nothing tells which the optimizer was given first, but shapes. Where any of that
/// leaves two ways, nothing is matched.
struct StateMatching {
  /// The keys that the states get, which name their parameters, by those that they have.
  private(set) var renamed: [String: String] = [:]
  /// The group of each parameter, by the parameter's key.
  private(set) var groups: [String: Int] = [:]
  /// The parameters' keys in the order of the optimizer, if the file does not keep the model's.
  private(set) var order: [String] = []
  /// What lies beside the model, and is about none of the optimizer's parameters.
  private(set) var strays: Set<String> = []
  /// How they were matched, for people; nil if nothing had to be.
  private(set) var note: String?

  private typealias Member = (key: String, shape: Shape)

  private let found: FoundOptimizer
  /// The parameters in the file's order, which is that of the optimizer's numbers, where it is known.
  private var parameters: [Member]
  /// Why their order may not be the model's, as a part of a sentence.
  private let reasonForNoOrder: String
  /// Whether the parameters are in the model's order.
  private var isOrdered = true
  private let arrays: OrderedDictionary<String, TensorDescription>
  private let prefix: String
  private let dialect: Dialect
  /// The parameters that have an unusual name and may be something else.
  private let guessed: [String]
  /// The dialect's words for buffers, which have their parameters' shapes.
  private let words: Set<String>
  /// The parameters that have no state.
  private var unmoved: [String] = []
  /// The keys of the states by the number or the name that they have.
  private var states: OrderedDictionary<String, [(key: String, slot: String)]> = [:]

  /// Matches.
  ///
  /// - Parameters:
  ///   - found: What the file says of its optimizer.
  ///   - arrays: What the file holds.
  ///   - dialect: Whose names they are.
  ///   - facts: What is known of the arrays besides.
  /// - Throws: `mismatch` if the two do not go together, `invalidArgument` if they may in several ways; what
  ///   understanding the parameters throws.
  init(
    _ found: FoundOptimizer,
    _ arrays: OrderedDictionary<String, TensorDescription>,
    in dialect: Dialect,
    _ facts: ArrayFacts
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
    // Which arrays are parameters depends on no order; that of layers is nobody's question here.
    var own = facts
    own.origin.order = .kept
    let model = try dialect.understand(arrays.filter { !stateKeys.contains($0.key) }, facts: own)
    let keys = OrderedSet(model.parameters.values.map(\.place.key))
    parameters = arrays.compactMap { key, array in
      keys.contains(key) ? (key, array.shape) : nil
    }
    guessed = model.guessed
    reasonForNoOrder = facts.reasonForNoOrder
    isOrdered = ([parameters] + dictionaries).allSatisfy { facts.keepsOrder(of: $0.map(\.key)) }
    if !isOrdered {
      parameters = keys.compactMap { key in arrays[key].map { (key, $0.shape) } }
    }
    try matchNames(outside: Set(model.outside))
    try matchNumbers(outside: Set(model.outside))
    sayWhatWasNotMoved()
  }

  /// The dictionary beside the optimizer's that a parameter lies in.
  private func dictionary(of key: String) -> String {
    // The state of an optimizer that is the whole file has no dictionary beside it.
    guard prefix.utf8.count(where: { $0 == UInt8(ascii: ".") }) > 1 else { return "" }
    return String(key.prefix { $0 != "." })
  }

  /// The parameters of each dictionary.
  private var dictionaries: [[Member]] {
    Array(OrderedDictionary(grouping: parameters) { dictionary(of: $0.key) }.values)
  }

  /// Whether the rule keeps buffers of a group's parameters, with the group's numbers.
  private func keepsState(ofGroup index: Int) -> Bool {
    guard let rule = found.rules.first.flatMap({ UpdateRule.preset($0) }) else { return true }
    let numbers = found.groups[index].hyperparameters
    return !rule.slotNames((try? rule.completed(numbers)) ?? numbers).isEmpty
  }

  /// Says which parameters have no state although others have.
  private mutating func sayWhatWasNotMoved() {
    guard let known = note, !unmoved.isEmpty, unmoved.count < groups.count else { return }
    note =
      known
      + "; it has none for \(Self.list(unmoved)), so that no step has moved them: they are frozen "
      + "(requires_grad=False), or were not used"
  }

  /// Takes what lies beside the model for no parameters.
  private mutating func leaveOut(_ keys: Set<String>) {
    strays = keys
    parameters.removeAll { keys.contains($0.key) }
  }

  // MARK: By name

  private mutating func matchNames(outside: Set<String>) throws(FlywheelError) {
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
    guard isNamed else { return }
    leaveOut(outside.filter { groups[$0] == nil })
    if let alone = parameters.first(where: { groups[$0.key] == nil }) { throw missing(alone.key) }
  }

  /// A name with and without what stands in front of all names: a dictionary's key, and a wrapper's.
  private func spellings(of name: String) -> Set<String> {
    var spellings: Set<String> = [name]
    for _ in 0..<2 {
      for spelling in spellings {
        for prefix in dialect.prefixes where spelling.utf8.starts(with: prefix.utf8) {
          let rest = spelling.utf8.dropFirst(prefix.utf8.count)
          spellings.insert(String(decoding: rest, as: UTF8.self))
        }
      }
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

  private mutating func matchNumbers(outside: Set<String>) throws(FlywheelError) {
    var lists: [[String]] = []
    for group in found.groups {
      guard case .numbered(let numbers, names: nil) = group.members else { return }
      lists.append(numbers.map { "\($0)" })
    }
    let ids = lists.flatMap(\.self)
    if ids.count == parameters.count - outside.count { leaveOut(outside) }
    guard ids.count == parameters.count else {
      let keys = OrderedSet(guessed + parameters.map(\.key))
      throw FlywheelError(
        .mismatch,
        "\(found.place) is about \(ids.count) parameters, and the model has \(parameters.count): "
          + "\(Self.list(Array(keys))). Numbers do not tell which are meant; \(Self.remedy)."
      )
    }
    guard isOrdered else { return try matchShapes(lists) }
    try requireOrderOfDictionaries(lists)
    guard lists.filter({ !$0.isEmpty }).count > 1 else { return try matchPositions(lists) }
    switch order(of: lists, parameters) {
    case .only(let turns):
      var next = lists.map(\.startIndex)
      for (parameter, group) in zip(parameters, turns) {
        try assign(lists[group][next[group]], to: parameter, group: group)
        next[group] += 1
      }
      note =
        "the optimizer's state is matched to parameters by position within each group, the only way in which all "
        + "shapes fit\(assumption)"
    case .several:
      throw FlywheelError(
        .invalidArgument,
        "\(found.place) gives parameters numbers, and their shapes fit the model in several ways; \(Self.remedy)."
      )
    case .none: try matchOddShapes(lists)
    }
  }

  /// Matches one group in the model's order.
  private mutating func matchPositions(_ lists: [[String]]) throws(FlywheelError) {
    let ids = lists.flatMap(\.self)
    guard zip(ids, parameters).allSatisfy(fits) else { return try matchOddShapes(lists) }
    let group = lists.firstIndex { !$0.isEmpty } ?? 0
    for (id, parameter) in zip(ids, parameters) { try assign(id, to: parameter, group: group) }
    guard !states.isEmpty else { return }
    note =
      "the optimizer's state is matched to parameters by position; all shapes fit\(assumption)"
  }

  /// What matching by position takes for granted; nothing where shapes tell.
  private var assumption: String {
    Set(parameters.map(\.shape)).count == parameters.count
      ? "" : ", if the optimizer was given model.parameters() in their order"
  }

  /// Checks that of models beside each other, such as an encoder and a decoder, shapes tell which the optimizer
  /// was given first.
  private func requireOrderOfDictionaries(_ lists: [[String]]) throws(FlywheelError) {
    let dictionaries = dictionaries
    let isOneGroup = lists.filter { !$0.isEmpty }.count <= 1
    // Without buffers there is nothing to match in one group.
    guard dictionaries.count > 1, !(isOneGroup && states.isEmpty) else { return }
    func fit(_ parameters: [Member]) -> Bool {
      guard !isOneGroup else { return zip(lists.flatMap(\.self), parameters).allSatisfy(fits) }
      if case .none = order(of: lists, parameters) { return false }
      return true
    }
    var orders: [[Int]] = [[]]
    // Of more there are too many orders to try; nobody means one of them.
    let isFew = dictionaries.count <= 6
    for place in dictionaries.indices where isFew {
      orders = orders.flatMap { order in
        (0...order.count).map { order[..<$0] + [place] + order[$0...] }
      }
    }
    var ways = 0
    for order in orders where isFew && ways < 2 && fit(order.flatMap { dictionaries[$0] }) {
      ways += 1
    }
    guard !isFew || ways > 1 else { return }
    throw FlywheelError(
      .invalidArgument,
      "\(found.place) gives parameters numbers, and the model's are in several dictionaries: "
        + "\(Self.list(dictionaries.map { dictionary(of: $0[0].key) })). Their shapes fit in several orders; "
        + "\(Self.remedy)."
    )
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
  private func order(of lists: [[String]], _ parameters: [Member]) -> Order {
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

  // MARK: By shape

  /// Matches parameters of which each has a shape of its own, where the optimizer has another order than the
  /// model.
  private mutating func matchOddShapes(_ lists: [[String]]) throws(FlywheelError) {
    let ids = lists.flatMap(\.self)
    let shapes = Set(parameters.map { Optional($0.shape) })
    guard shapes.count == parameters.count, Set(ids.map { shape(of: $0) }) == shapes else {
      throw misfit(ids)
    }
    try matchShapes(lists)
    note? += ": its order is not the model's"
  }

  /// Matches parameters in an order that is not the model's: by shapes, and equal ones by numbers in names.
  private mutating func matchShapes(_ lists: [[String]]) throws(FlywheelError) {
    let members = lists.enumerated().flatMap { group, list in
      list.map { (id: $0, group: group) }
    }
    if states.isEmpty, lists.filter({ !$0.isEmpty }).count == 1, let group = members.first?.group {
      for parameter in parameters { groups[parameter.key] = group }
      return
    }
    let byShape = OrderedDictionary(grouping: parameters, by: \.shape)
    let wanted = Dictionary(grouping: members) { shape(of: $0.id) }
    guard wanted[nil] == nil else {
      throw unordered(
        "not each of them has a buffer, whose shape would tell",
        parameters.map(\.key)
      )
    }
    var keys: [String: String] = [:]
    for (shape, equal) in byShape {
      let turn = wanted[shape] ?? []
      guard turn.count == equal.count else {
        throw FlywheelError(
          .mismatch,
          "\(found.place) has buffers for \(turn.count) parameters of shape \(shape), and the model "
            + "\(equal.count): \(Self.list(equal.map(\.key)))."
        )
      }
      let ranks = equal.map { NameRank($0.key) }
      let odd = [
        (Set(ranks.map(\.pattern)).count, "no numbers"),
        (Set(turn.map(\.group)).count, "are in several groups"),
        (Set(equal.map { dictionary(of: $0.key) }).count, "are in several dictionaries"),
      ]
      if equal.count > 1, let (_, reason) = odd.first(where: { $0.0 > 1 }) {
        throw unordered("several have shape \(shape), and \(reason)", equal.map(\.key))
      }
      let sorted = zip(ranks, equal).sorted { $0.0.precedes($1.0) }
      for (member, parameter) in zip(turn, sorted) {
        try assign(member.id, to: parameter.1, group: member.group)
        keys[member.id] = parameter.1.key
      }
    }
    if !isOrdered { order = members.compactMap { keys[$0.id] } }
    note =
      "the optimizer's state is matched to parameters by shape"
      + (byShape.count == parameters.count
        ? ", which each has for itself"
        : ", and where several have one by the numbers in their names")
  }

  private func unordered(_ reason: String, _ keys: [String]) -> FlywheelError {
    FlywheelError(
      .invalidArgument,
      "\(found.place) numbers parameters in the model's order, which this file does not tell: "
        + "\(reasonForNoOrder). And of \(Self.list(keys)) \(reason). The model in the file that its own program "
        + "saved would tell, such as pytorch_model.bin; or numbers given with --rename or --map; or 'param_names' "
        + "in each group."
    )
  }

  /// Where a parameter comes among those that are called alike but for numbers: a layer's weights before its
  /// bias.
  private struct NameRank {
    let pattern: String
    private let layer: NumberedName
    private let last: NumberedName
    private let isBias: Bool

    init(_ key: String) {
      let dot = key.utf8.lastIndex(of: UInt8(ascii: ".")) ?? key.startIndex
      let name = String(key[dot...])
      layer = NumberedName(String(key[..<dot]))
      last = NumberedName(name)
      isBias = name == ".bias"
      pattern = layer.pattern + ([".weight", ".bias"].contains(name) ? "" : last.pattern)
    }

    func precedes(_ other: NameRank) -> Bool {
      if layer.precedes(other.layer) { return true }
      if other.layer.precedes(layer) { return false }
      return isBias != other.isBias ? other.isBias : last.precedes(other.last)
    }
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
    if states[id] == nil, keepsState(ofGroup: group) { unmoved.append(parameter.key) }
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
