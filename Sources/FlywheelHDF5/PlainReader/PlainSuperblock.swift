import FlywheelCore

/// The superblock of versions 2 and 3, at the very start of a file.
///
/// Format specification, section II.A.
struct PlainSuperblock {
  /// Where the root group's object header is.
  let rootAddress: Int

  private static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]

  /// Reads the superblock; nil if it is of another version, elsewhere, or damaged.
  init?(_ file: RawSpan) throws(FlywheelError) {
    var reader = ByteReader(file)
    let start = try reader.take(8, "the signature")
    guard unsafe start.withUnsafeBytes({ unsafe $0.elementsEqual(Self.signature) }) else {
      return nil
    }
    let version = try reader.readLittleEndian(UInt8.self, "the version")
    let offsetSize = try reader.readLittleEndian(UInt8.self, "the size of offsets")
    let lengthSize = try reader.readLittleEndian(UInt8.self, "the size of lengths")
    _ = try reader.readLittleEndian(UInt8.self, "the flags")
    let base = try reader.readLittleEndian(UInt64.self, "the base address")
    let extensionAddress = try reader.readLittleEndian(UInt64.self, "the extension's address")
    let end = try reader.readLittleEndian(UInt64.self, "the end of the file")
    let root = try reader.readLittleEndian(UInt64.self, "the root's address")
    let checksum = try reader.readLittleEndian(UInt32.self, "the checksum")
    guard version == 2 || version == 3, offsetSize == 8, lengthSize == 8, base == 0,
      extensionAddress == .max, end <= UInt64(file.byteCount),
      checksum == MetadataChecksum.checksum(file.extracting(first: 44)),
      let rootAddress = Int(exactly: root)
    else { return nil }
    self.rootAddress = rootAddress
  }
}
