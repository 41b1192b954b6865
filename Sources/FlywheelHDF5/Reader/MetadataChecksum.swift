internal import FlywheelCore

/// The checksum of HDF5's own structures: Bob Jenkins's lookup3 (`hashlittle`), started at zero.
///
/// The format specification names it wherever a structure ends with a checksum.
enum MetadataChecksum {
  /// The checksum of bytes.
  static func checksum(_ bytes: RawSpan) -> UInt32 {
    let start = 0xDEAD_BEEF &+ UInt32(truncatingIfNeeded: bytes.byteCount)
    var (a, b, c) = (start, start, start)
    var offset = 0
    while bytes.byteCount - offset > 12 {
      a &+= wholeWord(bytes, offset)
      b &+= wholeWord(bytes, offset + 4)
      c &+= wholeWord(bytes, offset + 8)
      mix(&a, &b, &c)
      offset += 12
    }
    let rest = bytes.extracting(droppingFirst: offset)
    if rest.byteCount == 0 { return c }
    a &+= word(rest, 0)
    b &+= word(rest, 1)
    c &+= word(rest, 2)
    finish(&a, &b, &c)
    return c
  }

  /// The little-endian word at an offset; all of it is within the bytes.
  private static func wholeWord(_ bytes: RawSpan, _ offset: Int) -> UInt32 {
    unsafe UInt32(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  /// The little-endian word at an index; bytes beyond the end count as zero.
  private static func word(_ bytes: RawSpan, _ index: Int) -> UInt32 {
    let start = 4 * index
    if start + 4 <= bytes.byteCount {
      return unsafe UInt32(
        littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: start, as: UInt32.self)
      )
    }
    var word: UInt32 = 0
    for offset in start..<max(start, bytes.byteCount) {
      let byte = unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
      word |= UInt32(byte) << UInt32(8 * (offset - start))
    }
    return word
  }

  private static func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 {
    word << count | word >> (32 - count)
  }

  private static func mix(_ a: inout UInt32, _ b: inout UInt32, _ c: inout UInt32) {
    a = (a &- c) ^ rotate(c, 4)
    c &+= b
    b = (b &- a) ^ rotate(a, 6)
    a &+= c
    c = (c &- b) ^ rotate(b, 8)
    b &+= a
    a = (a &- c) ^ rotate(c, 16)
    c &+= b
    b = (b &- a) ^ rotate(a, 19)
    a &+= c
    c = (c &- b) ^ rotate(b, 4)
    b &+= a
  }

  private static func finish(_ a: inout UInt32, _ b: inout UInt32, _ c: inout UInt32) {
    c = (c ^ b) &- rotate(b, 14)
    a = (a ^ c) &- rotate(c, 11)
    b = (b ^ a) &- rotate(a, 25)
    c = (c ^ b) &- rotate(b, 16)
    a = (a ^ c) &- rotate(c, 4)
    b = (b ^ a) &- rotate(a, 14)
    c = (c ^ b) &- rotate(b, 24)
  }
}
