import FlywheelCore
import FlywheelPickle
import OrderedCollections

/// The object that `torch.save` was given, as tensors under flat keys, and attributes.
///
/// A key is the path through dictionaries and lists, joined by dots. What is no tensor is an attribute of the
/// dictionary or list that holds it: numbers and texts as they are, lists of numbers or texts as arrays. Numbers
/// within the state that an optimizer keeps of a parameter are tensors of no axes, since old versions of PyTorch
/// count steps with numbers and later ones with tensors. `None` is left out, and so are `_metadata` of modules,
/// which are versions of their layouts that PyTorch can do without.
struct TorchFlattening {
  /// The tensors under their keys.
  private(set) var members: OrderedDictionary<String, TorchMember> = [:]
  /// What there is besides.
  private(set) var metadata = ArchiveMetadata()

  private let graph: PickleGraph
  private let container: any TorchContainer
  private let pickle: TorchPickle
  private var storages: [String: Use] = [:]
  private var budget: Budget

  /// How a storage is used.
  private struct Use {
    let storage: TorchStorage
    let compression: String
    /// The first tensor in it, and its key.
    let first: (tensor: TorchTensor, key: String)
    /// Once there are several, all tensors in it, and the keys under which each is first.
    var keys: [TorchTensor: String] = [:]
  }

  /// What may still be made of a pickle: values may be shared, so that a short one can say a great deal.
  private struct Budget {
    /// How many values may still be visited, each as often as it is reached.
    var visits: Int
    /// How many bytes all names, and all values that the pickle itself holds, may still have.
    var copiedByteCount: Int
    /// How many bytes all tensors may still have.
    var elementByteCount: Int
  }

  /// More levels than this are refused; PyTorch's own state has about ten.
  private static let depthLimit = 100

  /// Flattens an object.
  ///
  /// - Parameter container: The file.
  /// - Throws: `limitExceeded` if the object holds itself, is nested too deep, or says too much for its size;
  ///   `malformed` if a storage is told to have two types or sizes.
  init(_ container: any TorchContainer) throws(FlywheelError) {
    self.container = container
    graph = container.graph
    pickle = TorchPickle(graph)
    budget = Budget(
      visits: 64 * container.graphByteCount + 1024,
      copiedByteCount: 64 * container.graphByteCount + (1 << 20),
      // As much as deflate can make of so many bytes; 64 MiB are any file's to expand.
      elementByteCount: max(
        64 << 20,
        container.byteCount.multipliedReportingOverflow(by: 1032).partialValue
      )
    )
    try visit(graph.root, Place())
  }

  /// Where in the object a value is.
  private struct Place {
    /// The key of what holds it; nil for the object itself.
    var owner: String?
    /// Its own name there.
    var name = ""
    var depth = 0
    var state = State.none

    /// How near it is to an optimizer's state.
    enum State {
      case none
      /// The dictionary of the states of all parameters.
      case table
      /// The state of one parameter.
      case parameter
      /// A value in that.
      case slot
    }

    /// The key that it has as a tensor.
    var key: String {
      guard let owner else { return name }
      return owner.isEmpty ? name : owner + "." + name
    }
  }

  // MARK: Walking

  private mutating func visit(
    _ reference: PickleGraph.Reference,
    _ place: Place
  ) throws(FlywheelError) {
    try spend(1, at: reference)
    guard place.depth <= Self.depthLimit else { throw excess(at: reference) }
    switch graph[reference] {
    case .none: return
    case .dictionary(let entries): try visit(entries, of: reference, place)
    case .list(let items): try visit(items[...], place, at: reference)
    case .tuple(let items): try visit(items, place, at: reference)
    case .emptySet: try addEmpty(place, at: reference)
    case .persistent: try add(pickle.meaning(of: reference), place, at: reference)
    case .call(let function, let arguments):
      if TorchMaker.all[function] != nil {
        try add(pickle.meaning(of: reference), place, at: reference)
      } else {
        try visit(function, arguments, reference, place)
      }
    case let value: try add(value, place, at: reference)
    }
  }

  private mutating func visit(
    _ entries: [PickleGraph.Entry],
    of reference: PickleGraph.Reference,
    _ place: Place
  ) throws(FlywheelError) {
    if entries.isEmpty { try addEmpty(place, at: reference) }
    let key = try key(of: place, at: reference)
    let names = entries.map { TorchScalar.name(of: $0.key, in: graph) }
    let isOptimizer = names.contains("state") && names.contains("param_groups")
    for (entry, name) in zip(entries, names) {
      guard let name else {
        add(obstacle: "has a key that is \(graph[entry.key].kind)", place)
        continue
      }
      var inner = Place(owner: key, name: name, depth: place.depth + 1)
      switch place.state {
      case .table: inner.state = .parameter
      case .parameter: inner.state = .slot
      case .none where isOptimizer && name == "state": inner.state = .table
      default: break
      }
      try visit(entry.value, inner)
    }
    if let state = graph.state(of: reference) { try visit(attributes: state, place) }
  }

