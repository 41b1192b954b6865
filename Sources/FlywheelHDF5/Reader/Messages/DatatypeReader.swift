internal import FlywheelCore

/// Reads a datatype, with those that it is made of.
///
/// Format specification, section IV.A.2.d.
struct DatatypeReader {
  /// More levels than any program makes; types could lie in one another as deep as a message is long.
  static let depthLimit = 32

  private static let versions: ClosedRange<UInt8> = 1...5

  /// How many types the one that is read lies in.
  private var depth = 0

  /// What all classes begin with.
  struct Head {
    /// Of how the class's own fields are written.
    let version: UInt8
    /// The class's bits.
    let bits: UInt32
    /// The bytes of an element.
    let byteCount: Int
    /// Where in the file the type begins.
    let place: Int

    /// Whether names are filled up to a multiple of eight bytes.
    var padsNames: Bool { version < 3 }
  }

  /// Reads the next type.
  ///
  /// - Parameter fields: Where it is.
  /// - Throws: As `Datatype`.
  /// - Returns: The type.
  mutating func read(_ fields: inout FieldReader) throws(FlywheelError) -> Datatype {
    let place = fields.place
    guard depth < Self.depthLimit else {
      throw FlywheelError(
        .limitExceeded,
        "Types lie in one another more than \(Self.depthLimit) deep.",
        at: .init(byteOffset: UInt64(place))
      )
    }
    depth += 1
    defer { depth -= 1 }
    let classAndVersion = try fields.uint8("a datatype's class and version")
    let version = classAndVersion >> 4
    guard Self.versions.contains(version) else {
      throw fields.unknown(version, Self.versions, of: "a datatype", at: place)
    }
    let bits = UInt32(try fields.uint(3, "a datatype's bits"))
    let byteCount = Int(try fields.uint32("a datatype's size"))
    guard byteCount > 0 else {
      throw fields.malformed("elements of 0 bytes", expected: "a size", at: fields.place - 4)
    }
    let head = Head(version: version, bits: bits, byteCount: byteCount, place: place)
    let kind = try kind(classAndVersion & 0x0F, head, &fields)
    return Datatype(byteCount: byteCount, kind: kind)
  }

  private mutating func kind(
    _ typeClass: UInt8,
    _ head: Head,
    _ fields: inout FieldReader
  ) throws(FlywheelError) -> Datatype.Kind {
    switch typeClass {
    case 0:
      return .integer(bits: try bitField(head, &fields), isSigned: head.bits & 0x08 != 0)
    case 1:
      return .float(try float(head, &fields))
    case 2:
      let precision = Int(try fields.uint16("a time's precision"))
      let isBigEndian = head.bits & 0x01 != 0
      return .time(bits: .init(isBigEndian: isBigEndian, offset: 0, precision: precision))
    case 3:
      return .text(try text(head, padding: head.bits, characterSet: head.bits >> 4, fields))
    case 4:
      return .bitField(try bitField(head, &fields))
    case 5:
      return .opaque(tag: try fields.shownText(Int(head.bits & 0xFF), "a tag"))
    case 6:
      return try compound(head, &fields)
    case 7:
      return .reference(try reference(head, fields))
    case 8:
      return try enumeration(head, &fields)
    case 9:
      return try variable(head, &fields)
    case 10:
      return try array(head, &fields)
    case 11:
      return try complex(head, &fields)
    default:
      throw fields.malformed("class \(typeClass)", expected: "a datatype's", at: head.place)
    }
  }

  private func bitField(
    _ head: Head,
    _ fields: inout FieldReader
  ) throws(FlywheelError) -> Datatype.BitField {
    let offset = Int(try fields.uint16("a number's bit offset"))
    let precision = Int(try fields.uint16("a number's precision"))
    try requireRoom(head, offset: offset, bits: precision, fields)
    return .init(isBigEndian: head.bits & 0x01 != 0, offset: offset, precision: precision)
  }

  /// Checks that bits are within an element.
  private func requireRoom(
    _ head: Head,
    offset: Int,
    bits: Int,
    _ fields: borrowing FieldReader
  ) throws(FlywheelError) {
    // Neither side has more than 35 bits.
    guard bits > 0, offset + bits <= 8 * head.byteCount else {
      throw fields.malformed(
        "\(bits) bits from bit \(offset) of \(head.byteCount) bytes",
        expected: "some within an element",
        at: head.place
      )
    }
  }

