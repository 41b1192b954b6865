import FlywheelCore
import OrderedCollections

/// The dictionaries and lists of a PyTorch file whose contents have flat names, joined with dots.
///
/// A name's dots may be those of a parameter, `layers.0.weight`, or lead through dictionaries. Which it is tell
/// the optimizers, whose `state` and `param_groups` have one layout, and what owns attributes. What is left is the
/// model: a dictionary of its own beside an optimizer, or else the file as a whole.
struct TorchNesting {
  /// What a dictionary or a list holds under a name.
  enum Entry: Hashable {
    /// The tensor with a flat name.
    case tensor(String)
    case value(TorchValue)
    /// The dictionary or list at a path.
    case container(String)
  }

  /// How a dictionary or a list is written.
  enum Kind {
    /// An `OrderedDict`, as `Module.state_dict()` gives.
    case module
    /// A dictionary with numbers for names, as an optimizer's `state`.
    case numbered
    /// A list if its names are the numbers from 0 on, or else a dictionary.
    case plain
  }

  /// What each dictionary and list holds, by its path; that of the outermost is empty.
  private(set) var containers: [String: OrderedDictionary<String, Entry>] = ["": [:]]
  /// What has no place.
  private(set) var obstacles: [ArchiveMetadata.Obstacle] = []

  /// The paths of containers.
  private var paths: Set<String> = []
  /// These, and what leads to them through names with dots.
  private var ways: Set<String> = []
  /// Those that hold a module's tensors.
  private var modules: Set<String> = []
  /// The paths of optimizers, the outermost dictionary among them if it is one.
  private var optimizers: OrderedSet<String> = []
  /// Those of the states in them.
  private var states: Set<String> = []

  /// Finds the places of tensors and of all else that a file says.
  ///
  /// - Parameters:
  ///   - keys: The flat names of the tensors.
  ///   - metadata: What the file says besides.
  init(_ keys: OrderedSet<String>, _ metadata: ArchiveMetadata) {
    let owners = ownersWithPlace(keys, metadata)
    optimizers = Self.optimizers(keys.union(owners))
    for optimizer in optimizers {
      addPath(optimizer)
      addPath(Self.join(optimizer, Self.state))
      states.insert(Self.join(optimizer, Self.state))
      addPath(Self.join(optimizer, Self.groups))
    }
    for owner in owners { addPath(owner) }
    for key in keys { addPaths(ofState: key) }
    let model = placeModel(keys, hasFacts: metadata.attributes[""]?.isEmpty == false)
    for key in keys {
      if model.contains(key) {
        place(.tensor(key), Self.model, key)
      } else {
        let (container, name) = split(key)
        place(.tensor(key), container, name)
      }
    }
    for optimizer in optimizers { make(Self.join(optimizer, Self.state)) }
    for owner in owners { make(owner) }
    for (owner, attributes) in metadata.attributes where owner.isEmpty || owners.contains(owner) {
      for (name, value) in attributes { place(value, name, of: owner) }
    }
    for optimizer in optimizers { complete(optimizer) }
  }

  /// How a dictionary or a list is written.
  func kind(of path: String) -> Kind {
    if modules.contains(path) { return .module }
    return states.contains(path) ? .numbered : .plain
  }

  /// Whether a tensor is one of an optimizer's for a parameter.
  func isOfState(_ key: String) -> Bool {
    kind(of: split(split(key).container).container) == .numbered
  }

  // MARK: Paths

  private static let state = "state"
  private static let groups = "param_groups"
  private static let model = "model"

  /// What people call the dictionaries that `Module.state_dict()` gives.
  private static let models = [model, "state_dict", "model_state_dict"]
  /// What people call those that `Optimizer.state_dict()` gives; others are known by their groups.
  private static let optimizerWords: Set<String> = ["optimizer", "optimizer_state_dict", "optim"]

  /// How deep dictionaries may lie in each other, far below what Python's reader can follow.
  private static let depthLimit = 100

  private static func join(_ path: String, _ name: String) -> String {
    path.isEmpty ? name : "\(path).\(name)"
  }

  /// The parts of a name between its dots.
  private static func parts(_ key: String) -> [String] {
    key.unicodeScalars.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
  }

  private static func isNumber(_ text: String) -> Bool {
    Int(text).map { "\($0)" == text } ?? false
  }

  /// Makes a path a container.
  private mutating func addPath(_ path: String, withThoseAbove: Bool = true) {
    guard !path.isEmpty, paths.insert(path).inserted else { return }
    ways.insert(path)
    let scalars = path.unicodeScalars
    for end in scalars.indices where scalars[end] == "." {
      let above = String(path[..<end])
      ways.insert(above)
      if withThoseAbove { paths.insert(above) }
    }
  }

  /// The ways that a name leads through, outermost first, each with the rest of the name.
  private func leading(_ key: String) -> [(path: String, rest: String)] {
    let scalars = key.unicodeScalars
    var found: [(path: String, rest: String)] = []
    for end in scalars.indices where scalars[end] == "." && end > scalars.startIndex {
      let path = String(key[..<end])
      // Names may have any number of dots, the ways to containers only a few.
      guard ways.contains(path) else { break }
      found.append((path, String(key[scalars.index(after: end)...])))
    }
    return found
  }

  /// The innermost container that a name lies in, and the rest of the name.
  private func split(_ key: String) -> (container: String, name: String) {
    leading(key).last { paths.contains($0.path) } ?? ("", key)
  }

  // MARK: What is what

