import FlywheelCore
import OrderedCollections

/// The names of the variables in a legacy .h5, which lists them by layer.
///
/// Keras 3 names a variable `sequential/dense/kernel` and its momentum `adam/sequential_dense_kernel_momentum`;
/// Keras 2 `dense/kernel:0`, with `Adam/m/dense/kernel:0` from TensorFlow 2.11 on and `Adam/dense/kernel/m:0`
/// before. The lists are the truth about what belongs to the model and in which order.
struct LegacyNames {
  /// The names by the paths in the file: the model's, then the optimizer's, then others, which keep theirs.
  private(set) var keys: OrderedDictionary<String, String> = [:]
  /// What the file says besides.
  private(set) var metadata: ArchiveMetadata

  private let paths: OrderedSet<String>
  /// The arrays without axes.
  private let numbers: Set<String>
  private let groups: Set<String>
  /// The group that lists the layers, with a slash behind; empty for the root.
  private let root: String

  private enum Attribute {
    static let layers = "layer_names"
    static let weights = "weight_names"
  }

  private static let model = "model_weights"
  private static let optimizer = "optimizer_weights"
  /// The group for variables of the model itself.
  private static let topLevel = "top_level_model_weights"

  init(of members: [ArchiveMember], _ metadata: ArchiveMetadata) throws(FlywheelError) {
    paths = OrderedSet(members.map(\.key))
    numbers = Set(members.filter { (try? $0.array().shape) == .scalar }.map(\.key))
    groups = Self.groups(above: paths).union(metadata.attributes.keys).union(metadata.emptyGroups)
    self.metadata = metadata
    let isWholeModel = try KerasList(Attribute.layers, of: Self.model, in: metadata) != nil
    root = isWholeModel ? Self.model + "/" : ""
    let layers = try layerNames()
    var variables = VariableNames()
    for layer in layers {
      for weight in try weights(in: root + layer) {
        let path = try listed("\(root)\(layer)/\(weight)")
        let key = Self.key(of: weight, in: layer)
        keys[path] = "layers/\(key)"
        variables.add(weight, key)
      }
    }
    if isWholeModel {
      let weights = try weights(in: Self.optimizer)
      for weight in weights {
        let path = try listed("\(Self.optimizer)/\(weight)")
        keys[path] = "optimizer/\(variables.slotKey(of: weight))"
      }
      try nameLastNumbers(weights)
    }
    for path in paths where keys[path] == nil { keys[path] = path }
    renameOwners(layers)
  }

  // MARK: Lists

  private func layerNames() throws(FlywheelError) -> [String] {
    let owner = String(root.dropLast())
    let layers = try KerasList(Attribute.layers, of: owner, in: metadata)?.texts ?? []
    var names = OrderedSet<String>()
    for layer in layers {
      guard names.append(layer).inserted else {
        throw FlywheelError.malformed(
          found: "the layer '\(layer)' twice in the list of layers",
          expected: "each once"
        )
      }
    }
    if try KerasList(Attribute.weights, of: root + Self.topLevel, in: metadata) != nil {
      names.append(Self.topLevel)
    }
    return Array(names)
  }

  private func weights(in group: String) throws(FlywheelError) -> [String] {
    guard let list = try KerasList(Attribute.weights, of: group, in: metadata) else {
      guard groups.contains(group) || group == Self.optimizer else {
        throw obstacle(at: group)
          ?? FlywheelError.malformed(
            found: "a list of layers with '\(group)', which is not in the file",
            expected: "a group for each layer"
          )
      }
      return []
    }
    return list.texts
  }

  /// The path of a listed array, which must be in the file, and listed once.
  private func listed(_ path: String) throws(FlywheelError) -> String {
    guard paths.contains(path) else {
      throw obstacle(at: path)
        ?? FlywheelError.malformed(
          found: "a list of weights with '\(path)', which is no array in the file",
          expected: "an array for each"
        )
    }
    guard keys[path] == nil else {
      throw FlywheelError.malformed(
        found: "'\(path)' twice in the lists of weights",
        expected: "each array once"
      )
    }
    return path
  }

  private static func groups(above paths: OrderedSet<String>) -> Set<String> {
    var groups: Set<String> = []
    for path in paths {
      var end = path.endIndex
      while let slash = path[..<end].lastIndex(of: "/"),
        groups.insert(String(path[..<slash])).inserted
      {
        end = slash
      }
    }
    return groups
  }

  /// The error for a listed path on which a link lies; nil if there is none.
  private func obstacle(at path: String) -> FlywheelError? {
    metadata.obstacles.first { obstacle in
      path == obstacle.name.dropFirst()
        || path.utf8.starts(with: "\(obstacle.name)/".utf8.dropFirst())
    }.map { obstacle in
      FlywheelError(
        .unsupported,
        "The file lists '\(path)', but \(obstacle.name) \(obstacle.reason). Keras refuses that too: a model's "
          + "variables lie in its own file."
      )
    }
  }

