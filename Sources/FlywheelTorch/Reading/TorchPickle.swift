import FlywheelCore
import FlywheelPickle

/// What the calls in a pickle of PyTorch mean: the tensors that they would make.
///
/// `torch/_utils.py` and `torch/_tensor.py` have the functions, `torch/serialization.py` the identifiers of
/// storages. None is called; what they are given says where the elements lie.
struct TorchPickle {
  let graph: PickleGraph

  init(_ graph: PickleGraph) {
    self.graph = graph
  }

  /// What a value that stands for a tensor turned out to be.
  enum Meaning {
    /// A tensor, and what else its Python object holds.
    case tensor(TorchTensor, state: PickleGraph.Reference?)
    /// A tensor that cannot be read: of which kind, its extents if they are known, and why.
    case unreadable(type: String, shape: Shape?, reason: FlywheelError)
  }

  /// Understands a value that stands for a storage, or for a call that makes a tensor.
  ///
  /// - Parameter reference: The value.
  /// - Returns: The tensor.
  func meaning(of reference: PickleGraph.Reference) -> Meaning {
    do throws(FlywheelError) {
      if case .persistent = graph[reference] { return .tensor(try whole(reference), state: nil) }
      return try tensor(reference, depth: 0)
    } catch {
      return .unreadable(
        type: error.isDamage ? "damaged tensor" : "tensor",
        shape: nil,
        reason: error.located(byteOffset: graph.offset(of: reference))
      )
    }
  }

  // MARK: Storages

  /// The storage that an identifier names.
  ///
  /// - Parameter reference: The value that stands for it.
  /// - Throws: `malformed` if it is none, `unsupported` if its type is none that is read.
  /// - Returns: The storage.
  func storage(_ reference: PickleGraph.Reference) throws(FlywheelError) -> TorchStorage {
    let offset = graph.offset(of: reference)
    guard case .persistent(let identifier) = graph[reference],
      case .tuple(let parts) = graph[identifier]
    else {
      throw FlywheelError.malformed(
        found: graph[reference].kind,
        expected: "a storage",
        at: .init(byteOffset: UInt64(offset))
      )
    }
    let arguments = TorchArguments(
      graph: graph,
      function: TorchGlobals.storage,
      references: parts,
      offset: offset
    )
    try arguments.requireCount(5...6)
    guard try arguments.text(0, "the kind") == "storage" else {
      throw FlywheelError(
        .unsupported,
        "Found the Python object of a module, which is code besides tensors; save module.state_dict().",
        at: .init(byteOffset: UInt64(offset))
      )
    }
    let type = try type(arguments.global(1, "the storage's type"), at: offset)
    // On which device it was does not matter here.
    _ = try arguments.text(3, "the device")
    return try FlywheelError.located(byteOffset: offset) { () throws(FlywheelError) in
      try TorchStorage(
        key: try arguments.text(2, "the storage's key"),
        type: type,
        count: try arguments.integer(4, "the number of elements"),
        part: try part(arguments)
      )
    }
  }

  /// Which part of a storage an identifier means: its key, where it begins, and how many elements it has.
  private func part(
    _ arguments: TorchArguments
  ) throws(FlywheelError) -> (start: Int, count: Int)? {
    guard arguments.references.count == 6, case .tuple(let view) = graph[arguments[5]] else {
      return nil
    }
    let parts = TorchArguments(
      graph: graph,
      function: TorchGlobals.storage,
      references: view,
      offset: arguments.offset
    )
    try parts.requireCount(3...3)
    return (try parts.integer(1, "the offset"), try parts.integer(2, "the number of elements"))
  }

  /// The type of a storage's elements; nil for bytes.
  private func type(_ global: PickleGlobal, at offset: Int) throws(FlywheelError) -> TorchType? {
    if global == TorchGlobals.untypedStorage { return nil }
    guard global.module == "torch", let type = TorchType.storing(global.name) else {
      throw FlywheelError(
        .unsupported,
        "The storage is a \(global), whose elements are not read; save tensors of numbers.",
        at: .init(byteOffset: UInt64(offset))
      )
    }
    return type
  }

  /// A storage that stands for itself: all of its elements.
  private func whole(_ reference: PickleGraph.Reference) throws(FlywheelError) -> TorchTensor {
    let storage = try storage(reference)
    return try TorchTensor(
      storage,
      storage.type ?? .byte,
      offset: 0,
      extents: [storage.part.count],
      strides: [1]
    )
  }

  // MARK: Tensors

  /// The tensor that a call makes.
  private func tensor(
    _ reference: PickleGraph.Reference,
    depth: Int
  ) throws(FlywheelError) -> Meaning {
    guard case .call(let function, let arguments) = graph[reference] else {
      throw FlywheelError.malformed(
        found: graph[reference].kind,
        expected: "a tensor",
        at: .init(byteOffset: UInt64(graph.offset(of: reference)))
      )
    }
    return try tensor(
      TorchArguments(
        graph: graph,
        function: function,
        references: arguments,
        offset: graph.offset(of: reference)
      ),
      depth: depth
    )
  }

