import FlywheelCore

/// Where an archive's directory lies, as the records at the end of the file say.
///
/// As in Python's zipfile, the directory lies right before them, and what it has too much of room in front
/// of it stands before the archive: all offsets count from behind that.
struct ZipEnd {
  /// Where the directory is.
  let directory: Range<Int>
  /// How many members it has; archives without the record for large ones keep only 16 bits of it.
  let entryCount: UInt64
  let isLarge: Bool
  /// How many bytes stand in front of the archive.
  let prefixByteCount: Int
  /// How many bytes follow it.
  let suffixByteCount: Int

  /// Finds the end of an archive.
  ///
  /// - Parameter bytes: The whole file.
  /// - Throws: `truncated` if it was cut off, `malformed` if it is no archive or contradicts itself,
  ///   `unsupported` if it is one of several disks.
  /// - Returns: The end.
  static func find(in bytes: RawSpan) throws(FlywheelError) -> ZipEnd {
    var best: ZipEnd?
    var failure: FlywheelError?
    // A comment of up to 64 KiB may follow, and hold what looks like another end.
    let last = bytes.byteCount - ZipRecord.endByteCount
    for offset in stride(from: last, through: max(0, last - Int(UInt16.max)), by: -1)
    where bytes.word32(offset) == ZipRecord.end {
      do throws(FlywheelError) {
        let end = try ZipEnd(bytes, at: offset)
        if end.isUsual { return end }
        if best == nil { best = end }
      } catch {
        if failure == nil { failure = error }
      }
    }
    if let best { return best }
    throw failure ?? notFound(in: bytes)
  }

  /// Whether nothing stands before or behind the archive.
  private var isUsual: Bool { prefixByteCount == 0 && suffixByteCount == 0 }

  private static func notFound(in bytes: RawSpan) -> FlywheelError {
    let count = UInt64(bytes.byteCount)
    // What is too short for a signature may still be the start of one.
    let first = min(bytes.byteCount, 4)
    let isStart = [ZipRecord.localHeader, ZipRecord.end].contains { signature in
      (0..<first).allSatisfy { bytes.byte($0) == UInt8(truncatingIfNeeded: signature >> (8 * $0)) }
    }
    guard isStart else {
      return .malformed(
        found: "no end of a zip archive",
        expected: "a zip archive",
        at: .init(byteOffset: count)
      )
    }
    return .truncated(
      "the end of a zip archive",
      needed: UInt64(ZipRecord.endByteCount),
      available: 0,
      at: .init(byteOffset: count)
    )
  }

  private init(_ bytes: RawSpan, at offset: Int) throws(FlywheelError) {
    let end = offset + ZipRecord.endByteCount + Int(bytes.word16(offset + 20))
    guard end <= bytes.byteCount else {
      throw FlywheelError.truncated(
        "the archive's comment",
        needed: UInt64(bytes.word16(offset + 20)),
        available: UInt64(bytes.byteCount - offset - ZipRecord.endByteCount),
        at: .init(byteOffset: UInt64(offset + ZipRecord.endByteCount))
      )
    }
    let small = Fields(end: bytes, at: offset)
    let large = try LargeFields(bytes, before: offset, small)
    let fields = large?.fields ?? small
    guard fields.disk == 0, fields.directoryDisk == 0, fields.diskEntryCount == fields.entryCount
    else {
      throw FlywheelError(
        .unsupported,
        "The archive is one of several disks; join them to one file, for example by 'zip -s 0'.",
        at: .init(byteOffset: UInt64(large?.offset ?? offset))
      )
    }
    let directoryEnd = large?.offset ?? offset
    let prefix = try Self.prefix(fields, before: directoryEnd)
    let start = directoryEnd - Int(fields.directoryByteCount)
    let least = UInt64(ZipRecord.entryByteCount)
    // What is counted has to be there before memory is asked for.
    guard fields.entryCount <= fields.directoryByteCount / least,
      fields.entryCount > 0 || fields.directoryByteCount == 0
    else {
      throw FlywheelError.malformed(
        found: "a directory of \(fields.directoryByteCount) bytes",
        expected: "one of \(fields.entryCount) members",
        at: .init(byteOffset: UInt64(directoryEnd))
      )
    }
    guard fields.entryCount == 0 || bytes.word32(start) == ZipRecord.entry else {
      throw FlywheelError.malformed(
        found: "something else",
        expected: "the start of the archive's directory",
        at: .init(byteOffset: UInt64(start))
      )
    }
    directory = start..<directoryEnd
    entryCount = fields.entryCount
    isLarge = large != nil
    prefixByteCount = prefix
    suffixByteCount = bytes.byteCount - end
  }

  /// How much more room there is before the directory than the archive knows of.
  private static func prefix(_ fields: Fields, before end: Int) throws(FlywheelError) -> Int {
    let (needed, overflow) = fields.directoryByteCount
      .addingReportingOverflow(fields.directoryOffset)
    guard !overflow, needed <= UInt64(end) else {
      throw FlywheelError.malformed(
        found: "a directory of \(fields.directoryByteCount) bytes at \(fields.directoryOffset)",
        expected: "one that ends at \(end) or before",
        at: .init(byteOffset: UInt64(end))
      )
    }
    return end - Int(needed)
  }

