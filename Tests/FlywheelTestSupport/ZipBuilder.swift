import FlywheelCore

/// Builds zip archives byte by byte: sound ones, and those that no writer should make.
public struct ZipBuilder: Sendable {
  /// What stands in front of the archive; offsets do not count it.
  public var prefix: [UInt8] = []
  /// The members.
  public var members: [Member]
  /// The archive's comment.
  public var comment: [UInt8] = []
  /// What follows the comment.
  public var suffix: [UInt8] = []
  /// Whether there are the records for large archives, and whether the small one leaves all to them.
  public var large: Large = .no
  /// The number of members that the end tells; the true one if nil.
  public var entryCount: UInt64?
  /// The number of the disk that the end tells.
  public var disk: UInt16 = 0

  /// The records for large archives.
  public enum Large: Sendable {
    case no
    case repeating
    case replacing
  }

  /// A member, with everything that can be wrong with it.
  public struct Member: Sendable {
    /// Its name in the directory.
    public var name: [UInt8]
    /// Its name in its header; that in the directory if nil.
    public var headerName: [UInt8]?
    /// The bytes as they lie in the file.
    public var data: [UInt8]
    /// The method in the directory.
    public var method: UInt16 = 0
    /// The method in its header; that in the directory if nil.
    public var headerMethod: UInt16?
    /// The flags, in both.
    public var flags: UInt16 = 0
    /// The checksum that the directory tells.
    public var crc32: UInt32
    /// The size that the directory tells.
    public var byteCount: UInt32
    /// The size in the file that the directory tells; the true one if nil.
    public var compressedByteCount: UInt32?
    /// Where the directory says that the header is; there if nil.
    public var headerOffset: UInt32?
    /// The disk that the directory tells.
    public var disk: UInt16 = 0
    /// The extra field in the header.
    public var headerExtra: [UInt8] = []
    /// The extra field in the directory.
    public var extra: [UInt8] = []
    /// The comment in the directory.
    public var comment: [UInt8] = []
    /// Whether the header leaves sizes and checksum to what follows the data, and what that is.
    public var descriptor: [UInt8]?

    /// Describes a stored member.
    ///
    /// - Parameters:
    ///   - name: Its name.
    ///   - data: Its bytes.
    public init(_ name: String, _ data: [UInt8]) {
      self.name = Array(name.utf8)
      self.data = data
      crc32 = CRC32.checksum(data.rawBytes)
      byteCount = UInt32(data.count)
    }

    /// Describes a deflated member, one uncompressed block.
    ///
    /// - Parameters:
    ///   - name: Its name.
    ///   - content: Its bytes; 65,535 at most.
    /// - Returns: The member, whose data are five bytes longer.
    public static func deflated(_ name: String, _ content: [UInt8]) -> Member {
      var member = Member(name, content)
      let count = UInt16(content.count)
      member.method = 8
      member.data = [1] + bytes(count) + bytes(~count) + content
      return member
    }
  }

  /// Starts with members.
  ///
  /// - Parameter members: The members.
  public init(_ members: [Member]) {
    self.members = members
  }

  /// The archive.
  ///
  /// - Returns: Its bytes.
  public func build() -> [UInt8] {
    var archive: [UInt8] = []
    var offsets: [UInt32] = []
    for member in members {
      offsets.append(UInt32(archive.count))
      archive += header(member) + member.data + (member.descriptor ?? [])
    }
    let start = archive.count
    for (member, offset) in zip(members, offsets) { archive += record(member, offset) }
    archive += end(directory: start..<archive.count)
    return prefix + archive + comment + suffix
  }

  /// An integer as the format has it.
  ///
  /// - Parameter value: The integer.
  /// - Returns: Its bytes, the low one first.
  public static func bytes<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
    (0..<Integer.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> Integer(8 * $0)) }
  }

  private func header(_ member: Member) -> [UInt8] {
    let name = member.headerName ?? member.name
    let isKnown = member.descriptor == nil
    let flags = member.flags | (isKnown ? 0 : 8)
    var bytes = Array("PK\u{3}\u{4}".utf8) + Self.bytes(20 as UInt16) + Self.bytes(flags)
    bytes += Self.bytes(member.headerMethod ?? member.method) + [0, 0, 0x21, 0]
    bytes += Self.bytes(isKnown ? member.crc32 : 0)
    bytes += Self.bytes(isKnown ? UInt32(member.data.count) : 0)
    bytes += Self.bytes(isKnown ? member.byteCount : 0)
    bytes += Self.bytes(UInt16(name.count)) + Self.bytes(UInt16(member.headerExtra.count))
    return bytes + name + member.headerExtra
  }

  private func record(_ member: Member, _ offset: UInt32) -> [UInt8] {
    let flags = member.flags | (member.descriptor == nil ? 0 : 8)
    var bytes = Array("PK\u{1}\u{2}".utf8) + [20, 3, 20, 0] + Self.bytes(flags)
    bytes += Self.bytes(member.method) + [0, 0, 0x21, 0] + Self.bytes(member.crc32)
    bytes += Self.bytes(member.compressedByteCount ?? UInt32(member.data.count))
    bytes += Self.bytes(member.byteCount)
    bytes += Self.bytes(UInt16(member.name.count)) + Self.bytes(UInt16(member.extra.count))
    bytes += Self.bytes(UInt16(member.comment.count)) + Self.bytes(member.disk)
    bytes += [0, 0, 0, 0, 0xA4, 0x81] + Self.bytes(member.headerOffset ?? offset)
    return bytes + member.name + member.extra + member.comment
  }

  private func end(directory: Range<Int>) -> [UInt8] {
    let count = entryCount ?? UInt64(members.count)
    var bytes: [UInt8] = []
    if large != .no {
      bytes += Array("PK\u{6}\u{6}".utf8) + Self.bytes(44 as UInt64) + [45, 3, 45, 0]
      bytes += Self.bytes(UInt32(disk)) + Self.bytes(UInt32(disk))
      bytes += Self.bytes(count) + Self.bytes(count)
      bytes += Self.bytes(UInt64(directory.count)) + Self.bytes(UInt64(directory.lowerBound))
      bytes += Array("PK\u{6}\u{7}".utf8) + Self.bytes(0 as UInt32)
      bytes += Self.bytes(UInt64(directory.upperBound)) + Self.bytes(1 as UInt32)
    }
    let isElsewhere = large == .replacing
    let count16 = isElsewhere ? UInt16.max : UInt16(truncatingIfNeeded: count)
    bytes += Array("PK\u{5}\u{6}".utf8) + Self.bytes(disk) + Self.bytes(disk)
    bytes += Self.bytes(count16) + Self.bytes(count16)
    bytes += Self.bytes(isElsewhere ? UInt32.max : UInt32(directory.count))
    bytes += Self.bytes(isElsewhere ? UInt32.max : UInt32(directory.lowerBound))
    return bytes + Self.bytes(UInt16(comment.count))
  }
}
