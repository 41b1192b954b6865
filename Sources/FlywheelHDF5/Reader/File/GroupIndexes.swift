internal import FlywheelCore
internal import Synchronization

/// The links of a file's groups, each read once: a walk through the file and the look for a path share them.
///
/// In a sound file each link belongs to one group. Of a file in which thousands of groups name the same heap, each
/// that a path leads through would keep all of its links, and take the time to read them.
final class GroupIndexes: Sendable {
  private let known = Mutex<[UInt64: GroupIndex]>([:])
  /// Counts what the links take in memory.
  private let meter: ReadMeter
  /// The file, with the bytes counted that are read of all groups.
  private let structure: FileStructure

  /// Knows no group yet.
  ///
  /// - Parameter structure: The file.
  init(in structure: FileStructure) {
    let fileByteCount = structure.image.storage.byteCount
    meter = ReadMeter(fileByteCount: fileByteCount)
    self.structure = structure.metered(by: ReadMeter(fileByteCount: fileByteCount))
  }

  /// The links of a group, if they were read.
  ///
  /// - Parameter address: Where the group's header is.
  /// - Returns: The links; nil if they were not read yet.
  func index(at address: UInt64) -> GroupIndex? {
    known.withLock { $0[address] }
  }

  /// The links of a group.
  ///
  /// - Parameter group: The group.
  /// - Throws: `malformed`, `truncated` or `corrupted` if it is damaged, `limitExceeded` if the groups have more
  ///   links together than the size of the file justifies, or lead to the same bytes again and again.
  /// - Returns: The links.
  func index(of group: StructureObject) throws(FlywheelError) -> GroupIndex {
    if let index = index(at: group.address) { return index }
    // After too many links no others are read.
    try meter.spend(0)
    let index = GroupIndex(try GroupLinks.links(of: group.header, in: structure))
    return try known.withLock { (known) throws(FlywheelError) in
      // Another thread may have been faster; a group counts once.
      if let first = known[group.address] { return first }
      try meter.spend(index.byteCount)
      known[group.address] = index
      return index
    }
  }
}
