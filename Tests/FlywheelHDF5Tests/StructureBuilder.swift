import FlywheelCore
import FlywheelTestSupport

@testable import FlywheelHDF5

/// Builds HDF5 structures byte by byte: sound ones, and those that no writer should make.
///
/// The file begins with a superblock of version 2, which is 48 bytes long.
struct StructureBuilder {
  static let superblockSize = 48
  static let nowhere = UInt64.max

  /// What follows the superblock.
  private(set) var blocks: [UInt8] = []

  /// Adds a block; gives its address.
  @discardableResult
  mutating func add(_ block: [UInt8]) -> UInt64 {
    let address = end
    blocks += block
    return address
  }

  /// Where the next block will be.
  var end: UInt64 { UInt64(Self.superblockSize + blocks.count) }

  /// The whole file.
  func build(root: UInt64 = UInt64(superblockSize)) -> [UInt8] {
    Self.superblock(root: root, end: end) + blocks
  }

  static func superblock(
    version: UInt8 = 2,
    offsetSize: UInt8 = 8,
    lengthSize: UInt8 = 8,
    flags: UInt8 = 0,
    base: UInt64 = 0,
    root: UInt64 = UInt64(superblockSize),
    end: UInt64
  ) -> [UInt8] {
    checksummed(
      Superblock.signature + [version, offsetSize, lengthSize, flags]
        + le(base) + le(nowhere) + le(end) + le(root)
    )
  }

  /// A superblock of version 0 or 1, with the header that the root's entry names.
  static func oldSuperblock(
    version: UInt8 = 0,
    size: Int = 8,
    lengthSize: Int = 8,
    base: UInt64 = 0,
    root: UInt64,
    end: UInt64
  ) -> [UInt8] {
    func address(_ value: UInt64) -> [UInt8] { Array(le(value).prefix(size)) }
    return Superblock.signature + [version, 0, 0, 0, 0, UInt8(size), UInt8(lengthSize), 0]
      + le(UInt16(4)) + le(UInt16(16)) + le(UInt32(0))
      + (version == 1 ? le(UInt16(32)) + [0, 0] : [])
      + address(base) + address(nowhere) + address(end) + address(nowhere)
      + le(UInt64(0)).prefix(lengthSize) + address(root) + [UInt8](repeating: 0, count: 24)
  }

  /// A header of version 2.
  static func header(
    _ messages: [UInt8],
    flags: UInt8 = 0x02,
    version: UInt8 = 2,
    size: UInt64? = nil
  ) -> [UInt8] {
    let stored = le(size ?? UInt64(messages.count)).prefix(1 << Int(flags & 3))
    return checksummed(Array("OHDR".utf8) + [version, flags] + stored + messages)
  }

  /// A block that a header of version 2 goes on in.
  static func continuation(_ messages: [UInt8]) -> [UInt8] {
    checksummed(Array("OCHK".utf8) + messages)
  }

  /// A message of a header of version 2.
  static func message(
    _ kind: MessageKind,
    _ content: [UInt8],
    flags: UInt8 = 0,
    size: Int? = nil,
    order: UInt16? = nil
  ) -> [UInt8] {
    [UInt8(kind.rawValue)] + le(UInt16(size ?? content.count)) + [flags]
      + (order.map { le($0) } ?? []) + content
  }

  /// A header of version 1.
  static func oldHeader(_ messages: [UInt8], size: UInt32? = nil) -> [UInt8] {
    [1, 0] + le(UInt16(1)) + le(UInt32(1)) + le(size ?? UInt32(messages.count))
      + [0, 0, 0, 0] + messages
  }

  /// The message of a group whose links lie in its header.
  static let emptyLinkInfo = message(.linkInfo, [0, 0] + le(nowhere) + le(nowhere))

  /// The message of a link to an object.
  static func link(_ name: [UInt8], _ address: UInt64) -> [UInt8] {
    message(.link, [1, 1] + le(UInt16(name.count)) + name + le(address))
  }

  /// A message of a header of version 1.
  static func oldMessage(
    _ kind: MessageKind,
    _ content: [UInt8],
    flags: UInt8 = 0,
    size: Int? = nil
  ) -> [UInt8] {
    le(kind.rawValue) + le(UInt16(size ?? content.count)) + [flags, 0, 0, 0] + content
  }

  /// The message that says where a header goes on.
  static func next(_ address: UInt64, _ byteCount: UInt64) -> [UInt8] {
    le(address) + le(byteCount)
  }

  static func checksummed(_ bytes: [UInt8]) -> [UInt8] {
    bytes + le(MetadataChecksum.checksum(bytes.rawBytes))
  }

  static func le<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
    ZipBuilder.bytes(value)
  }

  /// The bytes in memory, as a reader gets them.
  static func storage(_ bytes: [UInt8]) throws -> TensorStorage {
    try unsafe TensorStorage(byteCount: bytes.count) { buffer throws(FlywheelError) in
      unsafe buffer.copyBytes(from: bytes)
    }
  }

  /// Bytes as a message, which begins at byte 0.
  static func content(_ bytes: [UInt8]) throws -> (content: StoredBytes, image: FileImage) {
    let storage = try storage(bytes)
    let content = StoredBytes(storage: storage, range: 0..<bytes.count, fileOffset: 0)
    return (content, FileImage(storage: storage, baseAddress: 0, offsetSize: 8, lengthSize: 8))
  }
}
