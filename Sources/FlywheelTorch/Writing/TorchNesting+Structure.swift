import FlywheelCore
import OrderedCollections

/// Places by what a file says of the object that it is of.
///
/// What was renamed since goes into the innermost container that its name leads to; what is gone leaves no
/// trace, and neither do containers of which nothing is left.
extension TorchNesting {
  /// What has no place yet.
  private struct Rest {
    let tensors: OrderedSet<String>
    /// Those of them that have their place.
    var placed: Set<String> = []
    var attributes: OrderedDictionary<String, OrderedDictionary<String, AttributeValue>>
    /// The containers that the structure names, outermost first.
    var containers: [String] = []
    /// Those that are said to be empty.
    let empty: Set<String>
    /// Those of them of which something is gone.
    var poorer: Set<String> = []
  }

  mutating func place(
    _ names: OrderedSet<String>,
    _ metadata: ArchiveMetadata,
    by structure: TorchStructure
  ) {
    var rest = Rest(
      tensors: names,
      attributes: metadata.attributes,
      empty: Set(metadata.emptyGroups)
    )
    if Self.isContainer(structure.object) {
      placeContainer(structure.object, "", &rest)
    } else if placesWhole(structure.object, rest) {
      return
    }
    var others = ArchiveMetadata(
      attributes: rest.attributes.filter { !$0.value.isEmpty },
      emptyGroups: metadata.emptyGroups.filter { containers[$0] == nil }
    )
    if structure.object.kind == .ordered { leaveOutTexts(names, &others) }
    // That the tensors are PyTorch's is what others say of them.
    if others.attributes[""]?["format"] == .string("pt") { others.attributes[""]?["format"] = nil }
    placeByNames(rest.tensors.filter { !rest.placed.contains($0) }, others)
    removeEmpty(rest)
  }

  /// An array of numbers or texts is none, whatever it is to Python.
  private static func isContainer(_ form: TorchForm) -> Bool {
    form.kind.isDictionary || form.kind.isSequence && form.entries != nil
  }

  /// Takes an object that is one tensor or one value, if it is the only one.
  private mutating func placesWhole(_ form: TorchForm, _ rest: Rest) -> Bool {
    let attributes = rest.attributes[""] ?? [:]
    guard rest.attributes.allSatisfy({ $0.key.isEmpty }),
      rest.tensors.count + attributes.count <= 1
    else { return false }
    if rest.tensors == [TorchStructure.tensor] {
      root = .tensor(TorchStructure.tensor)
    } else if let value = attributes[TorchStructure.value].flatMap({ TorchValue($0, as: form) }) {
      root = .value(value)
    } else if form.kind == .none, rest.tensors.isEmpty, attributes.isEmpty {
      root = .value(.none)
    } else {
      return false
    }
    return true
  }

  private mutating func placeContainer(
    _ form: TorchForm,
    _ path: String,
    _ rest: inout Rest
  ) {
    containers[path] = [:]
    kinds[path] = form.kind
    rest.containers.append(path)
    addPath(path, withThoseAbove: false)
    for run in form.entries ?? [] {
      for key in run.keys {
        let name = key.name
        if !form.kind.isSequence, key != .text(name) { keys[path, default: [:]][name] = key }
        place(run.form, path, name, &rest)
      }
    }
  }

  private mutating func place(
    _ form: TorchForm,
    _ container: String,
    _ name: String,
    _ rest: inout Rest
  ) {
    let path = Self.join(container, name)
    if form.kind == .none {
      place(.value(.none), container, name)
    } else if Self.isContainer(form) {
      let count = obstacles.count
      place(.container(path), container, name)
      guard obstacles.count == count, containers[path] == nil else { return }
      placeContainer(form, path, &rest)
    } else if rest.tensors.contains(path), rest.placed.insert(path).inserted {
      place(.tensor(path), container, name)
      if form.kind == .number { numbers.insert(path) }
    } else if let value = rest.attributes[container]?.removeValue(forKey: name) {
      place(value, as: form, name, of: container)
    } else {
      rest.poorer.insert(container)
    }
  }

  /// Removes the containers of which nothing is left but `None`, and with them those that held nothing else.
  private mutating func removeEmpty(_ rest: Rest) {
    var gone: Set<String> = []
    for path in rest.containers.reversed() {
      guard let entries = containers[path] else { continue }
      let left = entries.filter { entry in
        if case .container(let inner) = entry.value { !gone.contains(inner) } else { true }
      }
      if left.count < entries.count { containers[path] = left }
      let isPoorer = left.count < entries.count || rest.poorer.contains(path)
      let holdsNothing =
        left.isEmpty
        ? !rest.empty.contains(path) : isPoorer && left.values.allSatisfy { $0 == .value(.none) }
      if holdsNothing, !path.isEmpty {
        gone.insert(path)
        containers[path] = nil
      }
    }
  }
}
