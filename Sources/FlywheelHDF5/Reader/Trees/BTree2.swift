internal import FlywheelCore

/// A B-tree of version 2: records of one size, in order.
///
/// Nodes are read when they are visited, and each is held against its checksum. Format specification, section
/// III.A.2.
struct BTree2: Sendable {
  /// What the records describe, as the format numbers it.
  let recordType: UInt8
  /// The size of a record.
  let recordByteCount: Int
  /// The number of records in the whole tree.
  let recordCount: UInt64

  let image: FileImage
  /// The root; nil if there are no records.
  private let root: Child?
  /// What nodes may hold, leaves first, the root last.
  private let levels: [BTree2Level]

  /// A node as its parent describes it.
  private struct Child {
    let address: UInt64
    /// How many records it has itself.
    let ownCount: UInt64
    /// How many it has with all below it.
    let totalCount: UInt64
  }

  /// Reads the header of a tree.
  ///
  /// - Parameters:
  ///   - address: Where it is.
  ///   - image: The file.
  /// - Throws: `truncated`, `corrupted`, `malformed`; `unsupported` if it is of another version.
  init(at address: UInt64, in image: FileImage) throws(FlywheelError) {
    let size = 4 + 2 + 4 + 2 + 2 + 2 + image.offsetSize + 2 + image.lengthSize
    let header = try image.bytes(at: address, UInt64(size + 4), "a B-tree's header")
    var fields = FieldReader(header, in: image)
    try fields.signature("BTHD", of: "a B-tree's header")
    try header.requireChecksum("a B-tree's header")
    try fields.version(0, of: "a B-tree")
    recordType = try fields.uint8("the type of a B-tree's records")
    let levelsPlace = fields.place
    let nodeByteCount = UInt64(try fields.uint32("the size of a B-tree's nodes"))
    let recordByteCount = UInt64(try fields.uint16("the size of a B-tree's records"))
    let depth = try fields.uint16("the depth of a B-tree")
    try fields.skip(2, "a B-tree's percents")
    let rootPlace = fields.place
    let root = try fields.address("a B-tree's root")
    let ownCount = UInt64(try fields.uint16("the records of a B-tree's root"))
    recordCount = try fields.length("the number of a B-tree's records")
    let levels = BTree2Level.levels(
      depth: Int(depth),
      nodeByteCount: nodeByteCount,
      recordByteCount: recordByteCount,
      offsetSize: image.offsetSize
    )
    guard let levels else {
      throw fields.malformed(
        "\(depth) levels of nodes of \(nodeByteCount) bytes for records of \(recordByteCount)",
        expected: "nodes that can hold records",
        at: levelsPlace
      )
    }
    guard root != nil || (recordCount == 0 && depth == 0) else {
      throw fields.malformed("no root", expected: "\(recordCount) records", at: rootPlace)
    }
    let total = recordCount
    self.root = root.map { Child(address: $0, ownCount: ownCount, totalCount: total) }
    self.recordByteCount = Int(recordByteCount)
    self.levels = levels
    self.image = image
  }

  /// Visits the records, in order.
  ///
  /// - Parameter visit: Called with the fields of each record.
  /// - Throws: `truncated`, `corrupted` or `malformed` if a node is damaged, and what `visit` throws.
  /// - Complexity: No more than the bytes of the file, whatever the nodes say.
  func forEachRecord(
    _ visit: (inout FieldReader) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    guard let root else { return }
    var budget = ReadingBudget(of: image)
    try visitNode(root, level: levels.count - 1, &budget, visit)
  }

