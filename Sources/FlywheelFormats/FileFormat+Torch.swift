import FlywheelCore
import FlywheelTorch

extension FileFormat {
  /// What `torch.load` reads: `TorchWriter`.
  public static let pt = FileFormat(
    name: "PyTorch",
    identifier: "pt",
    suffixes: [".pt", ".pth", ".ckpt", ".bin"],
    defaultCompression: nil,
    hasChecksums: true,
    dialect: "pytorch",
    recognizes: { _ in false },
    opens: { (path, _) throws(FlywheelError) in
      throw FlywheelError(.unsupported, "Files of PyTorch are written only.", at: .init(path: path))
    },
    creates: { (path, creation) throws(FlywheelError) in
      try TorchWriter(creating: path, durability: creation.durability)
    }
  )
}