  private mutating func visit(
    _ items: ArraySlice<PickleGraph.Reference>,
    _ place: Place,
    at reference: PickleGraph.Reference
  ) throws(FlywheelError) {
    guard !items.isEmpty else { return try addEmpty(place, at: reference) }
    if let attribute = try TorchScalar.array(of: items, in: graph) {
      try spend(items.count, at: reference)
      return try add(attribute, place, at: reference)
    }
    let key = try key(of: place, at: reference)
    for (index, item) in items.enumerated() {
      try visit(item, Place(owner: key, name: "\(index)", depth: place.depth + 1))
    }
  }

  /// Visits what a Python object has in its `__dict__`, and in its slots.
  private mutating func visit(
    attributes state: PickleGraph.Reference,
    _ place: Place
  ) throws(FlywheelError) {
    switch graph[state] {
    case .none: return
    case .dictionary(let entries):
      let key = try key(of: place, at: state)
      for entry in entries {
        guard case .text(let name) = graph[entry.key], name != "_metadata" else { continue }
        try visit(entry.value, Place(owner: key, name: name, depth: place.depth + 1))
      }
    case .tuple(let parts) where parts.count == 2:
      for part in parts { try visit(attributes: part, place) }
    case let other: add(obstacle: "has attributes that are \(other.kind)", place)
    }
  }

  /// Visits what a call would return, as far as it is a container, a number or a text.
  private mutating func visit(
    _ function: PickleGlobal,
    _ arguments: ArraySlice<PickleGraph.Reference>,
    _ reference: PickleGraph.Reference,
    _ place: Place
  ) throws(FlywheelError) {
    let values = arguments.map { graph[$0] }
    switch (function, values.first, values.count) {
    case (TorchGlobals.size, .tuple(let items), 1): try visit(items, place, at: reference)
    case (TorchGlobals.set, .list(let items), 1): try visit(items[...], place, at: reference)
    case (TorchGlobals.counter, .dictionary(let entries), 1):
      try visit(entries, of: reference, place)
    default:
      if NumPyValue.isArray(function) || NumPyValue.isScalar(function) {
        try addNumPy(function, arguments, reference, place)
      } else if let attribute = try TorchScalar.attribute(of: function, values) {
        try add(attribute, place, at: reference)
      } else if let bytes = TorchScalar.bytes(of: reference, in: graph) {
        try add(.tensor(try Tensor(vector: bytes)), place, at: reference)
      } else {
        add(obstacle: "is a call of \(function), which is not read", place)
      }
    }
  }

  /// Adds an array of numpy as a tensor, and a scalar as Python's own numbers.
  private mutating func addNumPy(
    _ function: PickleGlobal,
    _ arguments: ArraySlice<PickleGraph.Reference>,
    _ reference: PickleGraph.Reference,
    _ place: Place
  ) throws(FlywheelError) {
    let numpy = NumPyValue(graph: graph)
    let isArray = NumPyValue.isArray(function)
    let read = Result { () throws(FlywheelError) in
      isArray ? try numpy.array(reference) : try numpy.scalar(arguments, at: reference)
    }
    switch read {
    case .success(let tensor) where isArray || place.state == .slot:
      try copy(tensor.byteCount, at: reference)
      try add(TorchMember(content: .values(tensor)), place, at: reference)
    case .success(let tensor):
      try add(TorchScalar.attribute(of: tensor), place, at: reference)
    case .failure(let reason):
      let kind = "\(reason.isDamage ? "damaged " : "")\(isArray ? "array" : "scalar") of numpy"
      let content = TorchMember.Content.unreadable(
        type: kind,
        shape: nil,
        reason: reason.located(byteOffset: graph.offset(of: reference))
      )
      try add(TorchMember(content: content), place, at: reference)
    }
  }

  // MARK: Bounds

  private mutating func spend(
    _ count: Int,
    at reference: PickleGraph.Reference
  ) throws(FlywheelError) {
    budget.visits -= count
    guard budget.visits >= 0 else { throw excess(at: reference) }
  }

  private mutating func copy(
    _ byteCount: Int,
    at reference: PickleGraph.Reference
  ) throws(FlywheelError) {
    budget.copiedByteCount -= byteCount
    guard budget.copiedByteCount >= 0 else { throw excess(at: reference) }
  }

  /// The key of a value, of which there may not be too many long ones.
  private mutating func key(
    of place: Place,
    at reference: PickleGraph.Reference
  ) throws(FlywheelError) -> String {
    try copy((place.owner?.utf8.count ?? 0) + place.name.utf8.count, at: reference)
    return place.key
  }

