internal import FlywheelCore

/// The attributes of an object, however it keeps them.
///
/// Format specification, sections IV.A.2.m (attribute) and IV.A.2.v (attribute info).
struct ObjectAttributes {
  private let structure: FileStructure
  /// Where in the file the object is, for errors.
  private let place: UInt64
  private var attributes: [AttributeMessage] = []
  /// The bytes that may still be spent on types and extents.
  private var unread: Int

  /// What any object may have, and how often all bytes of its file: attributes can share their types.
  private static let freeByteCount = 16 << 20
  private static let sharingLimit = 4

  /// Reads the attributes of an object.
  ///
  /// - Parameters:
  ///   - header: The object.
  ///   - structure: The file.
  /// - Throws: `malformed` if two attributes have one name; `truncated`, `corrupted` or `malformed` if a
  ///   structure is damaged, `unsupported` as `AttributeMessage`, `limitExceeded` if attributes share so
  ///   much that the file does not justify the memory.
  /// - Returns: The attributes, in the order of their names' bytes.
  static func attributes(
    of header: ObjectHeader,
    in structure: FileStructure
  ) throws(FlywheelError) -> [AttributeMessage] {
    // Most datasets have none.
    guard header.first(.attribute) != nil || header.first(.attributeInfo) != nil else { return [] }
    var reading = ObjectAttributes(of: header, in: structure)
    try reading.read(header)
    return try reading.ordered()
  }

  private init(of header: ObjectHeader, in structure: FileStructure) {
    self.structure = structure
    place = structure.image.place(of: header.address)
    let size = structure.image.storage.byteCount
    let (limit, overflow) = size.multipliedReportingOverflow(by: Self.sharingLimit)
    unread = overflow ? .max : max(limit, Self.freeByteCount)
  }

  private mutating func read(_ header: ObjectHeader) throws(FlywheelError) {
    for message in header.messages where message.kind == .attribute {
      try add(try structure.content(of: message))
    }
    // There is one; each of several could name the same heap, to be read for each of them.
    guard let message = header.first(.attributeInfo) else { return }
    let info = try AttributeInfo(message.content(in: structure.image), in: structure.image)
    if let heap = info.heapAddress { try readDense(info, heapAddress: heap) }
  }

  /// Reads the attributes that lie in a fractal heap.
  private mutating func readDense(
    _ info: AttributeInfo,
    heapAddress: UInt64
  ) throws(FlywheelError) {
    let image = structure.image
    guard let indexAddress = info.nameIndexAddress else {
      throw malformed("a heap of attributes without an index", expected: "both")
    }
    let index = try BTree2(at: indexAddress, in: image)
    try index.require(.attributeName, at: indexAddress)
    let heap = try FractalHeap(at: heapAddress, in: image)
    try index.forEachRecord { (fields) throws(FlywheelError) in
      let record = try AttributeRecord(&fields, of: index)
      let content =
        record.isShared
        ? try structure.sharedContent(of: .attribute, record.id) : try heap.object(record.id)
      let name = try add(content)
      // The name is a local value, and its bytes are only read.
      let hash = unsafe MetadataChecksum.checksum(name.utf8Span.span.bytes)
      guard hash == record.hash else {
        throw fields.malformed(
          "another attribute's hash",
          expected: "that of its name",
          at: record.id.fileOffset
        )
      }
    }
  }

  /// Reads an attribute, and counts what it needs.
  ///
  /// - Returns: Its name.
  @discardableResult
  private mutating func add(_ content: StoredBytes) throws(FlywheelError) -> String {
    let attribute = try AttributeMessage(content, in: structure)
    guard attribute.storedByteCount <= unread else {
      throw FlywheelError(
        .limitExceeded,
        "The attributes of an object describe more than the file can hold: they name the same bytes again "
          + "and again.",
        at: .init(byteOffset: place)
      )
    }
    unread -= attribute.storedByteCount
    // Those of many objects can lie over each other in one heap.
    try structure.image.meter?.spend(attribute.storedByteCount)
    attributes.append(attribute)
    return attribute.name
  }

  private func ordered() throws(FlywheelError) -> [AttributeMessage] {
    let names = NameOrder(attributes.map(\.name))
    if let duplicate = names.duplicate {
      let name = FlywheelError.oneLine(attributes[duplicate].name)
      throw malformed("two attributes '\(name)' of an object", expected: "one")
    }
    return names.indices.map { attributes[$0] }
  }

  private func malformed(_ found: String, expected: String) -> FlywheelError {
    .malformed(found: found, expected: expected, at: .init(byteOffset: place))
  }
}
