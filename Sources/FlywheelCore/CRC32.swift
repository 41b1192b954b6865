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

  /// A checksum as eight lower-case hexadecimal digits, the form used in checkpoints.
  ///
  /// - Parameter crc: The checksum.
  /// - Returns: The digits.
  public static func hexadecimal(_ crc: UInt32) -> String {
    let digits = String(crc, radix: 16)
    return String(repeating: "0", count: 8 - digits.utf8.count) + digits
  }
}
