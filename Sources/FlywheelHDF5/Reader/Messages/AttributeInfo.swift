internal import FlywheelCore

/// Where the attributes of an object are that has too many for its header.
///
/// Format specification, section IV.A.2.v.
struct AttributeInfo: Sendable, Hashable {
  /// Where the fractal heap is that has the attributes; nil if they are in the header.
  let heapAddress: UInt64?
  /// Where the B-tree is that finds them by their names.
  let nameIndexAddress: UInt64?

  /// Reads a message.
  ///
  /// - Parameters:
  ///   - content: What it says.
  ///   - image: The file.
  /// - Throws: `malformed` or `truncated` if it is another message.
  init(_ content: borrowing StoredBytes, in image: borrowing FileImage) throws(FlywheelError) {
    var fields = FieldReader(content, in: image)
    try fields.version(0, of: "attribute info")
    let flags = try fields.uint8("attribute info's flags")
    // The order in which attributes were added is not what they are read in.
    if flags & 0x01 != 0 { try fields.skip(2, "the greatest order of attributes") }
    heapAddress = try fields.address("the address of attributes")
    nameIndexAddress = try fields.address("the address of attributes' names")
    if flags & 0x02 != 0 { _ = try fields.address("the address of attributes' order") }
  }
}