  private func excess(at reference: PickleGraph.Reference) -> FlywheelError {
    FlywheelError(
      .limitExceeded,
      "The saved object holds itself, is nested more than \(Self.depthLimit) deep, or repeats its parts too "
        + "often; save a state_dict, or a dictionary of them.",
      at: .init(byteOffset: UInt64(graph.offset(of: reference)))
    )
  }

  // MARK: Adding

  private mutating func addEmpty(
    _ place: Place,
    at reference: PickleGraph.Reference
  ) throws(FlywheelError) {
    guard place.owner != nil else { return }
    metadata.emptyGroups.append(try key(of: place, at: reference))
  }

  private mutating func add(obstacle reason: String, _ place: Place) {
    metadata.obstacles.append(.init(name: "the value '\(place.key)'", reason: reason))
  }

  private mutating func add(
    _ value: PickleValue,
    _ place: Place,
    at reference: PickleGraph.Reference
  ) throws(FlywheelError) {
    if place.state == .slot, let tensor = try TorchScalar.tensor(of: value) {
      try add(TorchMember(content: .values(tensor)), place, at: reference)
    } else if let attribute = try TorchScalar.attribute(of: value) {
      try add(attribute, place, at: reference)
    } else {
      add(obstacle: "is \(value.kind), which is not read", place)
    }
  }

  private mutating func add(
    _ attribute: AttributeValue,
    _ place: Place,
    at reference: PickleGraph.Reference
  ) throws(FlywheelError) {
    // The object may be nothing but a number.
    let (owner, name) = place.owner.map { ($0, place.name) } ?? ("", "value")
    guard metadata.attributes[owner]?[name] == nil else {
      add(obstacle: Self.sameName, place)
      return
    }
    try copy(name.utf8.count + attribute.byteCount, at: reference)
    metadata.attributes[owner, default: [:]][name] = attribute
  }

  private mutating func add(
    _ meaning: TorchPickle.Meaning,
    _ place: Place,
    at reference: PickleGraph.Reference
  ) throws(FlywheelError) {
    switch meaning {
    case .tensor(let tensor, let state):
      let key = place.owner == nil ? "tensor" : place.key
      try add(member(tensor, key, at: reference), place, at: reference)
      if let state { try visit(attributes: state, place) }
    case .unreadable(let type, let shape, let reason):
      let content = TorchMember.Content.unreadable(type: type, shape: shape, reason: reason)
      try add(TorchMember(content: content), place, at: reference)
    }
  }

  private mutating func add(
    _ member: TorchMember,
    _ place: Place,
    at reference: PickleGraph.Reference
  ) throws(FlywheelError) {
    let key = place.owner == nil ? "tensor" : try key(of: place, at: reference)
    guard members[key] == nil else {
      add(obstacle: Self.sameName, place)
      return
    }
    members[key] = member
  }

  static let sameName =
    "has the name of another value, once the keys of dictionaries are joined by dots; rename one of them"

  /// What a tensor is as a member: one that can be read, if its bytes are there.
  private mutating func member(
    _ tensor: TorchTensor,
    _ key: String,
    at reference: PickleGraph.Reference
  ) -> TorchMember {
    do throws(FlywheelError) {
      guard tensor.array.byteCount <= budget.elementByteCount else {
        throw FlywheelError(
          .limitExceeded,
          "All tensors together would have more than 1,032 times as many bytes as the file, since they are "
            + "views that repeat its elements; save tensor.clone() instead of what expand() gives."
        )
      }
      budget.elementByteCount -= tensor.array.byteCount
      let name = tensor.storage.key
      guard let use = storages[name] else {
        let compression = try container.find(tensor.storage)
        storages[name] = Use(
          storage: tensor.storage,
          compression: compression,
          first: (tensor, key)
        )
        return TorchMember(content: .view(tensor), compression: compression)
      }
      guard use.storage.agrees(with: tensor.storage) else {
        throw FlywheelError.malformed(
          found: "the storage \(quoted(name)) with another type or size than before",
          expected: "the same"
        )
      }
      if use.keys.isEmpty { storages[name]?.keys[use.first.tensor] = use.first.key }
      let twin = storages[name]?.keys[tensor]
      if twin == nil { storages[name]?.keys[tensor] = key }
      return TorchMember(content: .view(tensor), twin: twin, compression: use.compression)
    } catch {
      return TorchMember(
        content: .unreadable(
          type: error.isDamage ? "damaged tensor" : "tensor",
          shape: tensor.array.shape,
          reason: error.located(byteOffset: graph.offset(of: reference))
        )
      )
    }
  }
}

extension AttributeValue {
  /// About how much memory it takes.
  fileprivate var byteCount: Int {
    switch self {
    case .string(let text): text.utf8.count
    case .integer, .double: 8
    case .strings(let texts): texts.reduce(0) { $0 + 16 + $1.utf8.count }
    case .tensor(let tensor): tensor.byteCount
    }
  }
}