  private func float(
    _ head: Head,
    _ fields: inout FieldReader
  ) throws(FlywheelError) -> Datatype.FloatFormat {
    let bits = try bitField(head, &fields)
    let exponentPlace = Int(try fields.uint8("the exponent's place"))
    let exponentSize = Int(try fields.uint8("the exponent's size"))
    let mantissaPlace = Int(try fields.uint8("the mantissa's place"))
    let mantissaSize = Int(try fields.uint8("the mantissa's size"))
    let bias = try fields.uint32("the exponent's bias")
    try requireRoom(head, offset: exponentPlace, bits: exponentSize, fields)
    try requireRoom(head, offset: mantissaPlace, bits: mantissaSize, fields)
    return .init(
      order: try order(head, fields),
      bitOffset: bits.offset,
      precision: bits.precision,
      signPlace: Int(head.bits >> 8 & 0xFF),
      exponentPlace: exponentPlace,
      exponentSize: exponentSize,
      exponentBias: bias,
      mantissaPlace: mantissaPlace,
      mantissaSize: mantissaSize,
      normalisation: try normalisation(head, fields)
    )
  }

  private func order(
    _ head: Head,
    _ fields: borrowing FieldReader
  ) throws(FlywheelError) -> Datatype.ByteOrder {
    switch head.bits & 0x41 {
    case 0x00: return .littleEndian
    case 0x01: return .bigEndian
    case 0x41: return .vax
    default: throw fields.malformed("an unknown byte order", expected: "one", at: head.place)
    }
  }

  private func normalisation(
    _ head: Head,
    _ fields: borrowing FieldReader
  ) throws(FlywheelError) -> Datatype.Normalisation {
    switch head.bits >> 4 & 0x03 {
    case 0: return .none
    case 1: return .set
    case 2: return .implied
    default: throw fields.malformed("an unknown normalisation", expected: "one", at: head.place)
    }
  }

  private func text(
    _ head: Head,
    padding: UInt32,
    characterSet: UInt32,
    _ fields: borrowing FieldReader
  ) throws(FlywheelError) -> Datatype.TextFormat {
    guard let padding = Datatype.TextPadding(rawValue: UInt8(padding & 0x0F)),
      let characterSet = Datatype.CharacterSet(rawValue: UInt8(characterSet & 0x0F))
    else {
      throw fields.malformed(
        "text with unknown padding or characters",
        expected: "text",
        at: head.place
      )
    }
    return .init(padding: padding, characterSet: characterSet)
  }

  private func reference(
    _ head: Head,
    _ fields: borrowing FieldReader
  ) throws(FlywheelError) -> Datatype.ReferenceFormat {
    guard let format = Datatype.ReferenceFormat(rawValue: UInt8(head.bits & 0x0F)) else {
      throw fields.malformed("an unknown reference", expected: "a reference", at: head.place)
    }
    return format
  }

  private mutating func variable(
    _ head: Head,
    _ fields: inout FieldReader
  ) throws(FlywheelError) -> Datatype.Kind {
    let base = try read(&fields)
    switch head.bits & 0x0F {
    case 0:
      return .sequence(of: base)
    case 1:
      let padding = head.bits >> 4
      let characterSet = head.bits >> 8
      return .variableText(try text(head, padding: padding, characterSet: characterSet, fields))
    default:
      throw fields.malformed(
        "an unknown type of variable length",
        expected: "a sequence or a text",
        at: head.place
      )
    }
  }

  private mutating func complex(
    _ head: Head,
    _ fields: inout FieldReader
  ) throws(FlywheelError) -> Datatype.Kind {
    let part = try read(&fields)
    // Both parts of one type, the real one first.
    guard head.bits & 0x07 == 0x01, case .float = part.kind, 2 * part.byteCount == head.byteCount
    else {
      throw fields.malformed(
        "an unknown complex type",
        expected: "two floating-point numbers",
        at: head.place
      )
    }
    return .complex(part: part)
  }
}
