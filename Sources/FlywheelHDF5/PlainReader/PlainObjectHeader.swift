import FlywheelCore

/// The messages of an object header of version 2, its checksums verified.
///
/// Format specification, section IV.A.1.b.
enum PlainObjectHeader {
  /// The kinds of message that describe plain groups and datasets.
  enum Message: UInt8 {
    case null = 0x00
    case dataspace = 0x01
    case linkInfo = 0x02
    case datatype = 0x03
    case fillValueOld = 0x04
    case fillValue = 0x05
    case link = 0x06
    case layout = 0x08
    case groupInfo = 0x0A
    case attribute = 0x0C
    case continuation = 0x10
    case modificationTime = 0x12
    case attributeInfo = 0x15
  }

  /// More blocks than any header needs; what has more goes in a circle.
  private static let blockLimit = 256

  /// Visits the messages of the header at an address.
  ///
  /// - Parameters:
  ///   - file: The whole file.
  ///   - address: Where the header is.
  ///   - visit: Called with each message's kind and content; false ends the visit.
  /// - Throws: `truncated` if the file ends within the header, and what `visit` throws.
  /// - Returns: Whether the header is whole, plain, and was visited to its end.
  static func visit(
    _ file: RawSpan,
    at address: Int,
    _ visit: (Message, RawSpan) throws(FlywheelError) -> Bool
  ) throws(FlywheelError) -> Bool {
    guard var block = try firstBlock(file, at: address) else { return false }
    var continuations: [(address: Int, count: Int)] = []
    // Blocks do not overlap in a sound file, so that all of them together fit it.
    var budget = file.byteCount
    for visited in 0..<blockLimit {
      var reader = ByteReader(block.messages)
      let prefix = block.tracksOrder ? 6 : 4
      // What is shorter than a message's prefix is a gap.
      while reader.remaining >= prefix {
        let kind = try reader.readLittleEndian(UInt8.self, "a message's kind")
        let count = try reader.readLittleEndian(UInt16.self, "a message's size")
        let flags = try reader.readLittleEndian(UInt8.self, "a message's flags")
        if block.tracksOrder { _ = try reader.take(2, "a message's order") }
        let content = try reader.take(Int(count), "a message")
        // A shared message lies elsewhere.
        guard let message = Message(rawValue: kind), flags & 0x02 == 0 else { return false }
        if message == .continuation {
          guard let next = try continuation(content) else { return false }
          continuations.append(next)
        } else {
          guard try visit(message, content) else { return false }
        }
      }
      guard visited < continuations.count else { return true }
      let (address, count) = continuations[visited]
      guard count <= budget else { return false }
      budget -= count
      guard let messages = continuedMessages(file, at: address, count) else { return false }
      block.messages = messages
    }
    return false
  }

  /// Where a continuation message says that the header goes on.
  private static func continuation(
    _ content: RawSpan
  ) throws(FlywheelError) -> (address: Int, count: Int)? {
    var reader = ByteReader(content)
    let offset = try reader.readLittleEndian(UInt64.self, "a continuation's address")
    let length = try reader.readLittleEndian(UInt64.self, "a continuation's length")
    guard let address = Int(exactly: offset), let count = Int(exactly: length) else { return nil }
    return (address, count)
  }

  /// The messages of one block.
  private struct Block: ~Escapable {
    var messages: RawSpan
    let tracksOrder: Bool

    @_lifetime(copy messages)
    init(_ messages: RawSpan, tracksOrder: Bool) {
      self.messages = messages
      self.tracksOrder = tracksOrder
    }
  }

  @_lifetime(copy file)
  private static func firstBlock(
    _ file: RawSpan,
    at address: Int
  ) throws(FlywheelError) -> Block? {
    guard address >= 0, address <= file.byteCount else { return nil }
    let bytes = file.extracting(droppingFirst: address)
    var reader = ByteReader(bytes)
    let signature = try reader.readBigEndian(UInt32.self, "the signature")
    let version = try reader.readLittleEndian(UInt8.self, "the version")
    let flags = try reader.readLittleEndian(UInt8.self, "the flags")
    guard signature == 0x4F48_4452, version == 2 else { return nil }  // "OHDR"
    if flags & 0x20 != 0 { _ = try reader.take(16, "the times") }
    if flags & 0x10 != 0 { _ = try reader.take(4, "the attribute limits") }
    let count: UInt64 =
      switch flags & 0x03 {
      case 0: UInt64(try reader.readLittleEndian(UInt8.self, "the size"))
      case 1: UInt64(try reader.readLittleEndian(UInt16.self, "the size"))
      case 2: UInt64(try reader.readLittleEndian(UInt32.self, "the size"))
      default: try reader.readLittleEndian(UInt64.self, "the size")
      }
    guard let byteCount = Int(exactly: count) else { return nil }
    let messages = try reader.take(byteCount, "the messages")
    let end = reader.offset
    let checksum = try reader.readLittleEndian(UInt32.self, "the checksum")
    guard checksum == MetadataChecksum.checksum(bytes.extracting(first: end)) else { return nil }
    return Block(messages, tracksOrder: flags & 0x04 != 0)
  }

  @_lifetime(copy file)
  private static func continuedMessages(
    _ file: RawSpan,
    at address: Int,
    _ count: Int
  ) -> RawSpan? {
    guard address >= 0, count >= 8, address <= file.byteCount, count <= file.byteCount - address
    else { return nil }
    let block = file.extracting(address..<address + count)
    let signature = unsafe block.unsafeLoadUnaligned(as: UInt32.self).bigEndian
    let checksum = unsafe block.unsafeLoadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
    guard signature == 0x4F43_484B,  // "OCHK"
      UInt32(littleEndian: checksum)
        == MetadataChecksum.checksum(block.extracting(first: count - 4))
    else { return nil }
    return block.extracting(4..<count - 4)
  }
}
