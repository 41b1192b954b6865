internal import FlywheelCore

/// The messages that describe a group, a dataset or a datatype.
///
/// Format specification, sections IV.A.1.a (version 1) and IV.A.1.b (version 2).
struct ObjectHeader: Sendable {
  /// Where the header is.
  let address: UInt64
  /// How many bytes it has in all its blocks.
  let byteCount: Int
  /// Its messages, without those that were taken away and those that say where it goes on.
  let messages: [HeaderMessage]
  /// Whether it knows in which order attributes were added.
  let tracksAttributeOrder: Bool

  /// The most bytes that there are in front of the messages.
  private static let longestPrefix = 34

  /// Reads the header at an address, with all blocks that it goes on in.
  ///
  /// - Parameters:
  ///   - address: Where it is.
  ///   - image: The file.
  /// - Throws: `malformed` or `truncated` if there is none, or it does not fit together; `corrupted` if a
  ///   checksum does not match; `unsupported` if it must not be read without knowing what a message means.
  init(at address: UInt64, in image: FileImage) throws(FlywheelError) {
    let start = try image.bytes(at: address, upTo: Self.longestPrefix, "an object header")
    var fields = FieldReader(start, in: image)
    let version = try fields.uint8("an object header's version")
    let prefix = version == 1 ? try Self.oldPrefix(start, image) : try Self.newPrefix(start, image)
    let (size, overflow) = prefix.messageByteCount.addingReportingOverflow(
      UInt64(prefix.byteCount + prefix.format.checksumSize)
    )
    guard !overflow else {
      throw FlywheelError.overflow(
        "an object header",
        at: .init(byteOffset: UInt64(start.fileOffset))
      )
    }
    let block = try image.bytes(at: address, size, "an object header")
    if prefix.format.checksumSize > 0 { try block.requireChecksum("an object header") }
    let end = block.count - prefix.format.checksumSize
    var reader = HeaderMessageReader(image, prefix.format)
    try reader.read(block.part(prefix.byteCount..<end))
    try reader.readContinuations(of: block.fileOffset)
    self.address = address
    byteCount = block.count + reader.continuationByteCount
    messages = reader.messages
    tracksAttributeOrder = prefix.format.tracksOrder
  }

  /// The first message of a kind; nil if there is none.
  func first(_ kind: MessageKind) -> HeaderMessage? {
    messages.first { $0.kind == kind }
  }

  /// What there is in front of the messages.
  private struct Prefix {
    var byteCount: Int
    var messageByteCount: UInt64
    var format: HeaderMessageFormat
  }

  private static func oldPrefix(
    _ start: StoredBytes,
    _ image: FileImage
  ) throws(FlywheelError) -> Prefix {
    var fields = FieldReader(start, in: image)
    try fields.skip(2, "an object header's version")
    // Of all blocks together; some programs have got it wrong, and nothing depends on it.
    _ = try fields.uint16("the number of messages")
    _ = try fields.uint32("the reference count")
    let messageByteCount = UInt64(try fields.uint32("the size of an object header"))
    try fields.skip(4, "the padding of an object header")
    return Prefix(
      byteCount: fields.position,
      messageByteCount: messageByteCount,
      format: .version1
    )
  }

  private static func newPrefix(
    _ start: StoredBytes,
    _ image: FileImage
  ) throws(FlywheelError) -> Prefix {
    var fields = FieldReader(start, in: image)
    try fields.signature("OHDR", of: "an object header")
    // There never was another version behind this signature: most likely it is damage.
    let place = fields.place
    let version = try fields.uint8("an object header's version")
    guard version == 2 else {
      throw fields.malformed("an object header of version \(version)", expected: "2", at: place)
    }
    let flags = try fields.uint8("an object header's flags")
    if flags & 0x20 != 0 { try fields.skip(16, "an object header's times") }
    if flags & 0x10 != 0 { try fields.skip(4, "an object header's attribute limits") }
    let sizeOfSize = 1 << Int(flags & 0x03)
    let messageByteCount = try fields.uint(sizeOfSize, "the size of an object header")
    return Prefix(
      byteCount: fields.position,
      messageByteCount: messageByteCount,
      format: .version2(tracksOrder: flags & 0x04 != 0)
    )
  }
}
