import FlywheelCore
import OrderedCollections

/// The names of the variables in a .keras file, which numbers them: `layers/dense/vars/0` is
/// `layers/dense/kernel`, and `optimizer/vars/2` perhaps `optimizer/momentum/dense/kernel`.
///
/// Groups say what their objects are called, and the model's configuration of what class they are. An
/// optimizer's variables are named only if all that are trained are known, in their order, and as many arrays of
/// their shapes are there.
struct StoredNames {
  /// The names by the paths in the file: the model's in its order, then the optimizer's, then others, which
  /// keep theirs.
  private(set) var keys: OrderedDictionary<String, String> = [:]
  /// What the file says besides.
  private(set) var metadata: ArchiveMetadata

  private let arrays: OrderedDictionary<String, ArchiveMember>
  /// What each object is called, by its group.
  private var names: [String: String] = [:]
  /// The variables of each object, by its group: how many there are.
  private var counts: OrderedDictionary<String, Int> = [:]
  /// The attributes under which an object keeps others that have variables, by its group.
  private var parts: [String: OrderedSet<String>] = [:]
  /// What the configuration says of objects, by their groups.
  private var objects: [String: KerasModel.Object] = [:]
  /// What the optimizer goes through: the names without `layers/`, and the shapes.
  private var trained: [(key: String, shape: Shape)] = []
  /// Whether that is all.
  private var isOrderKnown = true

  private static let variables = "vars"
  private static let layers = "layers"
  private static let optimizer = "optimizer"

  init(of members: [ArchiveMember], _ metadata: ArchiveMetadata, _ model: KerasModel?) {
    arrays = OrderedDictionary(members.map { ($0.key, $0) }) { first, _ in first }
    self.metadata = metadata
    for path in arrays.keys {
      guard let (group, _) = Self.split(path) else { continue }
      if counts.updateValue(counts[group, default: 0] + 1, forKey: group) == nil {
        addParts(of: group)
      }
    }
    for (owner, attributes) in metadata.attributes {
      guard owner.hasSuffix("/\(Self.variables)"), case .string(let name)? = attributes["name"],
        Self.isName(name)
      else { continue }
      names[String(owner.dropLast(Self.variables.count + 1))] = name
    }
    dropSharedNames()
    if let model {
      place(model.layers, in: Self.layers, isTrained: true)
    } else {
      isOrderKnown = false
    }
    for group in counts.keys where group != Self.optimizer && objects[group] == nil {
      isOrderKnown = false
      if Self.isOfModel(group) { name(group) }
    }
    if let optimizer = model?.optimizer { nameOptimizer(optimizer) }
    for path in arrays.keys where keys[path] == nil { keys[path] = path }
    renameOwners()
  }

  /// The object's group of a variable, and the variable's number; nil for what is none.
  private static func split(_ path: String) -> (group: String, number: Int)? {
    let parts = path.split(separator: "/")
    guard parts.count > 2, parts[parts.count - 2] == variables,
      let number = Int(parts[parts.count - 1]),
      number >= 0, String(number) == parts[parts.count - 1]
    else { return nil }
    return (parts.dropLast(2).joined(separator: "/"), number)
  }

  /// Forgets names that several objects of one list have, or they would be taken for one.
  private mutating func dropSharedNames() {
    func place(_ group: String, _ name: String) -> String {
      String(group[..<(group.lastIndex(of: "/") ?? group.startIndex)]) + "/" + name
    }
    var counts: [String: Int] = [:]
    for (group, name) in names { counts[place(group, name), default: 0] += 1 }
    names = names.filter { counts[place($0.key, $0.value)] == 1 }
  }

  /// Notes what a group is a part of.
  private mutating func addParts(of group: String) {
    var end = group.endIndex
    while let slash = group[..<end].lastIndex(of: "/") {
      let part = String(group[group.index(after: slash)..<end])
      if part != Self.layers { parts[String(group[..<slash]), default: []].append(part) }
      end = slash
    }
  }

  private static func isOfModel(_ group: String) -> Bool { group.hasPrefix("\(layers)/") }

  /// Whether an object's name can be a part of a path.
  private static func isName(_ name: String) -> Bool {
    !["", ".", ".."].contains(name) && !name.utf8.contains(UInt8(ascii: "/"))
      && !name.utf8.contains(0)
  }

  // MARK: The model

  /// Walks through layers as Keras does, which numbers those of a class in a list.
  private mutating func place(_ layers: [KerasModel.Layer], in list: String, isTrained: Bool) {
    for (word, layer) in KerasModel.numbered(layers) {
      let group = "\(list)/\(word)"
      if let name = layer.object.name, Self.isName(name) {
        // Another name there would mean that this is not the layer.
        guard names[group] == nil || names[group] == name else {
          isOrderKnown = false
          continue
        }
        names[group] = name
      }
      let isTrained = isTrained && layer.object["trainable"] != .bool(false)
      place(layer.object, at: group, isTrained: isTrained)
      if layer.isModel { place(layer.layers, in: "\(group)/\(Self.layers)", isTrained: isTrained) }
    }
  }

