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
  private let integers: [String: Int64]
  private var pickle = PickleWriter()

  /// Pickles what a file holds.
  ///
  /// - Parameters:
  ///   - nesting: Where everything lies.
  ///   - tensors: The tensors, by their flat names.
  ///   - integers: What flat names stand for instead of tensors.
  /// - Returns: The bytes.
  static func bytes(
    of nesting: TorchNesting,
    _ tensors: [String: Tensor],
    _ integers: [String: Int64]
  ) -> [UInt8] {
    var pickle = TorchPickler(nesting: nesting, tensors: tensors, integers: integers)
    pickle.write(container: "")
    return pickle.pickle.finish()
  }

  private init(nesting: TorchNesting, tensors: [String: Tensor], integers: [String: Int64]) {
    self.nesting = nesting
    self.tensors = tensors
    self.integers = integers
  }

  // MARK: Containers

  private mutating func write(container path: String) {
    let entries = nesting.containers[path] ?? [:]
    let kind = nesting.kind(of: path)
    if kind == .plain, let items = Self.items(of: entries) {
      pickle.beginList()
      for item in items { write(item) }
    } else {
      if kind == .module {
        pickle.beginDictionary(of: Self.orderedDictionary)
      } else {
        pickle.beginDictionary()
      }
      for (name, entry) in entries {
        if kind == .numbered, let number = Int64(name), "\(number)" == name {
          pickle.write(number)
        } else {
          pickle.write(name)
        }
        write(entry)
      }
    }
    pickle.end()
  }

  private static let orderedDictionary = PickleGlobal(module: "collections", name: "OrderedDict")

  /// The entries in order if their names are the numbers from 0 on.
  static func items(
    of entries: OrderedDictionary<String, TorchNesting.Entry>
  ) -> [TorchNesting.Entry]? {
    guard !entries.isEmpty else { return nil }
    var items: [TorchNesting.Entry] = []
    for number in entries.values.indices {
      guard let entry = entries["\(number)"] else { return nil }
      items.append(entry)
    }
    return items
  }

  private mutating func write(_ entry: TorchNesting.Entry) {
    switch entry {
    case .container(let path): write(container: path)
    case .value(let value): write(value)
    case .tensor(let key):
      if let tensor = tensors[key] {
        write(tensor)
      } else if let number = integers[key] {
        pickle.write(number)
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
    case .list(let values):
      pickle.beginList()
      for value in values { write(value) }
      pickle.end()
    case .tuple(let values):
      pickle.beginTuple()
      for value in values { write(value) }
      pickle.end()
    }
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
    pickle.beginDictionary(of: Self.orderedDictionary)  // no hooks
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
