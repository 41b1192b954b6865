import FlywheelPickle

/// What the pickles of PyTorch name.
///
/// It is what `torch.load(weights_only=True)` allows by default (`torch/_weights_only_unpickler.py`); each is
/// allowed only what PyTorch itself writes of it.
enum TorchGlobals {
  /// What a file of `torch.save` may contain.
  static let allowList = PickleAllowList(all, hasPersistentIDs: true)

  /// The globals, with what may be done with them.
  static let all: [PickleGlobal: PickleAllowList.Uses] = {
    var all: [PickleGlobal: PickleAllowList.Uses] = [:]
    for (module, uses, names) in table {
      for name in names { all[PickleGlobal(module: module, name: name)] = uses }
    }
    for type in TorchType.all {
      all[PickleGlobal(module: "torch", name: type.name)] = []
      if let storage = type.storage { all[PickleGlobal(module: "torch", name: storage)] = [] }
    }
    return all
  }()

  private static let table: [(module: String, uses: PickleAllowList.Uses, names: [String])] = [
    ("collections", [.mapping, .called, .built], ["OrderedDict"]),
    ("collections", [.mapping, .called], ["Counter"]),
    ("_codecs", .called, ["encode"]),
    ("builtins", .called, ["bytearray", "complex", "set"]),
    (
      "torch._utils", .called,
      [
        "_rebuild_device_tensor_from_cpu_tensor", "_rebuild_device_tensor_from_numpy",
        "_rebuild_meta_tensor_no_storage", "_rebuild_nested_tensor", "_rebuild_parameter",
        "_rebuild_parameter_with_state", "_rebuild_qtensor", "_rebuild_sparse_tensor",
        "_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_wrapper_subclass",
      ]
    ),
    ("torch._tensor", .called, ["_rebuild_from_type_v2"]),
    ("torch.nn.parameter", [.called, .instantiated, .built], ["Parameter"]),
    ("torch.serialization", .called, ["_get_layout"]),
    ("torch", .called, ["Size", "device"]),
    ("torch", [], ["Tensor"]),
    // Types of elements that Flywheel does not read, which are only named.
    (
      "torch", [],
      [
        "bits16", "bits1x8", "bits2x4", "bits4x2", "bits8", "float4_e2m1fn_x2", "int1", "int2",
        "int3", "int4", "int5", "int6", "int7", "qint32", "qint8", "quint2x4", "quint4x2",
        "quint8", "uint1", "uint2", "uint3", "uint4", "uint5", "uint6", "uint7",
        "QInt32Storage", "QInt8Storage", "QUInt2x4Storage", "QUInt4x2Storage", "QUInt8Storage",
      ]
    ),
    (
      "torch", [],
      [
        "per_channel_affine", "per_channel_affine_float_qparams", "per_channel_symmetric",
        "per_tensor_affine", "per_tensor_symmetric",
      ]
    ),
    ("torch.storage", [], ["TypedStorage", "UntypedStorage"]),
  ]
}
