import FlywheelCore
import OrderedCollections

/// The dictionaries and lists of a PyTorch file whose contents have flat names, joined with dots.
///
/// A file that comes from PyTorch may say what it was of. Where none does, a name's dots may be those of a
/// parameter, `layers.0.weight`, or lead through dictionaries. Which it is tell the optimizers, whose `state` and
/// `param_groups` have one layout, and what owns attributes. What is left is the model: a dictionary of its own
/// beside an optimizer, or else the file as a whole.
struct TorchNesting {
  /// What a dictionary or a list holds under a name.
  enum Entry: Hashable {
    /// The tensor with a flat name.
    case tensor(String)
    case value(TorchValue)
    /// The dictionary or list at a path.
    case container(String)
  }

  /// What each dictionary and list holds, by its path; that of the outermost is empty.
  var containers: [String: OrderedDictionary<String, Entry>] = ["": [:]]
  /// The object as a whole, which may be nothing but a tensor or a value.
  var root = Entry.container("")
  /// What has no place.
  var obstacles: [ArchiveMetadata.Obstacle] = []

  /// What containers are to Python, by their paths, as far as it is said.
  var kinds: [String: TorchForm.Kind] = [:]
  /// The keys of dictionaries that are no texts, by their names.
  var keys: [String: [String: TorchKey]] = [:]
  /// The tensors that are said to be numbers to Python.
  var numbers: Set<String> = []

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
  ///   - metadata: What the file says besides, its structure too.
  init(_ keys: OrderedSet<String>, _ metadata: ArchiveMetadata) {
    let count = metadata.attributes.values.reduce(keys.count) { $0 + $1.count }
    var plain = metadata
    let parts = metadata.attributes[""]?.keys.filter { ArchiveMetadata.isTorchStructure($0) } ?? []
    for name in parts { plain.attributes[""]?[name] = nil }
    let structure = TorchStructure(in: metadata, count: count)
    self.init(keys, plain, structure)
    if structure == nil, !parts.isEmpty {
      obstacles.append(
        .init(
          name: "the attribute '\(ArchiveMetadata.torchStructure)'",
          reason: "is not what Flywheel writes there, the structure of an object of PyTorch"
        )
      )
    }
  }

  /// Finds the places of tensors and of all else that a file says.
  ///
  /// - Parameters:
  ///   - keys: The flat names of the tensors.
  ///   - metadata: What the file says besides.
  ///   - structure: What the file says of the object that it is of; nil if names have to tell.
  init(_ keys: OrderedSet<String>, _ metadata: ArchiveMetadata, _ structure: TorchStructure?) {
    if let structure {
      place(keys, metadata, by: structure)
    } else {
      var metadata = metadata
      leaveOutTexts(keys, &metadata)
      placeByNames(keys, metadata)
    }
  }

  // MARK: What is written

  /// What a dictionary or a list is to Python.
  func kind(of path: String) -> TorchForm.Kind {
    let entries = containers[path] ?? [:]
    if let kind = kinds[path] {
      // A list some of whose elements are gone has them by their numbers.
      let isWhole = !kind.isSequence || entries.isEmpty || Self.items(of: entries) != nil
      return isWhole ? kind : .dictionary
    }
    if modules.contains(path) { return .ordered }
    return !states.contains(path) && Self.items(of: entries) != nil ? .list : .dictionary
  }

  /// The key of what has a name in a dictionary.
  func key(of name: String, in path: String) -> TorchKey {
    if let key = keys[path]?[name] { return key }
    guard states.contains(path), Self.isNumber(name), let number = Int64(name) else {
      return .text(name)
    }
    return .integer(number)
  }

  /// The entries in order if their names are the numbers from 0 on.
  static func items(of entries: OrderedDictionary<String, Entry>) -> [Entry]? {
    guard !entries.isEmpty else { return nil }
    var items: [Entry] = []
    for number in entries.values.indices {
      guard let entry = entries["\(number)"] else { return nil }
      items.append(entry)
    }
    return items
  }

  /// Whether a tensor may be a number to Python: what reading a file makes of one.
  static func canBeNumber(_ description: TensorDescription) -> Bool {
    description.shape.rank == 0
      && [.number(.int64), .number(.float64)].contains(description.element)
  }

  /// Whether a tensor that can be is a number to Python.
  func isNumber(_ key: String, _ description: TensorDescription) -> Bool {
    numbers.contains(key)
      || key.hasSuffix(".step") && description.element == .number(.int64)
        && states.contains(split(split(key).container).container)
  }

