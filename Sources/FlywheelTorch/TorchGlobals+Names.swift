import FlywheelPickle

extension TorchGlobals {
  static let counter = PickleGlobal(module: "collections", name: "Counter")
  static let orderedDictionary = PickleGlobal(module: "collections", name: "OrderedDict")
  static let encode = PickleGlobal(module: "_codecs", name: "encode")
  static let byteArray = PickleGlobal(module: "builtins", name: "bytearray")
  static let bytes = PickleGlobal(module: "builtins", name: "bytes")
  static let complex = PickleGlobal(module: "builtins", name: "complex")
  static let set = PickleGlobal(module: "builtins", name: "set")
  static let size = PickleGlobal(module: "torch", name: "Size")
  static let device = PickleGlobal(module: "torch", name: "device")
  static let layout = PickleGlobal(module: "torch.serialization", name: "_get_layout")
  static let untypedStorage = PickleGlobal(module: "torch.storage", name: "UntypedStorage")
  static let numpyType = PickleGlobal(module: "numpy", name: "dtype")
  static let array = PickleGlobal(module: "numpy", name: "ndarray")
  /// What the identifiers of storages are called in errors.
  static let storage = PickleGlobal(module: "torch", name: "storage")

  /// What a file may contain under a name with its module, as Python writes it; nil if there is no such.
  static func named(_ text: String) -> PickleGlobal? {
    guard let dot = text.unicodeScalars.lastIndex(of: ".") else { return nil }
    let global = PickleGlobal(
      module: String(text[..<dot]),
      name: String(text[text.unicodeScalars.index(after: dot)...])
    )
    return all[global] == nil ? nil : global
  }

  /// A function of `torch/_utils.py`.
  static func utility(_ name: String) -> PickleGlobal {
    PickleGlobal(module: "torch._utils", name: name)
  }
}
