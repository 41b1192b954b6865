import FlywheelCore

/// A member that is written: its header, and its record in the directory.
struct ZipMember {
  let name: [UInt8]
  let method: ZipMethod
  /// Where in the file its header is.
  let headerOffset: Int
  let byteCount: Int
  var compressedByteCount: Int
  var crc32: UInt32

  /// Whether its header has 64 bits for its sizes; decided before it is known to what size it compresses.
  private let isLarge: Bool
  /// How many bytes of extra fields move its bytes to a boundary.
  private let padding: Int

  /// The boundary of stored members' bytes: that of tensors in memory, so that they map as they are.
  static let alignment = TensorStorage.alignment

  init(
    _ name: [UInt8],
    _ method: ZipMethod,
    at headerOffset: Int,
    byteCount: Int,
    compressedByteCount: Int? = nil,
    crc32: UInt32 = 0
  ) {
    self.name = name
    self.method = method
    self.headerOffset = headerOffset
    self.byteCount = byteCount
    self.compressedByteCount = compressedByteCount ?? byteCount
    self.crc32 = crc32
    // Noise becomes larger, by less than the second term.
    isLarge = byteCount >= Self.limit32 - (method == .stored ? 0 : Self.limit32 >> 8)
    let end = headerOffset + ZipRecord.localHeaderByteCount + name.count + (isLarge ? 20 : 0)
    let gap = method == .stored && byteCount > 0 ? -end & (Self.alignment - 1) : 0
    // The field takes six bytes itself.
    padding = (1..<6).contains(gap) ? gap + Self.alignment : gap
  }

  private static let limit32 = Int(ZipRecord.elsewhere32)

  /// What stands in front of the member's bytes.
  var header: [UInt8] {
    var bytes: [UInt8] = []
    bytes.append32(ZipRecord.localHeader)
    appendCommon(to: &bytes, isLarge: isLarge)
    bytes.append32(isLarge ? ZipRecord.elsewhere32 : UInt32(compressedByteCount))
    bytes.append32(isLarge ? ZipRecord.elsewhere32 : UInt32(byteCount))
    bytes.append16(UInt16(name.count))
    bytes.append16(UInt16((isLarge ? 20 : 0) + padding))
    bytes.append(contentsOf: name)
    if isLarge {
      appendLargeExtra([byteCount, compressedByteCount], to: &bytes)
    }
    if padding > 0 {
      bytes.append16(ZipRecord.alignmentExtra)
      bytes.append16(UInt16(padding - 4))
      bytes.append16(UInt16(Self.alignment))
      bytes.append(contentsOf: repeatElement(0, count: padding - 6))
    }
    return bytes
  }

  /// Appends what the directory says of the member.
  func appendRecord(to bytes: inout [UInt8]) {
    let sizes = [byteCount, compressedByteCount, headerOffset]
    let large = sizes.filter { $0 >= Self.limit32 }
    let fields = sizes.map { $0 >= Self.limit32 ? ZipRecord.elsewhere32 : UInt32($0) }
    bytes.append32(ZipRecord.entry)
    // Made on Unix, so that the permissions below are read.
    bytes.append16(3 << 8 | version(isLarge: isLarge || !large.isEmpty))
    appendCommon(to: &bytes, isLarge: isLarge || !large.isEmpty)
    bytes.append32(fields[1])
    bytes.append32(fields[0])
    bytes.append16(UInt16(name.count))
    bytes.append16(large.isEmpty ? 0 : UInt16(4 + 8 * large.count))
    bytes.append16(0)  // no comment
    bytes.append16(0)  // the only disk
    bytes.append16(0)  // not known to be text
    bytes.append32(0o100_644 << 16)
    bytes.append32(fields[2])
    bytes.append(contentsOf: name)
    if !large.isEmpty { appendLargeExtra(large, to: &bytes) }
  }

  private func version(isLarge: Bool) -> UInt16 { isLarge ? 45 : 20 }

  /// Appends what header and record have in common, up to the CRC-32.
  private func appendCommon(to bytes: inout [UInt8], isLarge: Bool) {
    bytes.append16(version(isLarge: isLarge))
    bytes.append16(name.allSatisfy { $0 < 0x80 } ? 0 : ZipRecord.Flag.utf8)
    bytes.append16(method.rawValue)
    // Midnight of 1980-01-01, the format's first day: no clock in it.
    bytes.append16(0)
    bytes.append16(1 << 5 | 1)
    bytes.append32(crc32)
  }

  private func appendLargeExtra(_ sizes: [Int], to bytes: inout [UInt8]) {
    bytes.append16(ZipRecord.largeExtra)
    bytes.append16(UInt16(8 * sizes.count))
    for size in sizes { bytes.append64(UInt64(size)) }
  }
}
