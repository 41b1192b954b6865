internal import FlywheelCore

/// The B-tree of version 1 that finds the links of an old group.
///
/// It has no checksums. Format specification, sections III.A.1 and III.B.
struct GroupTree {
  private let image: FileImage
  private var budget: ReadingBudget

  /// Looks into the trees of a file.
  ///
  /// - Parameter image: The file.
  init(in image: FileImage) {
    self.image = image
    budget = ReadingBudget(of: image)
  }

  /// Visits the links, in the order of the tree.
  ///
  /// - Parameters:
  ///   - root: Where the root of the tree is.
  ///   - visit: Called with each link.
  /// - Throws: `truncated`, `malformed` or `unsupported` if a node is damaged, and what `visit` throws.
  /// - Complexity: No more than the bytes of the file, whatever the nodes say.
  mutating func forEachEntry(
    at root: UInt64,
    _ visit: (SymbolTableEntry) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    try visitNode(root, level: nil, visit)
  }

  /// Visits the links below a node; the level of the root is what it says itself.
  private mutating func visitNode(
    _ address: UInt64,
    level expected: UInt8?,
    _ visit: (SymbolTableEntry) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    let prefixSize = 8 + 2 * image.offsetSize
    let prefix = try image.bytes(at: address, UInt64(prefixSize), "a group's tree")
    var fields = FieldReader(prefix, in: image)
    try fields.signature("TREE", of: "a group's tree")
    let typePlace = fields.place
    let type = try fields.uint8("the type of a tree")
    guard type == 0 else {
      throw fields.malformed("a tree of type \(type)", expected: "a group's, 0", at: typePlace)
    }
    let levelPlace = fields.place
    let level = try fields.uint8("the level of a node")
    guard level == expected ?? level else {
      throw fields.malformed("a node of level \(level)", expected: "one below", at: levelPlace)
    }
    let count = Int(try fields.uint16("the number of a node's children"))
    // Each child has a key in front, and the last one another behind.
    let size = prefixSize + count * (image.lengthSize + image.offsetSize) + image.lengthSize
    let node = try image.bytes(at: address, UInt64(size), "a group's tree")
    try budget.spend(node.count, "nodes", of: "a group's tree", at: node.fileOffset)
    let entries = node.part(prefixSize..<size)
    var children = FieldReader(entries, in: image)
    for _ in 0..<count {
      try children.skip(image.lengthSize, "a key of a group's tree")
      let place = children.place
      guard let child = try children.address("a node of a group's tree") else {
        throw children.malformed("no address", expected: "a node of a group's tree", at: place)
      }
      if level == 0 {
        try visitLeaf(child, visit)
      } else {
        try visitNode(child, level: level - 1, visit)
      }
    }
  }

  /// Visits the links of a symbol table node.
  private mutating func visitLeaf(
    _ address: UInt64,
    _ visit: (SymbolTableEntry) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    let prefixSize = 8
    let prefix = try image.bytes(at: address, UInt64(prefixSize), "a symbol table node")
    var fields = FieldReader(prefix, in: image)
    try fields.signature("SNOD", of: "a symbol table node")
    try fields.version(1, of: "a symbol table node")
    try fields.skip(1, "a reserved byte")
    let count = Int(try fields.uint16("the number of symbols"))
    let size = prefixSize + count * SymbolTableEntry.byteCount(in: image)
    let node = try image.bytes(at: address, UInt64(size), "a symbol table node")
    try budget.spend(node.count, "nodes", of: "a group's tree", at: node.fileOffset)
    let entryBytes = node.part(prefixSize..<size)
    var entries = FieldReader(entryBytes, in: image)
    while entries.remaining > 0 { try visit(try SymbolTableEntry(&entries)) }
  }
}
