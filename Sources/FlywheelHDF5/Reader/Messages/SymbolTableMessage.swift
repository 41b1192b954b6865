internal import FlywheelCore

/// Where the links of a group are, as old files have them.
///
/// Format specification, section IV.A.2.r.
struct SymbolTableMessage: Sendable, Hashable {
  /// Where the B-tree of version 1 is that has the links.
  let treeAddress: UInt64
  /// Where the local heap is that has their names.
  let heapAddress: UInt64

  /// Reads a message.
  ///
  /// - Parameters:
  ///   - content: What it says.
  ///   - image: The file.
  /// - Throws: `malformed` or `truncated` if it has no addresses.
  init(_ content: borrowing StoredBytes, in image: borrowing FileImage) throws(FlywheelError) {
    var fields = FieldReader(content, in: image)
    let place = fields.place
    guard let treeAddress = try fields.address("the address of a group's tree"),
      let heapAddress = try fields.address("the address of a group's heap")
    else { throw fields.malformed("no address", expected: "a group's tree and heap", at: place) }
    self.treeAddress = treeAddress
    self.heapAddress = heapAddress
  }
}