  /// Names an object's variables, and those of its parts that are in no list.
  private mutating func place(_ object: KerasModel.Object, at group: String, isTrained: Bool) {
    objects[group] = object
    name(group, isTrained: isTrained)
    let order = LayerVariables.partsInOrder[object.className] ?? []
    let parts = parts[group] ?? []
    var turns = 0
    for part in order + parts.filter({ !order.contains($0) }) where parts.contains(part) {
      guard let found = object.part(part) else {
        isOrderKnown = false
        continue
      }
      let count = trained.count
      place(found, at: "\(group)/\(part)", isTrained: isTrained)
      if trained.count > count, !order.contains(part) { turns += 1 }
    }
    // Nothing tells which of several comes first.
    if turns > (order.isEmpty ? 1 : 0) { isOrderKnown = false }
  }

  /// Names the variables of a group.
  private mutating func name(_ group: String, isTrained: Bool = true) {
    guard let count = counts[group] else { return }
    let object = objects[group]
    let known = object.flatMap { object in
      LayerVariables.ofClass[object.className]?.filter { $0.condition.map(object.allows) ?? true }
    }
    let key = key(of: group)
    guard let known, known.count == count else {
      isOrderKnown = false
      for number in 0..<count {
        let path = "\(group)/\(Self.variables)/\(number)"
        if arrays[path] != nil { keys[path] = "\(key)/\(Self.variables)/\(number)" }
      }
      return
    }
    for (number, variable) in known.enumerated() {
      let path = "\(group)/\(Self.variables)/\(number)"
      guard let array = try? arrays[path]?.array() else {
        isOrderKnown = false
        continue
      }
      let name = "\(key)/\(variable.name)"
      keys[path] = name
      if isTrained, variable.isTrained {
        trained.append((String(name.dropFirst(Self.layers.count + 1)), array.shape))
      }
    }
  }

  /// A group by what its objects are called.
  private func key(of group: String) -> String {
    var parts: [String] = []
    var path = ""
    for part in group.split(separator: "/") {
      path += (path.isEmpty ? "" : "/") + part
      // Only the first list is told: those in a layer are the same as its parts.
      if part == Self.layers, !parts.isEmpty { continue }
      parts.append(names[path] ?? String(part))
    }
    return parts.joined(separator: "/")
  }

  // MARK: The optimizer

  private mutating func nameOptimizer(_ optimizer: KerasModel.Object) {
    guard let count = counts[Self.optimizer] else { return }
    let variables = OptimizerVariables.of(optimizer, trained: isOrderKnown ? trained.count : nil)
    let paths = (0..<count).map { "\(Self.optimizer)/\(Self.variables)/\($0)" }
    let shapes = paths.map { path in try? arrays[path]?.array().shape }
    let expected = variables.map { $0.trained.map { trained[$0].shape } ?? .scalar }
    // Of an optimizer that is not known, or has taken no step, there are only the first ones.
    let fits = shapes.count == expected.count && zip(shapes, expected).allSatisfy { $0 == $1 }
    let named = fits ? variables[...] : variables.prefix { $0.trained == nil }
    for (path, variable) in zip(paths, named) where arrays[path] != nil {
      guard variable.trained != nil || (try? arrays[path]?.array().shape) == .scalar else {
        continue
      }
      keys[path] = "\(Self.optimizer)/\(variable.key(of: trained.map(\.key)))"
    }
    for path in paths where keys[path] == nil && arrays[path] != nil { keys[path] = path }
  }

  // MARK: What else is said

  /// Gives attributes the names of what they belong to here; what objects are called is in the names.
  private mutating func renameOwners() {
    var attributes: OrderedDictionary<String, OrderedDictionary<String, AttributeValue>> = [:]
    for (owner, var values) in metadata.attributes {
      let group = String(owner.dropLast(Self.variables.count + 1))
      let isObject = owner.hasSuffix("/\(Self.variables)")
      let isNamed = names[group] != nil || group == Self.optimizer || owner == Self.variables
      if isNamed { values["name"] = nil }
      let name = keys[owner] ?? (isObject && Self.isOfModel(group) ? key(of: group) : owner)
      if !values.isEmpty { attributes[name, default: [:]].merge(values) { first, _ in first } }
    }
    metadata.attributes = attributes
    // Every object has a group, whether it has variables or not.
    metadata.emptyGroups.removeAll { $0 == Self.variables || $0.hasSuffix("/\(Self.variables)") }
  }
}
