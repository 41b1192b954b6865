/// How a member's bytes lie in a zip archive.
public struct ZipMethod: RawRepresentable, Sendable, Hashable {
  /// The format's number for it.
  public let rawValue: UInt16

  /// Takes the format's number.
  ///
  /// - Parameter rawValue: The number.
  public init(rawValue: UInt16) {
    self.rawValue = rawValue
  }

  /// As they are.
  public static let stored = ZipMethod(rawValue: 0)
  /// As a raw deflate stream (RFC 1951).
  public static let deflated = ZipMethod(rawValue: 8)
}

extension ZipMethod: CustomStringConvertible {
  /// The method's usual name.
  public var description: String {
    switch rawValue {
    case 0: "stored"
    case 1: "shrink"
    case 6: "implode"
    case 8: "deflate"
    case 9: "deflate64"
    case 12: "bzip2"
    case 14: "lzma"
    case 93: "zstandard"
    case 95: "xz"
    case 98: "ppmd"
    case 99: "aes"
    default: "method \(rawValue)"
    }
  }
}
