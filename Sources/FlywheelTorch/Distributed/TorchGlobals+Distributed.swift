import FlywheelPickle

extension TorchGlobals {
  /// What the `.metadata` of a distributed checkpoint may contain: the classes of
  /// `torch/distributed/checkpoint/metadata.py` and `filesystem.py`, the latter's paths, and what they hold.
  static let distributed = PickleAllowList(
    distributedTable.reduce(into: dtypes) { globals, row in
      for name in row.names {
        globals[PickleGlobal(module: row.module, name: name)] = row.uses
      }
    },
    hasProtocol4: true
  )

  private static let dtypes = all.filter { $0.key.module == "torch" && $0.value.isEmpty }

  private typealias Row = (module: String, uses: PickleAllowList.Uses, names: [String])

  private static let distributedTable: [Row] = [
    ("torch", .called, ["Size"]),
    ("torch.serialization", .called, ["_get_layout"]),
    (
      "torch.distributed.checkpoint.metadata", [.instantiated, .built],
      [
        "BytesStorageMetadata", "ChunkStorageMetadata", "Metadata", "MetadataIndex", "StorageMeta",
        "TensorProperties", "TensorStorageMetadata",
      ]
    ),
    ("torch.distributed.checkpoint.metadata", .called, ["_MEM_FORMAT_ENCODING"]),
    // Where PyTorch 2.0 to 2.2 had them.
    (
      "torch.distributed._shard.sharded_tensor.metadata", [.instantiated, .built],
      ["TensorProperties"]
    ),
    ("torch.distributed._shard.sharded_tensor.metadata", .called, ["MEM_FORMAT_ENCODING"]),
    (
      "torch.distributed.checkpoint.filesystem", [.instantiated, .built],
      ["_StorageInfo", "_StoragePrefix"]
    ),
    ("pathlib", .called, ["PosixPath", "PurePosixPath", "PureWindowsPath", "WindowsPath"]),
    ("pathlib._local", .called, ["PosixPath", "PurePosixPath", "PureWindowsPath", "WindowsPath"]),
  ]
}
