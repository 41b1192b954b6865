import FlywheelCore
import FlywheelTorch

extension FileFormat {
  /// What `torch.save` writes: `TorchFile`, `TorchWriter`.
  public static let pt = FileFormat(
    name: "PyTorch",
    identifier: "pt",
    suffixes: [".pt", ".pth", ".ckpt", ".bin"],
    defaultCompression: nil,
    hasChecksums: true,
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
}
