import FlywheelCore
import SystemPackage

/// One named thing in a file of PyTorch.
struct TorchMember: Sendable {
  let content: Content
  /// The key of another member that has the same elements, in the same storage; nil if there is none before.
  var twin: String?
  /// How the bytes of its storage are compressed; empty if they are not.
  var compression = ""

  enum Content: Sendable {
    /// Elements of a storage.
    case view(TorchTensor)
    /// Numbers that the pickle itself holds.
    case values(Tensor)
    /// What it is instead, its extents if they are known, and why it cannot be read.
    case unreadable(type: String, shape: Shape?, reason: FlywheelError)
  }

  /// What it is, if it can be read.
  var array: TensorDescription? {
    switch content {
    case .view(let tensor): tensor.array
    case .values(let tensor): TensorDescription(of: tensor)
    case .unreadable: nil
    }
  }

  /// What a listing shows of it.
  ///
  /// - Parameters:
  ///   - key: Its name.
  ///   - path: The file, for errors.
  ///   - isBigEndian: Whether storages have the high bytes of numbers first.
  /// - Returns: The member.
  func listed(_ key: String, in path: FilePath, isBigEndian: Bool) -> ArchiveMember {
    switch content {
    case .view(let tensor):
      var words = compression.isEmpty ? [] : [compression]
      if tensor.type.element.dtype == nil { words.append(tensor.type.name) }
      if isBigEndian { words.append("big-endian") }
      if !tensor.arrangement.isEmpty { words.append(tensor.arrangement) }
      if let twin { words.append("the same elements as \(quoted(twin))") }
      return ArchiveMember(
        key: key,
        content: .array(tensor.array),
        storage: words.joined(separator: ", "),
        twin: twin
      )
    case .values(let tensor):
      return ArchiveMember(key: key, content: .array(TensorDescription(of: tensor)))
    case .unreadable(let type, let shape, let reason):
      return ArchiveMember(
        key: key,
        content: .unreadable(
          type: type,
          shape: shape,
          reason: reason.located(path: path).about(tensor: key)
        ),
        storage: compression
      )
    }
  }
}

extension FlywheelError {
  /// The error as one about a tensor, rather than about the storage or the member of an archive that it lies in.
  func about(tensor key: String) -> FlywheelError {
    var error = self
    error.location.tensor = key
    return error
  }
}
