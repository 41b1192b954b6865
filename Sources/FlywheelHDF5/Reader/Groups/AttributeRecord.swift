internal import FlywheelCore

/// Where an attribute of an object is that has too many for its header.
///
/// Format specification, section III.A.2, records of type 8.
struct AttributeRecord {
  /// What names the attribute in a heap.
  let id: StoredBytes
  /// Whether it is the heap that objects share.
  let isShared: Bool
  /// The hash of the attribute's name.
  let hash: UInt32

  /// The order in which the attribute was added, and the hash.
  private static let tailByteCount = 8

  /// Reads a record.
  ///
  /// - Parameters:
  ///   - fields: Where it is; advanced behind it.
  ///   - index: The tree that it is a record of.
  /// - Throws: `truncated`.
  init(_ fields: inout FieldReader, of index: BTree2) throws(FlywheelError) {
    let rest = index.rest(of: fields)
    let idByteCount = rest.count - 1 - Self.tailByteCount
    try fields.skip(idByteCount, "what names an attribute in its heap")
    id = rest.part(0..<idByteCount)
    isShared = try fields.uint8("an attribute's flags") & 0x02 != 0
    _ = try fields.uint32("an attribute's order")
    hash = try fields.uint32("the hash of an attribute's name")
  }
}