  /// Whether PyTorch would find the same as in another.
  func isSame(as other: TorchNesting) -> Bool {
    root == other.root && containers == other.containers
      && containers.allSatisfy { path, entries in
        kind(of: path) == other.kind(of: path)
          && entries.keys.allSatisfy { key(of: $0, in: path) == other.key(of: $0, in: path) }
      }
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

  static func join(_ path: String, _ name: String) -> String {
    path.isEmpty ? name : "\(path).\(name)"
  }

  /// The parts of a name between its dots.
  static func parts(_ key: String) -> [String] {
    key.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
      .map { String(Substring($0)) }
  }

  private static func isNumber(_ text: String) -> Bool {
    Int(text).map { "\($0)" == text } ?? false
  }

  /// Makes a path a container.
  mutating func addPath(_ path: String, withThoseAbove: Bool = true) {
    guard !path.isEmpty, paths.insert(path).inserted else { return }
    ways.insert(path)
    for end in path.utf8.indices where path.utf8[end] == UInt8(ascii: ".") {
      let above = String(path[..<end])
      ways.insert(above)
      if withThoseAbove { paths.insert(above) }
    }
  }

  /// The ways that a name leads through, outermost first, each with the rest of the name.
  private func leading(_ key: String) -> [(path: String, rest: String)] {
    let bytes = key.utf8
    var found: [(path: String, rest: String)] = []
    for end in bytes.indices where bytes[end] == UInt8(ascii: ".") && end > bytes.startIndex {
      let path = String(key[..<end])
      // Names may have any number of dots, the ways to containers only a few.
      guard ways.contains(path) else { break }
      found.append((path, String(key[bytes.index(after: end)...])))
    }
    return found
  }

  /// The innermost container that a name lies in, and the rest of the name.
  func split(_ key: String) -> (container: String, name: String) {
    leading(key).last { paths.contains($0.path) } ?? ("", key)
  }

  // MARK: What is what

  /// Leaves out what is said of a file as a whole where the file is nothing but a module's state, which can hold
  /// no texts; that its tensors are PyTorch's need not be said.
  mutating func leaveOutTexts(
    _ keys: OrderedSet<String>,
    _ metadata: inout ArchiveMetadata
  ) {
    if metadata.attributes[""]?["format"] == .string("pt") {
      metadata.attributes[""]?["format"] = nil
    }
    let texts = metadata.attributes[""] ?? [:]
    guard metadata.attributes.allSatisfy({ $0.key.isEmpty || $0.value.isEmpty }),
      metadata.emptyGroups.isEmpty, Self.optimizers(keys).isEmpty,
      !keys.contains(where: { $0.utf8.contains(UInt8(ascii: "/")) }),
      texts.values.allSatisfy({ if case .string = $0 { true } else { false } })
    else { return }
    for name in texts.keys {
      obstacles.append(
        .init(
          name: "the attribute '\(name)'",
          reason: "is a text about the whole file, and a state_dict holds tensors only"
        )
      )
    }
    metadata.attributes[""] = nil
  }

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
    if let root = kinds[""] {
      guard root != .ordered else { return [] }
      for word in Self.models
      where !keys.contains(word) && kinds[word] == nil
        && keys.contains(where: { $0.utf8.starts(with: "\(word).".utf8) })
      {
        addPath(word)
        modules.insert(word)
      }
      return []
    }
    // Names with slashes are Flywheel's own, and so is its document's.
    let rest = keys.filter { key in
      split(key).container.isEmpty && !key.utf8.contains(UInt8(ascii: "/"))
        && !key.hasPrefix("flywheel.")
    }
    let dotted = rest.filter { $0.utf8.contains(UInt8(ascii: ".")) }
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

  /// Places what no structure tells of: all of a file, or what has other names than when it was saved.
  ///
  /// - Parameters:
  ///   - keys: The flat names of the tensors.
  ///   - metadata: What the file says besides.
  mutating func placeByNames(_ keys: OrderedSet<String>, _ metadata: ArchiveMetadata) {
    let owners = ownersWithPlace(keys, metadata).filter { containers[$0] == nil }
    optimizers = Self.optimizers(keys.union(owners)).filter { kinds[$0] == nil }
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
    for (owner, attributes) in metadata.attributes where containers[owner] != nil {
      for (name, value) in attributes { place(value, name, of: owner) }
    }
    for optimizer in optimizers { complete(optimizer) }
  }

  /// Makes sure that a container is there, and those that it lies in.
  mutating func make(_ path: String) {
    guard containers[path] == nil else { return }
    containers[path] = [:]
    let (above, name) = split(path)
    place(.container(path), above, name)
  }

  mutating func place(_ entry: Entry, _ container: String, _ name: String) {
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

  /// Places an attribute.
  ///
  /// - Parameters:
  ///   - attribute: Its value.
  ///   - form: What that is to Python; nil if its name has to tell.
  ///   - name: Its name.
  ///   - owner: The container that it belongs to.
  mutating func place(
    _ attribute: AttributeValue,
    as form: TorchForm? = nil,
    _ name: String,
    of owner: String
  ) {
    let isTuple =
      TorchOptimizer.tuples.contains(name) && Self.parts(owner).dropLast().last == Self.groups
    let usual = TorchForm(isTuple ? .tuple : .value)
    guard let value = TorchValue(attribute, as: form ?? usual) else {
      let whose = owner.isEmpty ? "" : " of '\(owner)'"
      obstacles.append(
        .init(
          name: "the attribute '\(name)'\(whose)",
          reason: "is complex or an integer of more than 63 bits, which torch.load does not take"
        )
      )
      return
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
      guard let numbers = containers[path] else { continue }
      var whole = TorchOptimizer.defaults(for: numbers.keys, slots).mapValues { Entry.value($0) }
      whole.merge(numbers) { _, said in said }
      containers[path] = whole
    }
  }
}