  private func visitNode(
    _ child: Child,
    level: Int,
    _ budget: inout ReadingBudget,
    _ visit: (inout FieldReader) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    let node = try node(child, level: level, &budget)
    var records = FieldReader(node.records, in: image)
    guard level > 0 else {
      guard child.ownCount == child.totalCount else { throw wrongTotal(child) }
      while records.remaining > 0 { try visitRecord(&records, visit) }
      return
    }
    var pointers = FieldReader(node.pointers, in: image)
    var total = child.ownCount
    while true {
      let below = try nextChild(&pointers, level: level)
      let (sum, overflow) = total.addingReportingOverflow(below.totalCount)
      guard !overflow else { throw wrongTotal(child) }
      total = sum
      try visitNode(below, level: level - 1, &budget, visit)
      guard records.remaining > 0 else { break }
      try visitRecord(&records, visit)
    }
    guard total == child.totalCount else { throw wrongTotal(child) }
  }

  /// What a node consists of.
  private struct Node {
    let records: StoredBytes
    /// One more child than records; none in a leaf.
    let pointers: StoredBytes
  }

  private func node(
    _ child: Child,
    level: Int,
    _ budget: inout ReadingBudget
  ) throws(FlywheelError) -> Node {
    let form = levels[level]
    guard child.ownCount <= form.recordLimit else {
      throw malformed(
        "\(child.ownCount) records in a B-tree's node",
        "at most \(form.recordLimit)",
        child
      )
    }
    let ownCount = Int(child.ownCount)
    let recordsEnd = BTree2Level.prefixByteCount + ownCount * recordByteCount
    let end = level == 0 ? recordsEnd : recordsEnd + (ownCount + 1) * form.pointerByteCount
    let byteCount = UInt64(end + BTree2Level.checksumByteCount)
    let bytes = try image.bytes(at: child.address, byteCount, "a B-tree's node")
    try requirePrefix(of: bytes, level: level)
    try budget.spend(bytes.count, "nodes", of: "a B-tree", at: bytes.fileOffset)
    return Node(
      records: bytes.part(BTree2Level.prefixByteCount..<recordsEnd),
      pointers: bytes.part(recordsEnd..<end)
    )
  }

  /// Holds what a node begins with against the tree, and the node against its checksum.
  private func requirePrefix(
    of bytes: StoredBytes,
    level: Int
  ) throws(FlywheelError) {
    var prefix = FieldReader(bytes, in: image)
    if level == 0 {
      try prefix.signature("BTLF", of: "a B-tree's leaf")
    } else {
      try prefix.signature("BTIN", of: "a B-tree's inner node")
    }
    try bytes.requireChecksum("a B-tree's node")
    try prefix.version(0, of: "a B-tree's node")
    let typePlace = prefix.place
    let type = try prefix.uint8("the type of a node's records")
    guard type == recordType else {
      throw prefix.malformed(
        "records of type \(type)",
        expected: "type \(recordType)",
        at: typePlace
      )
    }
  }

  private func visitRecord(
    _ records: inout FieldReader,
    _ visit: (inout FieldReader) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    let place = records.place
    let bytes = try records.take(recordByteCount, "a B-tree's record")
    var fields = FieldReader(bytes, fileOffset: place, in: image)
    try visit(&fields)
  }

  private func nextChild(
    _ pointers: inout FieldReader,
    level: Int
  ) throws(FlywheelError) -> Child {
    let form = levels[level]
    let place = pointers.place
    let address = try pointers.address("the address of a B-tree's node")
    let ownCount = try pointers.uint(form.countByteCount, "the records of a B-tree's node")
    // Of a leaf, the total is the number of its records.
    let totalCount =
      level == 1 ? ownCount : try pointers.uint(form.totalByteCount, "the records below a node")
    guard let address else {
      throw pointers.malformed("no address", expected: "a B-tree's node", at: place)
    }
    return Child(address: address, ownCount: ownCount, totalCount: totalCount)
  }

  private func wrongTotal(_ node: Child) -> FlywheelError {
    malformed("another number of records", "\(node.totalCount) in and below a B-tree's node", node)
  }

  private func malformed(_ found: String, _ expected: String, _ node: Child) -> FlywheelError {
    FlywheelError.malformed(
      found: found,
      expected: expected,
      at: .init(byteOffset: image.place(of: node.address))
    )
  }
}