  private func tensor(_ call: TorchArguments, depth: Int) throws(FlywheelError) -> Meaning {
    guard let maker = TorchMaker.all[call.function] else {
      throw FlywheelError.malformed(
        found: "a call of \(call.function)",
        expected: "one that makes a tensor",
        at: .init(byteOffset: UInt64(call.offset))
      )
    }
    guard depth <= Self.depthLimit else {
      throw FlywheelError(
        .limitExceeded,
        "Calls that make a tensor are nested more than \(Self.depthLimit) deep; PyTorch writes no such.",
        at: .init(byteOffset: UInt64(call.offset))
      )
    }
    switch maker {
    case .tensor:
      try call.requireCount(4...4)
      return .tensor(try view(call), state: nil)
    case .tensorV2:
      try call.requireCount(6...7)
      return .tensor(try view(call, signs: 6), state: nil)
    case .tensorV3:
      try call.requireCount(7...8)
      return .tensor(try view(call, as: dtype(call, 6), signs: 7), state: nil)
    case .parameter:
      try call.requireCount(3...4)
      _ = try call.bool(1, "requires_grad")
      try call.requireNoHooks(2)
      let meaning = try tensor(call[0], depth: depth + 1)
      guard call.references.count == 4, case .tensor(let tensor, _) = meaning else {
        return meaning
      }
      return .tensor(tensor, state: call[3])
    case .typed:
      try call.requireCount(4...4)
      guard case .tuple(let arguments) = graph[call[2]] else {
        throw call.malformed(2, "the arguments", "a tuple")
      }
      let meaning = try tensor(
        TorchArguments(
          graph: graph,
          function: try call.global(0, "the function"),
          references: arguments,
          offset: call.offset
        ),
        depth: depth + 1
      )
      guard case .tensor(let tensor, _) = meaning else { return meaning }
      return .tensor(tensor, state: call[3])
    case .unreadable(let kind, let remedy):
      return .unreadable(
        type: kind,
        shape: nil,
        reason: FlywheelError(
          .unsupported,
          "This is a \(kind), which is more than elements at regular distances; save \(remedy).",
          at: .init(byteOffset: UInt64(call.offset))
        )
      )
    }
  }

  /// More calls than this within each other are refused; a parameter of a subclass has three.
  private static let depthLimit = 8

  private func dtype(_ call: TorchArguments, _ place: Int) throws(FlywheelError) -> TorchType {
    let name = try call.global(place, "the dtype")
    guard name.module == "torch", let type = TorchType.named(name.name) else {
      throw FlywheelError(
        .unsupported,
        "The tensor's dtype is \(name), which is not read; save it in another.",
        at: .init(byteOffset: UInt64(graph.offset(of: call[place])))
      )
    }
    return type
  }

  /// A view of a storage: the first arguments of all functions that make one.
  private func view(
    _ arguments: TorchArguments,
    as type: TorchType? = nil,
    signs: Int? = nil
  ) throws(FlywheelError) -> TorchTensor {
    let storage = try storage(arguments[0])
    if arguments.references.count > 4 {
      _ = try arguments.bool(4, "requires_grad")
      try arguments.requireNoHooks(5)
    }
    let (offset, extents, strides) = (
      try arguments.integer(1, "the offset"),
      try arguments.integers(2, "the extents"),
      try arguments.integers(3, "the strides")
    )
    let bits = try signs.map { (place) throws(FlywheelError) in
      arguments.references.count > place ? try self.signs(arguments[place]) : []
    }
    return try FlywheelError.located(byteOffset: arguments.offset) { () throws(FlywheelError) in
      try TorchTensor(
        storage,
        type ?? storage.type ?? .byte,
        offset: offset,
        extents: extents,
        strides: strides,
        signs: bits ?? []
      )
    }
  }

  /// The bits that a tensor's metadata say: `{'conj': True}`, `{'neg': True}`.
  private func signs(
    _ reference: PickleGraph.Reference
  ) throws(FlywheelError) -> TorchTensor.Signs {
    let entries: [PickleGraph.Entry]
    switch graph[reference] {
    case .none: return []
    case .dictionary(let found): entries = found
    case let other:
      throw FlywheelError.malformed(
        found: "\(other.kind) as metadata of a tensor",
        expected: "a dictionary",
        at: .init(byteOffset: UInt64(graph.offset(of: reference)))
      )
    }
    var signs: TorchTensor.Signs = []
    for entry in entries {
      switch (graph[entry.key], graph[entry.value]) {
      case (.text("conj"), .bool(let isSet)): if isSet { signs.insert(.conjugate) }
      case (.text("neg"), .bool(let isSet)): if isSet { signs.insert(.negative) }
      default:
        throw FlywheelError(
          .unsupported,
          "The tensor has metadata that are not known here; save tensor.clone().",
          at: .init(byteOffset: UInt64(graph.offset(of: entry.key)))
        )
      }
    }
    return signs
  }
}

extension FlywheelError {
  /// The same error at an offset in the file, if it has none of its own.
  func located(byteOffset: Int) -> FlywheelError {
    var error = self
    error.location.byteOffset = location.byteOffset ?? UInt64(byteOffset)
    return error
  }

  /// Runs `body`, and gives what it throws an offset in the file, if it has none of its own.
  static func located<Value>(
    byteOffset: Int,
    _ body: () throws(FlywheelError) -> Value
  ) throws(FlywheelError) -> Value {
    do throws(FlywheelError) {
      return try body()
    } catch {
      throw error.located(byteOffset: byteOffset)
    }
  }
}
