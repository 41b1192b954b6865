internal import FlywheelCore

/// Where the links of a group are that has too many for its header.
///
/// Format specification, section IV.A.2.c.
struct LinkInfo: Sendable, Hashable {
  /// Where the fractal heap is that has the links; nil if they are in the header.
  let heapAddress: UInt64?
  /// Where the B-tree is that finds them by their names.
  let nameIndexAddress: UInt64?
  /// Where the B-tree is that has them in the order in which they were added.
  let orderIndexAddress: UInt64?
  /// Whether the group knows in which order links were added.
  let tracksOrder: Bool

  /// Reads a message.
  ///
  /// - Parameters:
  ///   - content: What it says.
  ///   - image: The file.
  /// - Throws: `malformed` or `truncated` if it is another message.
  init(_ content: borrowing StoredBytes, in image: borrowing FileImage) throws(FlywheelError) {
    var fields = FieldReader(content, in: image)
    try fields.version(0, of: "link info")
    let flags = try fields.uint8("link info's flags")
    tracksOrder = flags & 0x01 != 0
    if tracksOrder { try fields.skip(8, "the greatest order of links") }
    heapAddress = try fields.address("the address of links")
    nameIndexAddress = try fields.address("the address of links' names")
    orderIndexAddress = flags & 0x02 != 0 ? try fields.address("the address of links' order") : nil
  }
}
