import FlywheelCore

/// A group whose links lie in its own header.
///
/// Format specification, sections IV.A.2.c (link info) and IV.A.2.g (link).
struct PlainGroup {
  /// Where the objects are that the group's hard links name.
  private(set) var addresses: [String: Int] = [:]

  /// Reads the group at an address; nil if it is not plain, or damaged.
  init?(_ file: RawSpan, at address: Int) throws(FlywheelError) {
    var addresses: [String: Int] = [:]
    let isPlain = try PlainObjectHeader.visit(file, at: address) {
      (message, content) throws(FlywheelError) in
      switch message {
      case .link: try Self.read(content, into: &addresses)
      case .linkInfo: try Self.isCompact(content)
      case .dataspace, .datatype, .layout: false  // a dataset
      default: true
      }
    }
    guard isPlain else { return nil }
    self.addresses = addresses
  }

  private static func isCompact(_ content: RawSpan) throws(FlywheelError) -> Bool {
    var reader = ByteReader(content)
    let version = try reader.readLittleEndian(UInt8.self, "the version")
    let flags = try reader.readLittleEndian(UInt8.self, "the flags")
    if flags & 0x01 != 0 { _ = try reader.take(8, "the creation index") }
    // Many links lie in a fractal heap.
    let heap = try reader.readLittleEndian(UInt64.self, "the heap's address")
    return version == 0 && heap == .max
  }

  private static func read(
    _ content: RawSpan,
    into addresses: inout [String: Int]
  ) throws(FlywheelError) -> Bool {
    var reader = ByteReader(content)
    let version = try reader.readLittleEndian(UInt8.self, "the version")
    let flags = try reader.readLittleEndian(UInt8.self, "the flags")
    // Without a type it is a hard link; others are not plain.
    guard version == 1, flags & 0x08 == 0 else { return false }
    if flags & 0x04 != 0 { _ = try reader.take(8, "the creation order") }
    if flags & 0x10 != 0 { _ = try reader.take(1, "the character set") }
    let count: UInt64 =
      switch flags & 0x03 {
      case 0: UInt64(try reader.readLittleEndian(UInt8.self, "the name's size"))
      case 1: UInt64(try reader.readLittleEndian(UInt16.self, "the name's size"))
      case 2: UInt64(try reader.readLittleEndian(UInt32.self, "the name's size"))
      default: try reader.readLittleEndian(UInt64.self, "the name's size")
      }
    guard let byteCount = Int(exactly: count) else { return false }
    let bytes = try reader.take(byteCount, "the name")
    let address = try reader.readLittleEndian(UInt64.self, "the object's address")
    let name = unsafe bytes.withUnsafeBytes { unsafe String(validating: $0, as: UTF8.self) }
    guard let name, !name.hasTooManyCombiningMarks, let address = Int(exactly: address),
      addresses[name] == nil
    else {
      return false
    }
    addresses[name] = address
    return true
  }
}
