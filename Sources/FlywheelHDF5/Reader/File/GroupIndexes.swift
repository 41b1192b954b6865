internal import FlywheelCore
internal import Synchronization

/// The links of a file's groups, each read once: a walk through the file and the look for a path share them.
final class GroupIndexes: Sendable {
  private let known = Mutex<[UInt64: GroupIndex]>([:])

  /// The links of a group, if they were read.
  ///
  /// - Parameter address: Where the group's header is.
  /// - Returns: The links; nil if they were not read yet.
  func index(at address: UInt64) -> GroupIndex? {
    known.withLock { $0[address] }
  }

  /// The links of a group.
  ///
  /// - Parameters:
  ///   - group: The group.
  ///   - structure: The file.
  /// - Throws: `malformed`, `truncated` or `corrupted` if it is damaged.
  /// - Returns: The links.
  func index(
    of group: StructureObject,
    in structure: FileStructure
  ) throws(FlywheelError) -> GroupIndex {
    if let index = index(at: group.address) { return index }
    let index = GroupIndex(try GroupLinks.links(of: group.header, in: structure))
    known.withLock { $0[group.address] = index }
    return index
  }
}
