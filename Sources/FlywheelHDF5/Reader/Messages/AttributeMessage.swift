internal import FlywheelCore

/// An attribute of an object.
///
/// Format specification, section IV.A.2.m.
struct AttributeMessage: Sendable {
  /// Its name.
  let name: String
  /// The type of its elements.
  let datatype: Datatype
  /// Its extents.
  let dataspace: Dataspace
  /// Its elements, as many as the extents say.
  let data: StoredBytes
  /// How many bytes describe it, those of what it shares with others included.
  let storedByteCount: Int

  /// Reads a message.
  ///
  /// - Parameters:
  ///   - content: What it says.
  ///   - structure: The file, in which its type can be shared with other objects.
  /// - Throws: `malformed` or `truncated` if it is no attribute, `unsupported` for a newer version,
  ///   `limitExceeded` if the extents overflow.
  init(_ content: StoredBytes, in structure: FileStructure) throws(FlywheelError) {
    let image = structure.image
    var fields = FieldReader(content, in: image)
    let head = try Head(&fields)
    let name = try fields.terminatedName(head.nameSize, "an attribute's name")
    try fields.skip(head.padding(of: head.nameSize), "an attribute's padding")
    let type = try Self.part(head.typeSize, head, of: content, &fields, "an attribute's type")
    let space = try Self.part(head.spaceSize, head, of: content, &fields, "an attribute's space")
    let typeContent = try structure.content(of: .datatype, type, isShared: head.isTypeShared)
    let spaceContent = try structure.content(of: .dataspace, space, isShared: head.isSpaceShared)
    let datatype = try Datatype(typeContent, in: image)
    let dataspace = try Dataspace(spaceContent, in: image)
    let (byteCount, overflow) = datatype.byteCount.multipliedReportingOverflow(
      by: dataspace.shape?.elementCount ?? 0
    )
    guard !overflow else {
      let place = UInt64(space.fileOffset)
      throw FlywheelError.overflow("an attribute", at: .init(byteOffset: place))
    }
    let start = fields.position
    try fields.skip(byteCount, "an attribute's elements")
    self.name = name
    self.datatype = datatype
    self.dataspace = dataspace
    data = content.part(start..<fields.position)
    storedByteCount = content.count + typeContent.count + spaceContent.count
  }

  /// Takes the bytes of the type or the extents, and passes over their padding.
  private static func part(
    _ byteCount: Int,
    _ head: Head,
    of content: StoredBytes,
    _ fields: inout FieldReader,
    _ what: StaticString
  ) throws(FlywheelError) -> StoredBytes {
    let start = fields.position
    try fields.skip(byteCount, what)
    let end = fields.position
    try fields.skip(head.padding(of: byteCount), what)
    return content.part(start..<end)
  }

  /// What an attribute begins with.
  private struct Head {
    let version: UInt8
    let isTypeShared: Bool
    let isSpaceShared: Bool
    let nameSize: Int
    let typeSize: Int
    let spaceSize: Int

    init(_ fields: inout FieldReader) throws(FlywheelError) {
      version = try fields.version(1...3, of: "an attribute")
      let place = fields.place
      let storedFlags = try fields.uint8("an attribute's flags")
      // Version 1 has none.
      let flags = version == 1 ? 0 : storedFlags
      guard flags & ~0x03 == 0 else {
        throw fields.malformed("an attribute's flags \(flags)", expected: "0 to 3", at: place)
      }
      isTypeShared = flags & 0x01 != 0
      isSpaceShared = flags & 0x02 != 0
      nameSize = Int(try fields.uint16("the size of an attribute's name"))
      typeSize = Int(try fields.uint16("the size of an attribute's type"))
      spaceSize = Int(try fields.uint16("the size of an attribute's space"))
      if version == 3 { try fields.skip(1, "the character set of an attribute's name") }
    }

    /// How many bytes fill up a part of so many.
    func padding(of byteCount: Int) -> Int {
      version == 1 ? -byteCount & 7 : 0
    }
  }
}
