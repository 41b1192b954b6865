import FlywheelCore
import FlywheelTorch

extension FileFormat {
  /// What `torch.save` writes: `TorchFile`, `TorchWriter`.
  public static let pt = FileFormat(
    name: "PyTorch",
    identifier: "pt",
    suffixes: [".pt", ".pth", ".ckpt", ".bin"],
    defaultCompression: nil,
    dialect: "pytorch",
    recognizes: { start in
      guard let kind = start.torchKind else { return false }
      return kind != .archive || start.hasZipMember { $0.hasSuffix("/data.pkl") }
    },
    opens: { (path, checks) throws(FlywheelError) in
      try TorchFile(path: path, verifiesChecksums: checks == .checksums)
    },
    creates: { (path, creation) throws(FlywheelError) in
      try TorchWriter(creating: path, durability: creation.durability)
    }
  )

  /// What the Trainer of transformers saves at a step: a directory of files of PyTorch and safetensors.
  public static let trainerFolder = FileFormat(
    name: "a checkpoint of transformers",
    identifier: "hf_checkpoint",
    suffixes: [],
    defaultCompression: nil,
    recognizes: { start in start.byteCount == nil && TrainerFolder.recognizes(start.names) },
    opens: { (path, checks) throws(FlywheelError) in
      try TrainerFolder.open(path, verifiesChecksums: checks == .checksums)
    },
    creates: { (path, _) throws(FlywheelError) in
      throw FlywheelError(
        .unsupported,
        "Checkpoints of transformers are read only; write .safetensors or .pt.",
        at: .init(path: path)
      )
    }
  )
}
