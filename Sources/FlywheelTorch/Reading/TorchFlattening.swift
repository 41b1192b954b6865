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
  var members: OrderedDictionary<String, TorchMember> { listing.members }
  /// What there is besides.
  var metadata: ArchiveMetadata { listing.metadata }
  /// What the object is to Python, beside all that.
  private(set) var object = TorchForm(.none)

  private let graph: PickleGraph
  private let pickle: TorchPickle
  private var listing: TorchListing

  private typealias Place = TorchListing.Place
  private typealias Found = TorchListing.Found

  /// Flattens an object.
  ///
  /// - Parameter container: The file.
  /// - Throws: `limitExceeded` if the object holds itself, is nested too deep, or says too much for its size;
  ///   `malformed` if a storage is told to have two types or sizes.
  init(_ container: any TorchContainer) throws(FlywheelError) {
    graph = container.graph
    pickle = TorchPickle(graph)
    listing = TorchListing(container)
    object = try visit(graph.root, Place()).form
  }

  /// What the object is to Python, unless names say it already.
  var structure: TorchStructure? {
    var ties: OrderedDictionary<String, String> = [:]
    for (key, member) in members { ties[key] = member.twin }
    let isModule = object == TorchForm(.ordered) && metadata.attributes.isEmpty
    // Where Flywheel's own document lies, that has everything.
    guard !isModule || !ties.isEmpty, members["flywheel.metadata"] == nil else { return nil }
    let structure = TorchStructure(object: object, ties: ties)
    let keys = OrderedSet(members.keys)
    // Not every container keeps the order of attributes.
    var sorted = metadata
    for owner in sorted.attributes.keys { sorted.attributes[owner]?.sort { $0.key < $1.key } }
    let named = TorchNesting(keys, sorted, nil)
    let told = TorchNesting(keys, metadata, structure)
    let isSame =
      ties.isEmpty && named.isSame(as: told)
      && members.allSatisfy { key, member in
        guard let array = member.array, TorchNesting.canBeNumber(array) else { return true }
        return named.isNumber(key, array) == told.isNumber(key, array)
      }
    return isSame ? nil : structure
  }

  // MARK: Walking

  private mutating func visit(
    _ reference: PickleGraph.Reference,
    _ place: Place
  ) throws(FlywheelError) -> Found {
    try listing.spend(1, at: reference)
    guard place.depth <= TorchListing.depthLimit else { throw listing.excess(at: reference) }
    switch graph[reference] {
    case .none: return Found(TorchForm(.none))
    case .dictionary(let entries):
      let kind = graph.type(of: reference).flatMap { Self.dictionaries[$0] } ?? .dictionary
      return try visit(entries, as: kind, of: reference, place)
    case .list(let items): return try visit(items[...], as: .list, place, at: reference)
    case .tuple(let items): return try visit(items, as: .tuple, place, at: reference)
    case .emptySet: return try visit([], as: .set, place, at: reference)
    case .persistent: return try add(pickle.meaning(of: reference), place, at: reference)
    case .call(let function, let arguments):
      if TorchMaker.all[function] != nil {
        return try add(pickle.meaning(of: reference), place, at: reference)
      }
      return try visit(function, arguments, reference, place)
    case let value: return try listing.add(value, place, at: reference)
    }
  }

  /// What the classes of dictionaries are.
  private static let dictionaries: [PickleGlobal: TorchForm.Kind] = [
    TorchGlobals.orderedDictionary: .ordered, TorchGlobals.counter: .counter,
  ]

  private mutating func visit(
    _ entries: [PickleGraph.Entry],
    as kind: TorchForm.Kind,
    of reference: PickleGraph.Reference,
    _ place: Place
  ) throws(FlywheelError) -> Found {
    if entries.isEmpty { try listing.addEmpty(place, at: reference) }
    let owner = try listing.key(of: place, at: reference)
    var keys: [TorchKey?] = []
    for entry in entries {
      let key = try TorchScalar.key(of: entry.key, in: graph) { (count) throws(FlywheelError) in
        try listing.copy(count, at: reference)
      }
      keys.append(key)
    }
    let isOptimizer = keys.contains(.text("state")) && keys.contains(.text("param_groups"))
    var form = TorchForm(kind, entries: [])
    var holdsOnlyTensors = !entries.isEmpty
    for (entry, key) in zip(entries, keys) {
      guard let key else {
        _ = try listing.add(
          obstacle: "has a key that is \(graph[entry.key].kind)",
          place,
          at: reference
        )
        continue
      }
      var inner = Place(owner: owner, name: key.name, depth: place.depth + 1)
      switch place.state {
      case .table: inner.state = .parameter
      case .parameter: inner.state = .slot
      case .none where isOptimizer && inner.name == "state": inner.state = .table
      default: break
      }
      let found = try visit(entry.value, inner)
      guard !found.isLost else { continue }
      holdsOnlyTensors =
        holdsOnlyTensors && found.isTensor && found.form.kind == .value && key == .text(inner.name)
      form.append(key, found.form)
    }
    // Their names in the file are enough then, which may be many.
    if holdsOnlyTensors { form.entries = nil }
    if let state = graph.state(of: reference) { try visit(attributes: state, place) }
    return Found(form)
  }

  private mutating func visit(
    _ items: ArraySlice<PickleGraph.Reference>,
    as kind: TorchForm.Kind,
    _ place: Place,
    at reference: PickleGraph.Reference
  ) throws(FlywheelError) -> Found {
    var form = TorchForm(kind, entries: [])
    guard !items.isEmpty else {
      try listing.addEmpty(place, at: reference)
      return Found(form)
    }
    let array = try TorchScalar.array(of: items, in: graph) { (count) throws(FlywheelError) in
      try listing.copy(count, at: reference)
    }
    if let (attribute, integers) = array {
      try listing.spend(items.count, at: reference)
      return try listing.add(attribute, TorchForm(kind, integers: integers), place, at: reference)
    }
    let owner = try listing.key(of: place, at: reference)
    for (index, item) in items.enumerated() {
      try listing.copy(TorchScalar.entryByteCount, at: reference)
      let inner = Place(owner: owner, name: "\(index)", depth: place.depth + 1)
      // What is lost leaves a None, so that the others keep their places.
      form.append(.integer(Int64(index)), try visit(item, inner).form)
    }
    return Found(form)
  }

  /// Visits what a Python object has in its `__dict__`, and in its slots.
  private mutating func visit(
    attributes state: PickleGraph.Reference,
    _ place: Place
  ) throws(FlywheelError) {
    switch graph[state] {
    case .none: return
    case .dictionary(let entries):
      let key = try listing.key(of: place, at: state)
      for entry in entries {
        guard case .text(let name) = graph[entry.key], name != "_metadata" else { continue }
        _ = try visit(entry.value, Place(owner: key, name: name, depth: place.depth + 1))
      }
    case .tuple(let parts) where parts.count == 2:
      for part in parts {
        try listing.spend(1, at: part)
        try visit(attributes: part, place)
      }
    case let other:
      _ = try listing.add(obstacle: "has attributes that are \(other.kind)", place, at: state)
    }
  }

  /// Visits what a call would return, as far as it is a container, a number or a text.
  private mutating func visit(
    _ function: PickleGlobal,
    _ arguments: ArraySlice<PickleGraph.Reference>,
    _ reference: PickleGraph.Reference,
    _ place: Place
  ) throws(FlywheelError) -> Found {
    // None of them takes more than two.
    let values = arguments.count > 2 ? [] : arguments.map { graph[$0] }
    switch (function, values.first, values.count) {
    case (TorchGlobals.size, .tuple(let items), 1):
      return try visit(items, as: .size, place, at: reference)
    case (TorchGlobals.set, .list(let items), 1):
      return try visit(items[...], as: .set, place, at: reference)
    case (TorchGlobals.counter, .dictionary(let entries), 1):
      return try visit(entries, as: .counter, of: reference, place)
    default:
      if NumPyValue.isArray(function) || NumPyValue.isScalar(function) {
        return try addNumPy(function, arguments, reference, place)
      }
      if let attribute = try TorchScalar.attribute(of: function, values) {
        let kind = Self.values[function] ?? .value
        return try listing.add(attribute, TorchForm(kind), place, at: reference)
      }
      if let bytes = TorchScalar.bytes(of: reference, in: graph) {
        let kind: TorchForm.Kind = function == TorchGlobals.byteArray ? .byteArray : .bytes
        return try listing.add(
          .tensor(try Tensor(vector: bytes)),
          TorchForm(kind),
          place,
          at: reference
        )
      }
      return try listing.add(
        obstacle: "is a call of \(function), which is not read",
        place,
        at: reference
      )
    }
  }

  /// What functions give that are texts as attributes.
  private static let values: [PickleGlobal: TorchForm.Kind] = [
    TorchGlobals.device: .device, TorchGlobals.layout: .layout,
  ]

  /// Adds an array of numpy as a tensor, and a scalar as Python's own numbers.
  private mutating func addNumPy(
    _ function: PickleGlobal,
    _ arguments: ArraySlice<PickleGraph.Reference>,
    _ reference: PickleGraph.Reference,
    _ place: Place
  ) throws(FlywheelError) -> Found {
    let numpy = NumPyValue(graph: graph)
    let isArray = NumPyValue.isArray(function)
    let read = Result { () throws(FlywheelError) in
      isArray ? try numpy.array(reference) : try numpy.scalar(arguments, at: reference)
    }
    switch read {
    case .success(let tensor) where isArray || place.state == .slot:
      try listing.copy(tensor.byteCount, at: reference)
      return try listing.add(TorchMember(content: .values(tensor)), place, at: reference)
    case .success(let tensor):
      return try listing.add(
        TorchScalar.attribute(of: tensor),
        TorchForm(.value),
        place,
        at: reference
      )
    case .failure(let reason):
      try listing.copy(reason.message.utf8.count, at: reference)
      let kind = "\(reason.isDamage ? "damaged " : "")\(isArray ? "array" : "scalar") of numpy"
      let content = TorchMember.Content.unreadable(
        type: kind,
        shape: nil,
        reason: reason.located(byteOffset: graph.offset(of: reference))
      )
      return try listing.add(TorchMember(content: content), place, at: reference)
    }
  }

  private mutating func add(
    _ meaning: TorchPickle.Meaning,
    _ place: Place,
    at reference: PickleGraph.Reference
  ) throws(FlywheelError) -> Found {
    switch meaning {
    case .tensor(let tensor, let state):
      let key = place.owner == nil ? TorchStructure.tensor : place.key
      let found = try listing.add(tensor, key, place, at: reference)
      if let state { try visit(attributes: state, place) }
      return found
    case .unreadable(let type, let shape, let reason):
      try listing.copy(reason.message.utf8.count, at: reference)
      let content = TorchMember.Content.unreadable(type: type, shape: shape, reason: reason)
      return try listing.add(TorchMember(content: content), place, at: reference)
    }
  }
}
