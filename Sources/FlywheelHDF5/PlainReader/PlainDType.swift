import FlywheelCore

/// A datatype message, as far as its elements are plain: little-endian numbers, or what stands for them.
///
/// Format specification, section IV.A.2.d.
enum PlainDType {
  /// Elements of this dtype.
  case known(DType)
  /// Opaque elements of so many bytes; an attribute says what they are.
  case opaque(byteCount: Int)

  /// Reads a message; nil if the elements are anything else.
  init?(_ content: RawSpan) throws(FlywheelError) {
    var reader = ByteReader(content)
    guard let type = try Self.read(&reader) else { return nil }
    self = type
  }

  /// Reads a type; `isPart` for one within another, which can only be a number: types could lie in one
  /// another as deep as the message is long.
  private static func read(
    _ reader: inout ByteReader,
    isPart: Bool = false
  ) throws(FlywheelError) -> PlainDType? {
    let kind = try reader.readLittleEndian(UInt8.self, "the class and version")
    let bits = try reader.readLittleEndian(UInt16.self, "the class's bits")
    let moreBits = try reader.readLittleEndian(UInt8.self, "the class's bits")
    let size = try reader.readLittleEndian(UInt32.self, "the size")
    guard moreBits == 0 else { return nil }
    // Names and offsets are packed since version 3.
    let isPacked = (3...5).contains(kind >> 4)
    return switch kind & 0x0F {
    case 0: try integer(bits, size, &reader)
    case 1: try float(bits, size, &reader)
    // The bits are the size of a tag.
    case 5: bits == 0 ? .opaque(byteCount: Int(size)) : nil
    case 6: isPacked && !isPart ? try complex(bits, size, &reader) : nil
    case 8: isPacked && !isPart ? try truth(bits, size, &reader) : nil
    default: nil
    }
  }

  /// Little-endian, nothing but significant bits; bit 3 is the sign.
  private static func integer(
    _ bits: UInt16,
    _ size: UInt32,
    _ reader: inout ByteReader
  ) throws(FlywheelError) -> PlainDType? {
    guard try isWhole(size, &reader) else { return nil }
    return switch (bits, size) {
    case (0x08, 1): .known(.int8)
    case (0x08, 2): .known(.int16)
    case (0x08, 4): .known(.int32)
    case (0x08, 8): .known(.int64)
    case (0x00, 1): .known(.uint8)
    case (0x00, 2): .known(.uint16)
    case (0x00, 4): .known(.uint32)
    case (0x00, 8): .known(.uint64)
    default: nil
    }
  }

  /// IEEE 754, little-endian, with an implied leading one.
  private static func float(
    _ bits: UInt16,
    _ size: UInt32,
    _ reader: inout ByteReader
  ) throws(FlywheelError) -> PlainDType? {
    guard try isWhole(size, &reader) else { return nil }
    let exponentStart = try reader.readLittleEndian(UInt8.self, "the exponent's place")
    let exponentSize = try reader.readLittleEndian(UInt8.self, "the exponent's size")
    let mantissaStart = try reader.readLittleEndian(UInt8.self, "the mantissa's place")
    let mantissaSize = try reader.readLittleEndian(UInt8.self, "the mantissa's size")
    let bias = try reader.readLittleEndian(UInt32.self, "the exponent's bias")
    let fields = [exponentStart, exponentSize, mantissaStart, mantissaSize]
    // The sign's place is in the high byte; 0x20 is the normalisation.
    return switch (bits, size, bias) {
    case (0x0F20, 2, 15) where fields == [10, 5, 0, 10]: .known(.float16)
    case (0x1F20, 4, 127) where fields == [23, 8, 0, 23]: .known(.float32)
    case (0x3F20, 8, 1023) where fields == [52, 11, 0, 52]: .known(.float64)
    default: nil
    }
  }

  /// Two floats named r and i; the bits are the number of members.
  private static func complex(
    _ bits: UInt16,
    _ size: UInt32,
    _ reader: inout ByteReader
  ) throws(FlywheelError) -> PlainDType? {
    guard bits == 2, size == 8 || size == 16 else { return nil }
    for (name, offset) in [("r", 0), ("i", size / 2)] {
      guard try readsName(name, &reader),
        try UInt32(reader.readLittleEndian(UInt8.self, "a member's offset")) == offset,
        case .known(let part) = try read(&reader, isPart: true),
        part.isFloatingPoint, UInt32(2 * part.byteCount) == size
      else { return nil }
    }
    return .known(size == 8 ? .complex64 : .complex128)
  }

  /// Bytes that are FALSE or TRUE; the bits are the number of members.
  private static func truth(
    _ bits: UInt16,
    _ size: UInt32,
    _ reader: inout ByteReader
  ) throws(FlywheelError) -> PlainDType? {
    guard bits == 2, size == 1, case .known(let base) = try read(&reader, isPart: true),
      base.byteCount == 1,
      try readsName("FALSE", &reader), try readsName("TRUE", &reader),
      try reader.readLittleEndian(UInt16.self, "the values") == 0x0100
    else { return nil }
    return .known(.bool)
  }

  /// Whether a number has no bits but its own.
  private static func isWhole(
    _ size: UInt32,
    _ reader: inout ByteReader
  ) throws(FlywheelError) -> Bool {
    let offset = try reader.readLittleEndian(UInt16.self, "the bit offset")
    let precision = try reader.readLittleEndian(UInt16.self, "the precision")
    return offset == 0 && UInt64(precision) == 8 * UInt64(size)
  }

  /// Whether a member has this name.
  private static func readsName(
    _ name: String,
    _ reader: inout ByteReader
  ) throws(FlywheelError) -> Bool {
    let bytes = try reader.take(name.utf8.count + 1, "a member's name")
    return unsafe bytes.withUnsafeBytes { unsafe $0.elementsEqual(Array(name.utf8) + [0]) }
  }
}