  /// What the end of an archive says, whether it is a large one or not.
  private struct Fields {
    let disk: UInt32
    let directoryDisk: UInt32
    let diskEntryCount: UInt64
    let entryCount: UInt64
    let directoryByteCount: UInt64
    let directoryOffset: UInt64

    init(end bytes: RawSpan, at offset: Int) {
      disk = UInt32(bytes.word16(offset + 4))
      directoryDisk = UInt32(bytes.word16(offset + 6))
      diskEntryCount = UInt64(bytes.word16(offset + 8))
      entryCount = UInt64(bytes.word16(offset + 10))
      directoryByteCount = UInt64(bytes.word32(offset + 12))
      directoryOffset = UInt64(bytes.word32(offset + 16))
    }

    init(largeEnd bytes: RawSpan, at offset: Int) {
      disk = bytes.word32(offset + 16)
      directoryDisk = bytes.word32(offset + 20)
      diskEntryCount = bytes.word64(offset + 24)
      entryCount = bytes.word64(offset + 32)
      directoryByteCount = bytes.word64(offset + 40)
      directoryOffset = bytes.word64(offset + 48)
    }

    /// Whether these, of a small end, are what a large one has, or say that they stand there.
    func agrees(with large: Fields) -> Bool {
      func agrees(_ value: UInt64, _ other: UInt64, _ elsewhere: UInt64) -> Bool {
        value == other || value == elsewhere
      }
      let (in16, in32) = (UInt64(ZipRecord.elsewhere16), UInt64(ZipRecord.elsewhere32))
      return agrees(UInt64(disk), UInt64(large.disk), in16)
        && agrees(UInt64(directoryDisk), UInt64(large.directoryDisk), in16)
        && agrees(diskEntryCount, large.diskEntryCount, in16)
        && agrees(entryCount, large.entryCount, in16)
        && agrees(directoryByteCount, large.directoryByteCount, in32)
        && agrees(directoryOffset, large.directoryOffset, in32)
    }
  }

  /// The end of a large archive, which lies before the other one.
  private struct LargeFields {
    let fields: Fields
    let offset: Int

    /// Reads it; nil if there is none.
    init?(_ bytes: RawSpan, before end: Int, _ small: Fields) throws(FlywheelError) {
      let locator = end - ZipRecord.locatorByteCount
      guard locator >= 0, bytes.word32(locator) == ZipRecord.locator else { return nil }
      guard bytes.word32(locator + 4) == 0, bytes.word32(locator + 16) <= 1 else {
        throw FlywheelError(
          .unsupported,
          "The archive is one of several disks; join them to one file, for example by 'zip -s 0'.",
          at: .init(byteOffset: UInt64(locator))
        )
      }
      // Where it is said to be; right before, if something stands in front of the archive.
      let last = locator - ZipRecord.largeEndByteCount
      let said = Int(exactly: bytes.word64(locator + 8)) ?? .max
      let places = said < last ? [said, last] : [last]
      guard last >= 0,
        let offset = places.first(where: { bytes.word32($0) == ZipRecord.largeEnd })
      else {
        throw FlywheelError.malformed(
          found: "no end record for large archives",
          expected: "one at \(bytes.word64(locator + 8))",
          at: .init(byteOffset: UInt64(locator))
        )
      }
      // What is not counted: the signature, and this number.
      guard bytes.word64(offset + 4) == UInt64(locator - offset - 12) else {
        throw FlywheelError.malformed(
          found: "an end record of \(bytes.word64(offset + 4)) bytes",
          expected: "one of \(locator - offset - 12)",
          at: .init(byteOffset: UInt64(offset + 4))
        )
      }
      fields = Fields(largeEnd: bytes, at: offset)
      self.offset = offset
      guard small.agrees(with: fields) else {
        throw FlywheelError.malformed(
          found: "two end records that contradict each other",
          expected: "the same numbers in both",
          at: .init(byteOffset: UInt64(end))
        )
      }
    }
  }
}

extension ZipEnd {
  /// The records that end an archive; those for large ones only if they are needed.
  static func records(entryCount: Int, directory: Range<Int>) -> [UInt8] {
    let isLarge =
      entryCount >= ZipRecord.elsewhere16
      || max(directory.count, directory.lowerBound) >= ZipRecord.elsewhere32
    var bytes: [UInt8] = []
    if isLarge {
      bytes.append32(ZipRecord.largeEnd)
      // What is not counted: the signature, and this number.
      bytes.append64(UInt64(ZipRecord.largeEndByteCount - 12))
      bytes.append16(3 << 8 | 45)
      bytes.append16(45)
      bytes.append32(0)
      bytes.append32(0)
      bytes.append64(UInt64(entryCount))
      bytes.append64(UInt64(entryCount))
      bytes.append64(UInt64(directory.count))
      bytes.append64(UInt64(directory.lowerBound))
      bytes.append32(ZipRecord.locator)
      bytes.append32(0)
      bytes.append64(UInt64(directory.upperBound))
      bytes.append32(1)
    }
    bytes.append32(ZipRecord.end)
    bytes.append16(0)
    bytes.append16(0)
    bytes.append16(UInt16(clamping: entryCount))
    bytes.append16(UInt16(clamping: entryCount))
    bytes.append32(UInt32(clamping: directory.count))
    bytes.append32(UInt32(clamping: directory.lowerBound))
    bytes.append16(0)
    return bytes
  }
}
