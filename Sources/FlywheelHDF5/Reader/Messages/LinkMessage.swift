internal import FlywheelCore

/// A link of a group: a name, and where it leads.
///
/// Format specification, section IV.A.2.g.
struct LinkMessage: Sendable, Hashable {
  /// Its name.
  let name: String
  /// Where it leads.
  let target: LinkTarget
  /// When it was added, if the group knows it.
  let order: UInt64?

  /// Makes a link of what another structure says.
  init(name: String, target: LinkTarget, order: UInt64?) {
    self.name = name
    self.target = target
    self.order = order
  }

  /// Reads a message.
  ///
  /// - Parameters:
  ///   - content: What it says.
  ///   - image: The file.
  /// - Throws: `malformed` or `truncated` if it is no link.
  init(_ content: borrowing StoredBytes, in image: borrowing FileImage) throws(FlywheelError) {
    var fields = FieldReader(content, in: image)
    try fields.version(1, of: "a link")
    let flags = Flags(rawValue: try fields.uint8("a link's flags"))
    let typePlace = fields.place
    let type = flags.contains(.hasType) ? try fields.uint8("a link's type") : LinkType.hard
    order = flags.contains(.hasOrder) ? try fields.uint64("a link's order") : nil
    if flags.contains(.hasCharacterSet) { try fields.skip(1, "the character set of a link's name") }
    let nameByteCount = try fields.uint(flags.nameSizeSize, "the size of a link's name")
    name = try fields.name(nameByteCount, "a link's name")
    switch type {
    case LinkType.hard:
      let place = fields.place
      guard let address = try fields.address("a link's address") else {
        throw fields.malformed("no address", expected: "that of a link's object", at: place)
      }
      target = .object(address: address)
    case LinkType.soft:
      let byteCount = try fields.uint16("the size of a link's target")
      target = .soft(try fields.shownText(Int(byteCount), "a link's target"))
    case LinkType.external:
      target = try Self.external(&fields, in: image)
    case LinkType.firstOfOthers...:
      target = .other(kind: type)
    default:
      throw fields.malformed(
        "a link of type \(type)",
        expected: "0, 1, or 64 and more",
        at: typePlace
      )
    }
  }

  /// The types of links; the others are other programs'.
  private enum LinkType {
    static let hard: UInt8 = 0
    static let soft: UInt8 = 1
    static let external: UInt8 = 64
    static let firstOfOthers: UInt8 = 65
  }

  /// Which fields there are.
  private struct Flags: OptionSet {
    let rawValue: UInt8

    static let hasOrder = Flags(rawValue: 0x04)
    static let hasType = Flags(rawValue: 0x08)
    static let hasCharacterSet = Flags(rawValue: 0x10)

    /// The bytes of the name's size.
    var nameSizeSize: Int { 1 << Int(rawValue & 0x03) }
  }

  /// A byte of version and flags, then two texts; the first ends with a zero.
  private static func external(
    _ fields: inout FieldReader,
    in image: FileImage
  ) throws(FlywheelError) -> LinkTarget {
    let byteCount = Int(try fields.uint16("the size of a link's target"))
    let place = fields.place
    let bytes = try fields.take(byteCount, "a link's target")
    var parts = FieldReader(bytes, fileOffset: place, in: image)
    try parts.skip(1, "the version of a link's target")
    return .external(
      file: try parts.name(upToZero: "the file of a link's target"),
      path: try parts.shownText(parts.remaining, "the path of a link's target")
    )
  }
}
