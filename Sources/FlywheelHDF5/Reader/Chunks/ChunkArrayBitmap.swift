/// A bit for each page of an array: whether it was written.
///
/// Format specification, sections VII.C and VII.D.
struct ChunkArrayBitmap {
  private let bytes: StoredBytes
  /// How many pages come before those that are asked about.
  private let firstPage: UInt64

  /// Takes the bits.
  init(_ bytes: StoredBytes, firstPage: UInt64 = 0) {
    self.bytes = bytes
    self.firstPage = firstPage
  }

  /// How many bytes the bits of pages take.
  static func byteCount(ofPages count: UInt64) -> UInt64 {
    count / 8 + (count % 8 == 0 ? 0 : 1)
  }

  /// Whether a page was written; the first is the highest bit of the first byte.
  func isSet(_ page: UInt64) -> Bool {
    let (byte, bit) = (firstPage + page).quotientAndRemainder(dividingBy: 8)
    guard byte < UInt64(bytes.count) else { return false }
    let span = bytes.span
    // Within the bytes, by the check above.
    return unsafe span.unsafeLoad(fromByteOffset: Int(byte), as: UInt8.self) & 0x80 >> bit != 0
  }
}
