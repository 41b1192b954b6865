import FlywheelPickle

/// What a function of PyTorch makes of its arguments: the ways in which a pickle describes a tensor.
enum TorchMaker: Sendable {
  /// A tensor of a storage, the offset in it, the extents and the strides.
  case tensor
  /// As `tensor`, then whether it requires gradients, hooks, and maybe metadata.
  case tensorV2
  /// As `tensorV2`, with a dtype before the metadata.
  case tensorV3
  /// A parameter of a tensor, whether it requires gradients, hooks, and maybe the attributes of its object.
  case parameter
  /// An object of a class: a function, the class, the function's arguments, and the object's attributes.
  case typed
  /// A tensor that cannot be read: what it is, and what to save instead.
  case unreadable(String, remedy: String)

  /// The functions, all of `torch/_utils.py` but the last.
  static let all: [PickleGlobal: TorchMaker] = [
    TorchGlobals.utility("_rebuild_tensor"): .tensor,
    TorchGlobals.utility("_rebuild_tensor_v2"): .tensorV2,
    TorchGlobals.utility("_rebuild_tensor_v3"): .tensorV3,
    TorchGlobals.utility("_rebuild_parameter"): .parameter,
    TorchGlobals.utility("_rebuild_parameter_with_state"): .parameter,
    TorchGlobals.utility("_rebuild_sparse_tensor"):
      .unreadable("sparse tensor", remedy: "tensor.to_dense()"),
    TorchGlobals.utility("_rebuild_qtensor"):
      .unreadable("quantised tensor", remedy: "tensor.dequantize() or tensor.int_repr()"),
    TorchGlobals.utility("_rebuild_nested_tensor"):
      .unreadable("nested tensor", remedy: "the tensors of tensor.unbind()"),
    TorchGlobals.utility("_rebuild_meta_tensor_no_storage"):
      .unreadable("meta tensor", remedy: "the tensor once it has elements"),
    TorchGlobals.utility("_rebuild_wrapper_subclass"):
      .unreadable("wrapped tensor", remedy: "the tensors that it wraps"),
    TorchGlobals.utility("_rebuild_device_tensor_from_cpu_tensor"):
      .unreadable("tensor of another device", remedy: "tensor.cpu()"),
    TorchGlobals.utility("_rebuild_device_tensor_from_numpy"):
      .unreadable("tensor of another device", remedy: "tensor.cpu()"),
    PickleGlobal(module: "torch._tensor", name: "_rebuild_from_type_v2"): .typed,
  ]
}
