import FlywheelCore
import FlywheelTorch

extension FileFormat {
  /// What `torch.distributed.checkpoint` writes: `DistributedCheckpoint`.
  public static let dcp = FileFormat(
    name: "PyTorch's distributed checkpoint",
    identifier: "dcp",
    suffixes: [],
    defaultCompression: nil,
    recognizes: { start in
      start.file(named: DistributedCheckpoint.metadataName)?.begins(with: [0x80]) ?? false
    },
    opens: { (path, checks) throws(FlywheelError) in
      try DistributedCheckpoint(path: path, verifiesChecksums: checks == .checksums)
    },
    creates: { (path, _) throws(FlywheelError) in
      throw FlywheelError(
        .unsupported,
        "Distributed checkpoints of PyTorch are read only; write .pt, .npz or .h5.",
        at: .init(path: path)
      )
    }
  )
}