  // MARK: Names

  /// The name of a variable: its layer, and what the file calls it there.
  private static func key(of weight: String, in layer: String) -> String {
    let parts = withoutOutput(weight).split(separator: "/", omittingEmptySubsequences: false)
    let layerParts = layer.split(separator: "/", omittingEmptySubsequences: false)
    // The model's own name may stand in front of the layer's.
    let starts = [1, 0].filter { parts.dropFirst($0).starts(with: layerParts) }
    let rest = starts.map { parts.dropFirst($0 + layerParts.count) }.first { !$0.isEmpty }
    return "\(layer)/\((rest ?? parts[...]).joined(separator: "/"))"
  }

  /// A name without the number of the output that TensorFlow's variables are.
  fileprivate static func withoutOutput(_ name: String) -> String {
    name.hasSuffix(":0") ? String(name.dropLast(2)) : name
  }

  /// Names the numbers that follow all slots, which Keras 3 lists as just variables, such as `variable_7`.
  private mutating func nameLastNumbers(_ weights: [String]) throws(FlywheelError) {
    guard let training = try KerasDocuments.object(KerasDocuments.Attribute.training, in: metadata),
      let optimizer = KerasModel(configuration: .null, training: training).optimizer,
      let names = OptimizerVariables.numbersAfter[optimizer.className]
    else { return }
    let last = weights.suffix(names.count).map { "\(Self.optimizer)/\($0)" }
    let isUnnamed = last.allSatisfy { path in
      numbers.contains(path) && keys[path]?.hasPrefix("optimizer/variable") == true
    }
    guard isUnnamed, last.count == names.count else { return }
    for (path, name) in zip(last, names) { keys[path] = "optimizer/\(name)" }
  }

  // MARK: What else is said

  /// Gives attributes the names of what they belong to here, and leaves the lists out.
  private mutating func renameOwners(_ layers: [String]) {
    let listed = Set(layers.map { root + $0 })
    let whole = metadata.attributes[""] ?? [:]
    var attributes: OrderedDictionary<String, OrderedDictionary<String, AttributeValue>> = [:]
    for (owner, var values) in metadata.attributes {
      var name = keys[owner] ?? owner
      if owner == Self.optimizer {
        name = "optimizer"
        values = KerasList.removing(Attribute.weights, from: values)
      } else if listed.contains(owner) {
        name = "layers/\(owner.dropFirst(root.count))"
        values = KerasList.removing(Attribute.weights, from: values)
      } else if owner + "/" == root || owner.isEmpty {
        name = owner.isEmpty ? "" : "layers"
        values = KerasList.removing(Attribute.layers, from: values)
        // They are the same as those of the whole.
        if !owner.isEmpty { values.removeAll { whole[$0.key] == $0.value } }
      }
      if !values.isEmpty { attributes[name, default: [:]].merge(values) { first, _ in first } }
    }
    metadata.attributes = attributes
    metadata.emptyGroups.removeAll {
      listed.contains($0) || $0 == Self.optimizer || $0 + "/" == root
    }
  }
}

/// The variables of a model by the ways in which the names of optimizers' variables contain theirs.
private struct VariableNames {
  private var byPath: [Substring: String] = [:]
  private var byWord: [String: String] = [:]

  mutating func add(_ weight: String, _ key: String) {
    let path = LegacyNames.withoutOutput(weight)
    byPath[path[...]] = key
    byWord[path.replacingSlashes] = key
  }

  /// The name of an optimizer's variable: its slot and the variable that it is kept for, or just its own.
  func slotKey(of name: String) -> String {
    let path = LegacyNames.withoutOutput(name)
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    // Keras 3: all that is kept for a variable is one word.
    if let word = parts.last, let (key, slot) = slot(in: word) { return "\(slot)/\(key)" }
    // Keras 2: the slot stands before the variable, or behind it. The longest name is the variable's.
    for start in parts.indices {
      let rest = parts[start...]
      if start > 0, let key = byPath[rest.joined(separator: "/")[...]] {
        return "\(parts[start - 1])/\(key)"
      }
      if rest.count > 1, let slot = rest.last,
        let key = byPath[rest.dropLast().joined(separator: "/")[...]]
      {
        return "\(slot)/\(key)"
      }
    }
    return parts.last.map(String.init) ?? path
  }

  private static let longestSlot = 64

  private func slot(in word: Substring) -> (key: String, slot: Substring)? {
    var end = word.endIndex
    while let place = word[..<end].lastIndex(of: "_") {
      let slot = word[word.index(after: place)...]
      guard slot.utf8.count <= Self.longestSlot else { return nil }
      if !slot.isEmpty, let key = byWord[String(word[..<place])] { return (key, slot) }
      end = place
    }
    return nil
  }
}
