import FlywheelCore

/// Bytes as two lower-case digits each.
enum Hexadecimal {
  static func digits(of bytes: RawSpan) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(2 * bytes.byteCount)
    for place in 0..<bytes.byteCount {
      // In bounds by the loop; any bits are a byte.
      let byte = unsafe bytes.unsafeLoad(fromByteOffset: place, as: UInt8.self)
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes that digits stand for; nil if they are not as `digits(of:)` gives them.
  static func bytes(of digits: String) -> [UInt8]? {
    guard digits.utf8.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(digits.utf8.count / 2)
    var upper: UInt8?
    for character in digits.utf8 {
      let value: UInt8
      switch character {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = character - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = character - UInt8(ascii: "a") + 10
      default: return nil
      }
      if let high = upper {
        bytes.append(high << 4 | value)
        upper = nil
      } else {
        upper = value
      }
    }
    return bytes
  }
}
