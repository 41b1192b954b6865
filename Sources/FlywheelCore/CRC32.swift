import CFlywheelKernels

/// CRC-32 with zlib's polynomial, so that Python checks it with `zlib.crc32`.
public enum CRC32 {
  /// The checksum of bytes.
  ///
  /// - Parameters:
  ///   - bytes: The bytes.
  ///   - crc: The checksum of what came before them; 0 at the start.
  /// - Returns: The checksum.
  public static func checksum(_ bytes: RawSpan, continuing crc: UInt32 = 0) -> UInt32 {
    unsafe bytes.withUnsafeBytes { buffer in
      unsafe fw_crc32(crc, buffer.baseAddress, buffer.count)
    }
  }

  /// The checksum of two runs of bytes, one after the other, from the checksum of each.
  ///
  /// - Parameters:
  ///   - first: The checksum of the first.
  ///   - second: The checksum of the second, by itself.
  ///   - secondByteCount: The number of bytes of the second.
  /// - Returns: The checksum of both.
  public static func combine(
    _ first: UInt32,
    _ second: UInt32,
    secondByteCount: Int
  ) -> UInt32 {
    // What comes before n bytes stands for itself times x^8n; the inversions at both ends cancel out.
    var moved = first
    var power: UInt32 = 1 << 23  // x^8: the coefficient of x^0 is the highest bit
    var count = secondByteCount
    while count > 0 {
      if count & 1 == 1 { moved = product(moved, power) }
      power = product(power, power)
      count >>= 1
    }
    return moved ^ second
  }

  /// The product of two polynomials, modulo zlib's.
  private static func product(_ a: UInt32, _ b: UInt32) -> UInt32 {
    let polynomial: UInt32 = 0xEDB8_8320
    var sum: UInt32 = 0
    var multiple = b  // b times x^i, where bit 31 - i of a is looked at
    for shift in (0..<32).reversed() {
      if a >> UInt32(shift) & 1 == 1 { sum ^= multiple }
      multiple = multiple >> 1 ^ (multiple & 1 == 1 ? polynomial : 0)
    }
    return sum
  }

  /// A checksum as eight lower-case hexadecimal digits, the form used in checkpoints.
  ///
  /// - Parameter crc: The checksum.
  /// - Returns: The digits.
  public static func hexadecimal(_ crc: UInt32) -> String {
    let digits = String(crc, radix: 16)
    return String(repeating: "0", count: 8 - digits.utf8.count) + digits
  }
}
