import FlywheelCore

/// The names of members: how their bytes read, and which of them no program should follow.
enum ZipName {
  /// The characters of code page 437 from 128 on, the charset of names that are not marked as UTF-8.
  private static let codePage437 = Array(
    """
    ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀\
    αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{A0}
    """.unicodeScalars
  )

  /// Reads a name.
  ///
  /// - Parameters:
  ///   - bytes: Its bytes.
  ///   - isUTF8: Whether it is marked as UTF-8.
  /// - Returns: The name; nil if it is marked as UTF-8 and is not.
  static func decode(_ bytes: RawSpan, isUTF8: Bool) -> String? {
    if isUTF8 || (0..<bytes.byteCount).allSatisfy({ bytes.byte($0) < 0x80 }) {
      return unsafe bytes.withUnsafeBytes { unsafe String(validating: $0, as: UTF8.self) }
    }
    var name = String.UnicodeScalarView()
    for index in 0..<bytes.byteCount {
      let byte = bytes.byte(index)
      name.append(byte < 0x80 ? Unicode.Scalar(byte) : codePage437[Int(byte) - 0x80])
    }
    return String(name)
  }

  /// What makes a name one that could lead out of the folder that an archive is unpacked in, or stand for
  /// another one; nil if nothing does.
  ///
  /// - Parameter name: The name's bytes, in any charset that goes on from ASCII.
  /// - Returns: What it is, to follow "Found".
  static func danger(in name: RawSpan) -> String? {
    let count = name.byteCount
    guard count > 0 else { return "an empty name" }
    if name.byte(0) == UInt8(ascii: "/") { return "a name that starts with '/'" }
    var componentStart = 0
    for index in 0...count {
      let byte = index < count ? name.byte(index) : UInt8(ascii: "/")
      switch byte {
      case 0: return "a name with a NUL in it"
      case UInt8(ascii: "\\"): return "a name with a backslash in it"
      case UInt8(ascii: "/"):
        if index - componentStart == 2, name.word16(componentStart) == 0x2E2E {
          return "a name that leads out of its folder by '..'"
        }
        if index == 2, name.byte(1) == UInt8(ascii: ":"), index < count {
          return "a name that starts with a drive"
        }
        componentStart = index + 1
      default: continue
      }
    }
    return nil
  }
}