  /// Owners of attributes, and empty groups, that can be containers.
  private mutating func ownersWithPlace(
    _ keys: OrderedSet<String>,
    _ metadata: ArchiveMetadata
  ) -> OrderedSet<String> {
    var owners: OrderedSet<String> = []
    for owner in metadata.attributes.keys + metadata.emptyGroups where !owner.isEmpty {
      let isTensor = keys.contains(owner)
      let parts = Self.parts(owner)
      guard isTensor || parts.count > Self.depthLimit || parts.contains("") else {
        owners.append(owner)
        continue
      }
      let reason =
        isTensor ? "belongs to a tensor, which has none in PyTorch" : "has no name of dictionaries"
      let names = metadata.attributes[owner].map { Array($0.keys) } ?? []
      for name in names {
        obstacles.append(
          .init(name: "the attribute '\(name)' of '\(owner)'", reason: reason, key: owner)
        )
      }
      if names.isEmpty {
        obstacles.append(.init(name: "the empty group '\(owner)'", reason: reason))
      }
    }
    return owners
  }

  /// Where there are `param_groups.0`, or `state.0.…` below a word for optimizers.
  private static func optimizers(_ keys: OrderedSet<String>) -> OrderedSet<String> {
    var found: OrderedSet<String> = []
    for key in keys {
      let parts = parts(key)
      for place in parts.indices.dropLast().prefix(depthLimit)
      where [state, groups].contains(parts[place]) && isNumber(parts[place + 1]) {
        let path = parts[..<place].joined(separator: ".")
        let isState = optimizerWords.contains(path) && place + 2 < parts.count
        if parts[place] == groups || isState { found.append(path) }
      }
    }
    return found
  }

  /// Adds the containers between an optimizer's `state` and one of its buffers.
  private mutating func addPaths(ofState key: String) {
    guard let (state, name) = leading(key).first(where: { states.contains($0.path) }) else {
      return
    }
    let parts = Self.parts(name)
    guard parts.count > 1, parts.count <= Self.depthLimit else { return }
    // A named parameter has dots of its own: all but the buffer's word is one name.
    addPath(
      Self.join(state, parts.dropLast().joined(separator: ".")),
      withThoseAbove: Self.isNumber(parts[0])
    )
  }

  /// Decides which dictionary is the module's.
  ///
  /// - Returns: The tensors that go into the dictionary `model` under their whole names.
  private mutating func placeModel(_ keys: OrderedSet<String>, hasFacts: Bool) -> Set<String> {
    // Names with slashes are Flywheel's own, and so is its document's.
    let rest = keys.filter { key in
      split(key).container.isEmpty && !key.utf8.contains(UInt8(ascii: "/"))
        && !key.hasPrefix("flywheel.")
    }
    let dotted = rest.filter { $0.unicodeScalars.contains(".") }
    let hasOptimizer = optimizers.contains { !$0.isEmpty }
    if hasOptimizer || hasFacts || !paths.isEmpty, !dotted.isEmpty,
      let word = Self.models.first(where: { word in
        !keys.contains(word) && dotted.allSatisfy { $0.utf8.starts(with: "\(word).".utf8) }
      })
    {
      addPath(word)
      modules.insert(word)
      return []
    }
    guard hasOptimizer else {
      if paths.isEmpty { modules.insert("") }
      return []
    }
    guard !paths.contains(Self.model) else { return [] }
    addPath(Self.model)
    modules.insert(Self.model)
    return Set(rest)
  }

  // MARK: Placing

  /// Makes sure that a container is there, and those that it lies in.
  private mutating func make(_ path: String) {
    guard containers[path] == nil else { return }
    containers[path] = [:]
    let (above, name) = split(path)
    place(.container(path), above, name)
  }

  private mutating func place(_ entry: Entry, _ container: String, _ name: String) {
    make(container)
    guard containers[container]?[name] == nil else {
      obstacles.append(
        .init(
          name: "'\(Self.join(container, name))'",
          reason: "is there twice, as a tensor, a dictionary or a number"
        )
      )
      return
    }
    containers[container]?[name] = entry
  }

  private mutating func place(_ attribute: AttributeValue, _ name: String, of owner: String) {
    guard var value = TorchValue(attribute) else {
      let whose = owner.isEmpty ? "" : " of '\(owner)'"
      obstacles.append(
        .init(
          name: "the attribute '\(name)'\(whose)",
          reason: "is complex or an integer of more than 63 bits, which torch.load does not take"
        )
      )
      return
    }
    if case .list(let elements) = value, TorchOptimizer.tuples.contains(name),
      Self.parts(owner).dropLast().last == Self.groups
    {
      value = .tuple(elements)
    }
    place(.value(value), owner, name)
  }

  /// Gives an optimizer's groups what they lack.
  private mutating func complete(_ optimizer: String) {
    let state = Self.join(optimizer, Self.state)
    let groups = Self.join(optimizer, Self.groups)
    guard let list = containers[groups] else {
      obstacles.append(
        .init(
          name: "the groups of the optimizer's parameters, '\(groups)'",
          reason:
            "are not there, with the learning rate and all else that PyTorch loads with the state; "
            + "say them with --rule and its numbers"
        )
      )
      return
    }
    var slots: Set<String> = []
    for case .container(let path) in (containers[state] ?? [:]).values {
      slots.formUnion(containers[path]?.keys ?? [])
    }
    for case .container(let path) in list.values {
      let names = containers[path]?.keys ?? []
      for (name, value) in TorchOptimizer.missing(from: names, slots) {
        containers[path]?[name] = .value(value)
      }
    }
  }
}
