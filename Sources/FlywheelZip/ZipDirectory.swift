import FlywheelCore

/// An archive's directory: the only place that says which members there are, and how large they are.
struct ZipDirectory {
  /// The members in the directory's order.
  private(set) var entries: [ZipEntry] = []
  /// Which of them has a name.
  private(set) var indices: [String: Int] = [:]

  /// Reads the directory of an archive.
  ///
  /// - Parameter bytes: The whole file.
  /// - Throws: As `ZipReader.init(_:path:)`.
  init(_ bytes: RawSpan) throws(FlywheelError) {
    let end = try ZipEnd.find(in: bytes)
    // Each takes at least 46 bytes of the file, as `ZipEnd` has checked.
    entries.reserveCapacity(Int(end.entryCount))
    indices.reserveCapacity(Int(end.entryCount))
    var offset = end.directory.lowerBound
    while offset < end.directory.upperBound {
      let record = try Record(bytes, at: offset, before: end.directory.upperBound)
      let entry = try Self.entry(bytes, record, end)
      guard indices.updateValue(entries.count, forKey: entry.name) == nil else {
        throw FlywheelError.malformed(
          found: "a second member of the same name",
          expected: "each name once",
          at: .init(tensor: entry.name, byteOffset: UInt64(offset))
        )
      }
      entries.append(entry)
      offset = record.end
    }
    let count = UInt64(entries.count)
    guard end.entryCount == (end.isLarge ? count : count & UInt64(UInt16.max)) else {
      throw FlywheelError.malformed(
        found: "a directory of \(count) members",
        expected: "\(end.entryCount), as the end of the archive says",
        at: .init(byteOffset: UInt64(end.directory.upperBound))
      )
    }
    try checkOverlap(before: end.directory.lowerBound)
  }

  /// Lets no two members share bytes of the file: that is how small archives hold petabytes.
  private mutating func checkOverlap(before directory: Int) throws(FlywheelError) {
    var order = Array(entries.indices)
    let starts = entries.map(\.headerOffset)
    if !zip(starts, starts.dropFirst()).allSatisfy({ $0 < $1 }) {
      order.sort { starts[$0] < starts[$1] }
    }
    var limit = directory
    for index in order.reversed() {
      let entry = entries[index]
      let least = ZipRecord.localHeaderByteCount + entry.nameRange.count
      guard entry.headerOffset <= limit, least <= limit - entry.headerOffset,
        entry.compressedByteCount <= limit - entry.headerOffset - least
      else {
        throw FlywheelError.malformed(
          found: "a member of \(entry.compressedByteCount) bytes",
          expected: limit == directory
            ? "one that ends before the directory, at \(directory)"
            : "one that ends before the next member, at \(limit)",
          at: .init(tensor: entry.name, byteOffset: UInt64(entry.headerOffset))
        )
      }
      entries[index].limit = limit
      limit = entry.headerOffset
    }
  }

  /// One record of the directory, all of whose parts lie within it.
  private struct Record {
    let start: Int
    let name: Range<Int>
    let extra: Range<Int>
    let end: Int

    init(_ bytes: RawSpan, at offset: Int, before limit: Int) throws(FlywheelError) {
      guard limit - offset >= ZipRecord.entryByteCount,
        bytes.word32(offset) == ZipRecord.entry
      else {
        throw FlywheelError.malformed(
          found: "something else",
          expected: "the next member in the archive's directory",
          at: .init(byteOffset: UInt64(offset))
        )
      }
      start = offset
      let nameStart = offset + ZipRecord.entryByteCount
      let extraStart = nameStart + Int(bytes.word16(offset + 28))
      let commentStart = extraStart + Int(bytes.word16(offset + 30))
      end = commentStart + Int(bytes.word16(offset + 32))
      guard end <= limit else {
        throw FlywheelError.malformed(
          found: "a member whose name, extra field and comment end at \(end)",
          expected: "the end of the directory, at \(limit), or before",
          at: .init(byteOffset: UInt64(offset + 28))
        )
      }
      name = nameStart..<extraStart
      extra = extraStart..<commentStart
    }
  }

