/// What a zip archive's directory says of one member.
public struct ZipEntry: Sendable {
  /// Its name, with `/` between folders.
  public let name: String
  /// How its bytes lie in the file.
  public let method: ZipMethod
  /// The number of its bytes.
  public let byteCount: Int
  /// The number of bytes that they take in the file.
  public let compressedByteCount: Int
  /// The CRC-32 of its bytes.
  public let crc32: UInt32
  /// The format's general purpose bits.
  public let flags: UInt16
  /// Where in the file its own header is.
  public let headerOffset: Int

  /// Where in the file the directory has its name.
  let nameRange: Range<Int>
  /// Where in the file what comes after it begins.
  var limit: Int

  /// Whether it is a folder, which has no bytes.
  public var isFolder: Bool { name.utf8.last == UInt8(ascii: "/") }
}
