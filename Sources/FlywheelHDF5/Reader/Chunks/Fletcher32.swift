/// Fletcher's checksum of 32 bits, HDF5's filter 3: of big-endian words, from zero.
enum Fletcher32 {
  /// How many words can be summed up before the sums could overflow 64 bits.
  private static let blockLength = 1 << 20

  /// The checksum of bytes.
  ///
  /// A last byte that is alone is the upper half of a word.
  ///
  /// - Parameter bytes: The bytes.
  /// - Returns: The checksum.
  static func checksum(_ bytes: RawSpan) -> UInt32 {
    var (first, second): (UInt64, UInt64) = (0, 0)
    let wordCount = bytes.byteCount / 2
    var index = 0
    while index < wordCount {
      let end = min(wordCount, index + blockLength)
      while index < end {
        // Within the bytes, since words are counted in whole ones.
        let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)
        first &+= UInt64(UInt16(bigEndian: word))
        second &+= first
        index += 1
      }
      (first, second) = (folded(first), folded(second))
    }
    if bytes.byteCount % 2 == 1 {
      // The last byte there is.
      let last = unsafe bytes.unsafeLoad(fromByteOffset: bytes.byteCount - 1, as: UInt8.self)
      first += UInt64(last) << 8
      second += first
    }
    return UInt32(folded(second)) << 16 | UInt32(folded(first))
  }

  /// Whether a checksum is that of bytes.
  ///
  /// Libraries before 1.6.3 summed up words in the order of their processor, which left the bytes of each half
  /// of the checksum swapped; what they wrote is as good.
  ///
  /// - Parameters:
  ///   - stored: The checksum that the file has.
  ///   - bytes: The bytes.
  /// - Returns: Whether they agree.
  static func isChecksum(_ stored: UInt32, of bytes: RawSpan) -> Bool {
    let checksum = checksum(bytes)
    let swapped = checksum << 8 & 0xFF00_FF00 | checksum >> 8 & 0x00FF_00FF
    return stored == checksum || stored == swapped
  }

  /// A sum modulo 65,535, of which only zero itself becomes zero.
  private static func folded(_ sum: UInt64) -> UInt64 {
    var sum = sum
    while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
    return sum
  }
}