  private static func entry(
    _ bytes: RawSpan,
    _ record: Record,
    _ end: ZipEnd
  ) throws(FlywheelError) -> ZipEntry {
    let nameBytes = bytes.extracting(record.name)
    let flags = bytes.word16(record.start + 8)
    let name = ZipName.decode(nameBytes, isUTF8: flags & ZipRecord.Flag.utf8 != 0)
    guard let name else {
      throw FlywheelError.malformed(
        found: "a member's name that is no UTF-8",
        expected: "UTF-8, which it is marked as",
        at: .init(byteOffset: UInt64(record.name.lowerBound))
      )
    }
    if let danger = ZipName.danger(in: nameBytes) {
      throw FlywheelError.malformed(
        found: danger,
        expected: "one that stays in its folder",
        at: .init(tensor: name, byteOffset: UInt64(record.name.lowerBound))
      )
    }
    guard !name.hasTooManyCombiningMarks else {
      throw FlywheelError.tooManyCombiningMarks(
        at: .init(byteOffset: UInt64(record.name.lowerBound))
      )
    }
    let numbers = try Numbers(bytes, record, name)
    guard numbers.disk == 0 else {
      throw FlywheelError(
        .unsupported,
        "The member lies on another disk (\(numbers.disk)); "
          + "join the archive to one file, for example by 'zip -s 0'.",
        at: .init(tensor: name, byteOffset: UInt64(record.start + 34))
      )
    }
    // No more than the file has: more could not be true, and would overflow what is computed from it.
    guard let byteCount = Int(exactly: numbers.byteCount),
      numbers.compressedByteCount <= UInt64(end.directory.lowerBound),
      numbers.headerOffset <= UInt64(end.directory.lowerBound - end.prefixByteCount)
    else {
      throw FlywheelError.malformed(
        found: "a member of \(numbers.compressedByteCount) bytes at \(numbers.headerOffset)",
        expected: "one that lies before the directory, at \(end.directory.lowerBound)",
        at: .init(tensor: name, byteOffset: UInt64(record.start + 20))
      )
    }
    return ZipEntry(
      name: name,
      method: ZipMethod(rawValue: bytes.word16(record.start + 10)),
      byteCount: byteCount,
      compressedByteCount: Int(numbers.compressedByteCount),
      crc32: bytes.word32(record.start + 16),
      flags: flags,
      headerOffset: Int(numbers.headerOffset) + end.prefixByteCount,
      nameRange: record.name,
      limit: end.directory.lowerBound
    )
  }

  /// The numbers of a member that may be too large for its record, and stand in its extra field then.
  private struct Numbers {
    var byteCount: UInt64
    var compressedByteCount: UInt64
    var headerOffset: UInt64
    var disk: UInt32

    init(_ bytes: RawSpan, _ record: Record, _ name: String) throws(FlywheelError) {
      byteCount = UInt64(bytes.word32(record.start + 24))
      compressedByteCount = UInt64(bytes.word32(record.start + 20))
      headerOffset = UInt64(bytes.word32(record.start + 42))
      disk = UInt32(bytes.word16(record.start + 34))
      var offset = record.extra.lowerBound
      var isRead = false
      // Up to three bytes at the end are padding.
      while record.extra.upperBound - offset >= 4 {
        let start = offset + 4
        let end = start + Int(bytes.word16(offset + 2))
        guard end <= record.extra.upperBound else {
          throw FlywheelError.malformed(
            found: "an extra field that ends at \(end)",
            expected: "the end of the extra fields, at \(record.extra.upperBound), or before",
            at: .init(tensor: name, byteOffset: UInt64(offset))
          )
        }
        if bytes.word16(offset) == ZipRecord.largeExtra {
          guard !isRead, readLarge(bytes.extracting(start..<end)) else {
            throw FlywheelError.malformed(
              found: isRead ? "a second zip64 field" : "a zip64 field of \(end - start) bytes",
              expected: "one with every number that the record leaves to it",
              at: .init(tensor: name, byteOffset: UInt64(offset))
            )
          }
          isRead = true
        }
        offset = end
      }
    }

    /// Takes the numbers that the record leaves out, which follow each other; false if one is missing.
    private mutating func readLarge(_ field: RawSpan) -> Bool {
      var offset = 0
      func next() -> UInt64? {
        guard field.byteCount - offset >= 8 else { return nil }
        offset += 8
        return field.word64(offset - 8)
      }
      let isElsewhere = UInt64(ZipRecord.elsewhere32)
      if byteCount == isElsewhere {
        guard let value = next() else { return false }
        byteCount = value
      }
      if compressedByteCount == isElsewhere {
        guard let value = next() else { return false }
        compressedByteCount = value
      }
      if headerOffset == isElsewhere {
        guard let value = next() else { return false }
        headerOffset = value
      }
      if disk == UInt32(ZipRecord.elsewhere16) {
        guard field.byteCount - offset >= 4 else { return false }
        disk = field.word32(offset)
      }
      return true
    }
  }
}
