/// One name in a group.
public struct HDF5Member: Sendable, Hashable {
  /// The name, without the path of the group.
  public let name: String
  /// What the name stands for.
  public let kind: Kind

  /// What a name in a group stands for.
  public enum Kind: Sendable, Hashable {
    /// A group.
    case group
    /// A dataset.
    case dataset
    /// A datatype with a name.
    case namedType
    /// A path within the same file: from the root with a slash in front, else from the group. Flywheel
    /// follows it, at most 16 of them in a row.
    case softLink(target: String)
    /// A path in another file; Flywheel does not follow it.
    case externalLink(file: String, target: String)
    /// Something that this version does not know.
    case other
  }
}
