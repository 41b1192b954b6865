/// What the nodes at one height of a B-tree of version 2 may hold, which follows from their size.
///
/// The sizes of fields in inner nodes depend on it. Format specification, section III.A.2.
struct BTree2Level: Sendable {
  /// The signature, the version and the type of the records, which nodes begin with.
  static let prefixByteCount = 6
  /// What they end with.
  static let checksumByteCount = 4

  /// The most records in a node.
  let recordLimit: UInt64
  /// The most records in a node and all below it.
  let totalLimit: UInt64
  /// How many bytes the number of a child's own records takes.
  let countByteCount: Int
  /// How many bytes the number of records in and below a child takes; 0 if children are leaves.
  let totalByteCount: Int
  /// How many bytes describe a child; 0 in leaves.
  let pointerByteCount: Int

  /// The levels of a tree, leaves first.
  ///
  /// - Parameters:
  ///   - depth: How many levels of inner nodes there are.
  ///   - nodeByteCount: The size of nodes.
  ///   - recordByteCount: The size of records.
  ///   - offsetSize: The size of addresses.
  /// - Returns: The levels; nil if nodes hold nothing, or more in all than 64 bits count.
  static func levels(
    depth: Int,
    nodeByteCount: UInt64,
    recordByteCount: UInt64,
    offsetSize: Int
  ) -> [BTree2Level]? {
    let overhead = UInt64(prefixByteCount + checksumByteCount)
    guard recordByteCount > 0, nodeByteCount >= overhead + recordByteCount else { return nil }
    let room = nodeByteCount - overhead
    let leafLimit = room / recordByteCount
    let countByteCount = UInt64.byteCount(upTo: leafLimit)
    var level = BTree2Level(
      recordLimit: leafLimit,
      totalLimit: leafLimit,
      countByteCount: countByteCount,
      totalByteCount: 0,
      pointerByteCount: 0
    )
    var levels = [level]
    // Totals at least double with each level, so that they overflow before there are many.
    for height in 0..<depth {
      let totalByteCount = height == 0 ? 0 : UInt64.byteCount(upTo: level.totalLimit)
      let pointerByteCount = offsetSize + countByteCount + totalByteCount
      let pointer = UInt64(pointerByteCount)
      guard room >= recordByteCount + 2 * pointer else { return nil }
      let limit = (room - pointer) / (recordByteCount + pointer)
      let (below, isTooLarge) = level.totalLimit.multipliedReportingOverflow(by: limit + 1)
      let (total, isTooLargeWithOwn) = below.addingReportingOverflow(limit)
      if isTooLarge || isTooLargeWithOwn { return nil }
      level = BTree2Level(
        recordLimit: limit,
        totalLimit: total,
        countByteCount: countByteCount,
        totalByteCount: totalByteCount,
        pointerByteCount: pointerByteCount
      )
      levels.append(level)
    }
    return levels
  }
}
