/// Bob Jenkins's hash, which HDF5 takes for checksums, started at zero.
enum Lookup3 {
  /// The hash of some of the bytes; none have another one.
  static func hash(_ bytes: [UInt8], _ range: Range<Int>) -> UInt32 {
    let start = 0xDEAD_BEEF &+ UInt32(truncatingIfNeeded: range.count)
    var (a, b, c) = (start, start, start)
    var place = range.lowerBound
    while true {
      a &+= word(bytes, place, range.upperBound)
      b &+= word(bytes, place + 4, range.upperBound)
      c &+= word(bytes, place + 8, range.upperBound)
      place += 12
      guard place < range.upperBound else { break }
      // Each step leaves the three words where the next one expects them.
      for count: UInt32 in [4, 6, 8, 16, 19, 4] {
        (a, b, c) = (b, c &+ b, (a &- c) ^ rotated(c, count))
      }
    }
    for count: UInt32 in [14, 11, 25, 16, 4, 14, 24] {
      (a, b, c) = (b, (c ^ b) &- rotated(b, count), a)
    }
    // Where the last step has left it.
    return b
  }

  /// Four bytes, the least significant first; those beyond the end are zeros.
  private static func word(_ bytes: [UInt8], _ place: Int, _ end: Int) -> UInt32 {
    var word: UInt32 = 0
    for index in place..<max(place, min(place + 4, end)) {
      word |= UInt32(bytes[index]) << UInt32(8 * (index - place))
    }
    return word
  }

  private static func rotated(_ word: UInt32, _ count: UInt32) -> UInt32 {
    word << count | word >> (32 - count)
  }
}
