import FlywheelCore
import FlywheelPickle
import OrderedCollections

/// The pickle of a PyTorch file, `data.pkl`: containers, values, and tensors that name their storages.
///
/// `torch/serialization.py` and `Tensor.__reduce_ex__` in `torch/_tensor.py` say what it contains.
struct TorchPickler {
  /// A tensor whose elements are a storage of the file.
  struct Tensor {
    var type: TorchType
    var shape: Shape
    /// The number of the storage.
    var storage: Int
  }

  private let nesting: TorchNesting
  private let tensors: [String: Tensor]
  private let numbers: [String: TorchValue]
  private var pickle = PickleWriter()

  /// Pickles what a file holds.
  ///
  /// - Parameters:
  ///   - nesting: Where everything lies.
  ///   - tensors: The tensors, by their flat names.
  ///   - numbers: What flat names stand for instead of tensors.
  /// - Returns: The bytes.
  static func bytes(
    of nesting: TorchNesting,
    _ tensors: [String: Tensor],
    _ numbers: [String: TorchValue]
  ) -> [UInt8] {
    var pickle = TorchPickler(nesting: nesting, tensors: tensors, numbers: numbers)
    pickle.write(nesting.root)
    return pickle.pickle.finish()
  }

  private init(nesting: TorchNesting, tensors: [String: Tensor], numbers: [String: TorchValue]) {
    self.nesting = nesting
    self.tensors = tensors
    self.numbers = numbers
  }

  // MARK: Containers

  private mutating func write(container path: String) {
    let entries = nesting.containers[path] ?? [:]
    let kind = nesting.kind(of: path)
    if kind.isSequence {
      write(TorchNesting.items(of: entries) ?? [], as: kind) { $0.write($1) }
      return
    }
    switch kind {
    case .ordered: pickle.beginDictionary(of: TorchGlobals.orderedDictionary)
    case .counter:
      pickle.beginCall(of: TorchGlobals.counter)
      pickle.beginDictionary()
    default: pickle.beginDictionary()
    }
    for (name, entry) in entries {
      write(nesting.key(of: name, in: path))
      write(entry)
    }
    pickle.end()
    if kind == .counter { pickle.end() }
  }

  /// Writes a list, or what is made of one.
  private mutating func write<Item>(
    _ items: [Item],
    as kind: TorchForm.Kind,
    _ write: (inout TorchPickler, Item) -> Void
  ) {
    let maker = [.set: TorchGlobals.set, .size: TorchGlobals.size][kind]
    if let maker { pickle.beginCall(of: maker) }
    if kind == .tuple || kind == .size { pickle.beginTuple() } else { pickle.beginList() }
    for item in items { write(&self, item) }
    pickle.end()
    if maker != nil { pickle.end() }
  }

  private mutating func write(_ key: TorchKey) {
    switch key {
    case .none: pickle.writeNone()
    case .bool(let value): pickle.write(value)
    case .integer(let number): pickle.write(number)
    case .double(let number): pickle.write(number)
    case .text(let text): pickle.write(text)
    case .global(let name):
      if let global = TorchGlobals.named(name) { pickle.write(global) } else { pickle.write(name) }
    case .tuple(let parts): write(parts, as: .tuple) { $0.write($1) }
    }
  }

  private mutating func write(_ entry: TorchNesting.Entry) {
    switch entry {
    case .container(let path): write(container: path)
    case .value(let value): write(value)
    case .tensor(let key):
      if let tensor = tensors[key] {
        write(tensor)
      } else if let number = numbers[key] {
        write(number)
      } else {
        pickle.writeNone()
      }
    }
  }

  private mutating func write(_ value: TorchValue) {
    switch value {
    case .none: pickle.writeNone()
    case .bool(let flag): pickle.write(flag)
    case .integer(let number): pickle.write(number)
    case .double(let number): pickle.write(number)
    case .text(let text): pickle.write(text)
    case .list(let values): write(values, as: .list) { $0.write($1) }
    case .tuple(let values): write(values, as: .tuple) { $0.write($1) }
    case .set(let values): write(values, as: .set) { $0.write($1) }
    case .size(let values): write(values, as: .size) { $0.write($1) }
    case .bytes(let bytes): write(bytes)
    case .byteArray(let bytes):
      pickle.beginCall(of: TorchGlobals.byteArray)
      write(bytes)
      pickle.end()
    case .global(let global): pickle.write(global)
    case .device(let name): write(call: TorchGlobals.device, of: name)
    case .layout(let name): write(call: TorchGlobals.layout, of: name)
    }
  }

  private mutating func write(call function: PickleGlobal, of text: String) {
    pickle.beginCall(of: function)
    pickle.write(text)
    pickle.end()
  }

  /// Writes bytes, which protocol 2 has as a text of as many characters.
  private mutating func write(_ bytes: [UInt8]) {
    pickle.beginCall(of: TorchGlobals.encode)
    pickle.write(String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) })))
    pickle.write("latin1")
    pickle.end()
  }

  // MARK: Tensors

  private mutating func write(_ tensor: Tensor) {
    // Types without a storage of their own came with the third version.
    let function = tensor.type.storage == nil ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2"
    pickle.beginCall(of: PickleGlobal(module: "torch._utils", name: function))
    writeStorage(of: tensor)
    pickle.write(0 as Int64)  // where in the storage it begins
    pickle.write(tuple: tensor.shape.extents)
    pickle.write(tuple: tensor.shape.strides)
    pickle.write(false)  // no gradient
    pickle.beginDictionary(of: TorchGlobals.orderedDictionary)  // no hooks
    pickle.end()
    if tensor.type.storage == nil {
      pickle.write(PickleGlobal(module: "torch", name: tensor.type.name))
    }
    pickle.end()
  }

  private mutating func writeStorage(of tensor: Tensor) {
    let type = tensor.type
    pickle.beginPersistentID()
    pickle.write("storage")
    if let storage = type.storage {
      pickle.write(PickleGlobal(module: "torch", name: storage))
    } else {
      pickle.write(PickleGlobal(module: "torch.storage", name: "UntypedStorage"))
    }
    pickle.write("\(tensor.storage)")
    pickle.write("cpu")
    // An untyped storage has as many elements as bytes.
    let byteCount = tensor.shape.elementCount * type.element.byteCount
    pickle.write(Int64(type.storage == nil ? byteCount : tensor.shape.elementCount))
    pickle.end()
  }
}

extension Shape {
  /// How many elements further the next along each axis is, row-major.
  ///
  /// PyTorch counts an axis without elements as if it had one; a shape is valid only if no product of its other
  /// extents overflows.
  fileprivate var strides: [Int] {
    var strides: [Int] = []
    var stride = 1
    for extent in extents.reversed() {
      strides.append(stride)
      stride *= max(1, extent)
    }
    return strides.reversed()
  }
}
