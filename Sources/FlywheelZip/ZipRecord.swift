import FlywheelCore

/// The records of the zip format, by the number that each begins with, and what their fields hold.
///
/// Chapter 4.3 of PKWARE's APPNOTE. All numbers are little-endian.
enum ZipRecord {
  /// The header in front of a member, which takes 30 bytes without its name and extra field.
  static let localHeader: UInt32 = 0x0403_4B50
  static let localHeaderByteCount = 30
  /// A member in the directory, 46 bytes without its name, extra field and comment.
  static let entry: UInt32 = 0x0201_4B50
  static let entryByteCount = 46
  /// The end of an archive, 22 bytes without its comment.
  static let end: UInt32 = 0x0605_4B50
  static let endByteCount = 22
  /// The end of a large archive, and what says where that is.
  static let largeEnd: UInt32 = 0x0606_4B50
  static let largeEndByteCount = 56
  static let locator: UInt32 = 0x0706_4B50
  static let locatorByteCount = 20

  /// What a field holds whose number stands in the record for large archives.
  static let elsewhere16 = UInt16.max
  static let elsewhere32 = UInt32.max
  /// The extra field that holds a member's large numbers.
  static let largeExtra: UInt16 = 0x0001

  /// The extra field that moves a member's bytes to a boundary, as Android's zipalign has it: the boundary,
  /// then zeros.
  static let alignmentExtra: UInt16 = 0xD935

  /// The bits of a member's flags.
  enum Flag {
    static let encrypted: UInt16 = 1 << 0
    static let patch: UInt16 = 1 << 5
    static let stronglyEncrypted: UInt16 = 1 << 6
    static let utf8: UInt16 = 1 << 11
    static let maskedHeader: UInt16 = 1 << 13
  }
}

// Not by `ByteReader`: what it checks and words for each field takes longer than all else that opening
// an archive of many members does. These trap out of bounds, so that callers check a whole record.
extension RawSpan {
  func byte(_ offset: Int) -> UInt8 {
    unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }

  func word16(_ offset: Int) -> UInt16 {
    unsafe UInt16(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }

  func word32(_ offset: Int) -> UInt32 {
    unsafe UInt32(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  func word64(_ offset: Int) -> UInt64 {
    unsafe UInt64(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }
}

extension [UInt8] {
  mutating func append16(_ word: UInt16) {
    append(UInt8(truncatingIfNeeded: word))
    append(UInt8(truncatingIfNeeded: word >> 8))
  }

  mutating func append32(_ word: UInt32) {
    append16(UInt16(truncatingIfNeeded: word))
    append16(UInt16(truncatingIfNeeded: word >> 16))
  }

  mutating func append64(_ word: UInt64) {
    append32(UInt32(truncatingIfNeeded: word))
    append32(UInt32(truncatingIfNeeded: word >> 32))
  }
}
