import FlywheelCore
import FlywheelPickle
import OrderedCollections

/// What was found in an object that `torch.save` was given, as far as it was walked through, and how much more
/// there may be.
struct TorchListing {
  /// The tensors under their keys.
  private(set) var members: OrderedDictionary<String, TorchMember> = [:]
  /// What there is besides.
  private(set) var metadata = ArchiveMetadata()

  private let graph: PickleGraph
  private let container: any TorchContainer
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
    /// How many bytes all names, all values that the pickle itself holds, and what is said of what is left out
    /// may still have.
    var copiedByteCount: Int
    /// How many bytes all tensors may still have.
    var elementByteCount: Int
  }

  /// More levels than this are refused; PyTorch's own state has about ten.
  static let depthLimit = 100

  /// Begins with nothing.
  ///
  /// - Parameter container: The file.
  init(_ container: any TorchContainer) {
    self.container = container
    graph = container.graph
    budget = Budget(
      visits: 64 * container.graphByteCount + 1024,
      copiedByteCount: 64 * container.graphByteCount + (1 << 20),
      // As much as deflate can make of so many bytes; 64 MiB are any file's to expand.
      elementByteCount: max(
        64 << 20,
        container.byteCount.multipliedReportingOverflow(by: 1032).partialValue
      )
    )
  }

  /// What became of a value.
  struct Found {
    var form: TorchForm
    var isTensor = false
    /// Whether only an obstacle is left of it.
    var isLost = false

    init(_ form: TorchForm, isTensor: Bool = false) {
      self.form = form
      self.isTensor = isTensor
    }

    static let lost: Found = {
      var found = Found(TorchForm(.none))
      found.isLost = true
      return found
    }()
  }

  /// Where in the object a value is.
  struct Place {
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

  // MARK: Bounds

  mutating func spend(
    _ count: Int,
    at reference: PickleGraph.Reference
  ) throws(FlywheelError) {
    budget.visits -= count
    guard budget.visits >= 0 else { throw excess(at: reference) }
  }

  mutating func copy(
    _ byteCount: Int,
    at reference: PickleGraph.Reference
  ) throws(FlywheelError) {
    budget.copiedByteCount -= byteCount
    guard budget.copiedByteCount >= 0 else { throw excess(at: reference) }
  }

  /// The key of a value, of which there may not be too many long ones.
  mutating func key(
    of place: Place,
    at reference: PickleGraph.Reference
  ) throws(FlywheelError) -> String {
    try copy((place.owner?.utf8.count ?? 0) + place.name.utf8.count, at: reference)
    return place.key
  }

  func excess(at reference: PickleGraph.Reference) -> FlywheelError {
    FlywheelError(
      .limitExceeded,
      "The saved object holds itself, is nested more than \(Self.depthLimit) deep, or repeats its parts too "
        + "often; save a state_dict, or a dictionary of them.",
      at: .init(byteOffset: UInt64(graph.offset(of: reference)))
    )
  }

  // MARK: Adding

  mutating func addEmpty(
    _ place: Place,
    at reference: PickleGraph.Reference
  ) throws(FlywheelError) {
    guard place.owner != nil else { return }
    metadata.emptyGroups.append(try key(of: place, at: reference))
  }

  mutating func add(
    obstacle reason: String,
    _ place: Place,
    at reference: PickleGraph.Reference
  ) throws(FlywheelError) -> Found {
    let key = try key(of: place, at: reference)
    try copy(reason.utf8.count + 4 * TorchScalar.entryByteCount, at: reference)
    metadata.obstacles.append(.init(name: "the value '\(key)'", reason: reason))
    return .lost
  }

  mutating func add(
    _ value: PickleValue,
    _ place: Place,
    at reference: PickleGraph.Reference
  ) throws(FlywheelError) -> Found {
    if place.state == .slot, let tensor = try TorchScalar.tensor(of: value) {
      var found = try add(TorchMember(content: .values(tensor)), place, at: reference)
      if !found.isLost { found.form.kind = .number }
      return found
    }
    guard let attribute = try TorchScalar.attribute(of: value) else {
      return try add(obstacle: "is \(value.kind), which is not read", place, at: reference)
    }
    let kind: TorchForm.Kind =
      switch value {
      case .bytes: .bytes
      case .global: .name
      default: .value
      }
    return try add(attribute, TorchForm(kind), place, at: reference)
  }

  mutating func add(
    _ attribute: AttributeValue,
    _ form: TorchForm,
    _ place: Place,
    at reference: PickleGraph.Reference
  ) throws(FlywheelError) -> Found {
    // The object may be nothing but a number.
    let (owner, name) = place.owner.map { ($0, place.name) } ?? ("", TorchStructure.value)
    guard metadata.attributes[owner]?[name] == nil, place.owner == nil || members[place.key] == nil
    else {
      return try add(obstacle: .sameName, place, at: reference)
    }
    try copy(name.utf8.count + attribute.byteCount, at: reference)
    metadata.attributes[owner, default: [:]][name] = attribute
    return Found(form)
  }

  mutating func add(
    _ member: TorchMember,
    _ place: Place,
    at reference: PickleGraph.Reference
  ) throws(FlywheelError) -> Found {
    let key = place.owner == nil ? TorchStructure.tensor : try key(of: place, at: reference)
    let isTaken = place.owner.map { metadata.attributes[$0]?[place.name] != nil } ?? false
    guard members[key] == nil, !isTaken else {
      return try add(obstacle: .sameName, place, at: reference)
    }
    members[key] = member
    return Found(TorchForm(.value), isTensor: true)
  }

  mutating func add(
    _ tensor: TorchTensor,
    _ key: String,
    _ place: Place,
    at reference: PickleGraph.Reference
  ) throws(FlywheelError) -> Found {
    try add(member(tensor, key, at: reference), place, at: reference)
  }

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

extension String {
  /// Why a value is left out whose name is taken.
  static let sameName =
    "has the name of another value, once the keys of dictionaries are joined by dots; rename one of them"
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
