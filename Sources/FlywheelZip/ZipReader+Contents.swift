public import FlywheelCore
import FlywheelDeflate

extension ZipReader {
  /// Where a stored member's bytes lie in the file, so that they can be used as they are.
  ///
  /// Nothing of them is read: `verify(_:)` checks them.
  ///
  /// - Parameter entry: The member.
  /// - Throws: `malformed` if its header contradicts the directory, or its sizes each other;
  ///   `unsupported` if it is encrypted or compressed in a way that is not read.
  /// - Returns: The bytes' range; nil if they are compressed.
  public func storedRange(of entry: ZipEntry) throws(FlywheelError) -> Range<Int>? {
    let range = try range(of: entry)
    return entry.method == .stored ? range : nil
  }

  /// Reads a member.
  ///
  /// - Parameters:
  ///   - entry: The member.
  ///   - verifiesChecksum: Whether to check its CRC-32.
  /// - Throws: As `storedRange(of:)`, and `corrupted`, `truncated` or `malformed` if the bytes are damaged or not
  ///   as many as the directory says; `limitExceeded` if there is no memory for them.
  /// - Returns: Its bytes in memory of their own.
  public func contents(
    of entry: ZipEntry,
    verifiesChecksum: Bool = true
  ) throws(FlywheelError) -> TensorStorage {
    let range = try range(of: entry)
    let file = bytes
    let source = file.bytes.extracting(range)
    let contents = try located(entry, range) { () throws(FlywheelError) in
      try unsafe TensorStorage(
        byteCount: entry.byteCount,
        unsafeFilledBy: { buffer throws(FlywheelError) in
          guard entry.method == .deflated else {
            // As many bytes as there are, as `range(of:)` has checked.
            unsafe source.withUnsafeBytes { unsafe buffer.copyMemory(from: $0) }
            return
          }
          var target = unsafe MutableRawSpan(_unsafeBytes: buffer)
          try checkEnd(try Inflate.inflate(source, .raw, into: &target), in: source)
        }
      )
    }
    if verifiesChecksum { try check(CRC32.checksum(contents.bytes), of: entry, range) }
    return contents
  }

  /// Reads the first bytes of a member, without the rest of it and without its checksum.
  ///
  /// - Parameters:
  ///   - entry: The member.
  ///   - count: How many bytes; fewer come if it has no more.
  /// - Throws: As `contents(of:verifiesChecksum:)`, as far as that shows in these bytes.
  /// - Returns: The bytes.
  public func prefix(of entry: ZipEntry, count: Int) throws(FlywheelError) -> [UInt8] {
    let range = try range(of: entry)
    let file = bytes
    let source = file.bytes.extracting(range)
    let count = min(count, entry.byteCount)
    guard entry.method == .deflated else {
      return unsafe source.extracting(first: count).withUnsafeBytes { unsafe Array($0) }
    }
    return try located(entry, range) { () throws(FlywheelError) in
      var inflater = try Inflater(.raw)
      var prefix = [UInt8](repeating: 0, count: count)
      let produced = try prefix.withMutableRawBytes { (target) throws(FlywheelError) in
        try inflater.read(from: source, into: &target)
      }
      guard produced == count else { throw Self.wrongSize(produced, inflater, entry) }
      return prefix
    }
  }

  /// Reads a member piece by piece, in memory that does not grow with it.
  ///
  /// - Parameters:
  ///   - entry: The member.
  ///   - verifiesChecksum: Whether to check its CRC-32, after the last piece.
  ///   - body: Takes its bytes in pieces; what it has taken is only known to be whole when this returns.
  /// - Throws: As `contents(of:verifiesChecksum:)`, and what `body` throws.
  public func read(
    _ entry: ZipEntry,
    verifiesChecksum: Bool = true,
    _ body: (RawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    let range = try range(of: entry)
    let file = bytes
    let source = file.bytes.extracting(range)
    var checksum: UInt32 = 0
    func take(_ piece: RawSpan) throws(FlywheelError) {
      if verifiesChecksum { checksum = CRC32.checksum(piece, continuing: checksum) }
      try body(piece)
    }
    if entry.method == .deflated {
      try inflate(source, entry, range, take)
    } else {
      for start in stride(from: 0, to: source.byteCount, by: Self.pieceByteCount) {
        try take(source.extracting(start..<min(start + Self.pieceByteCount, source.byteCount)))
      }
    }
    if verifiesChecksum { try check(checksum, of: entry, range) }
  }

  /// Checks all that can be checked of a member: its header, its sizes and its CRC-32.
  ///
  /// - Parameter entry: The member.
  /// - Throws: As `contents(of:verifiesChecksum:)`.
  public func verify(_ entry: ZipEntry) throws(FlywheelError) {
    try read(entry) { _ in }
  }

  /// What stays in a processor's cache until it has been used.
  private static var pieceByteCount: Int { 1 << 18 }

  /// Where a member's bytes lie in the file, after its header, which is checked, as are its sizes.
  private func range(of entry: ZipEntry) throws(FlywheelError) -> Range<Int> {
    try requireReadable(entry)
    let storage = bytes
    let file = storage.bytes
    let start = entry.headerOffset
    func contradiction(_ found: String, _ expected: String, _ offset: Int) -> FlywheelError {
      .malformed(
        found: found,
        expected: expected,
        at: .init(path: path, tensor: entry.name, byteOffset: UInt64(offset))
      )
    }
    let nameStart = start + ZipRecord.localHeaderByteCount
    // The directory's reader has left room for the header, and for a name of this length.
    guard file.word32(start) == ZipRecord.localHeader else {
      throw contradiction("something else", "the header of a member", start)
    }
    let nameCount = Int(file.word16(start + 26))
    guard nameCount == entry.nameRange.count,
      (0..<nameCount).allSatisfy({
        file.byte(nameStart + $0) == file.byte(entry.nameRange.lowerBound + $0)
      })
    else {
      throw contradiction("another name in the member's header", "the directory's", start + 26)
    }
    let method = ZipMethod(rawValue: file.word16(start + 8))
    guard method == entry.method else {
      throw contradiction(
        "\(method) in the member's header",
        "\(entry.method), as the directory says",
        start + 8
      )
    }
    let dataStart = nameStart + nameCount + Int(file.word16(start + 28))
    guard dataStart <= entry.limit, entry.compressedByteCount <= entry.limit - dataStart else {
      throw contradiction(
        "a member of \(entry.compressedByteCount) bytes from \(dataStart) on",
        "one that ends before \(entry.limit), where something else begins",
        start + 28
      )
    }
    return dataStart..<dataStart + entry.compressedByteCount
  }

  /// Throws if a member is of a kind that is not read, or says impossible things of itself.
  private func requireReadable(_ entry: ZipEntry) throws(FlywheelError) {
    let record = entry.nameRange.lowerBound - ZipRecord.entryByteCount
    func refusal(_ reason: String, _ offset: Int) -> FlywheelError {
      FlywheelError(
        .unsupported,
        reason,
        at: .init(path: path, tensor: entry.name, byteOffset: UInt64(record + offset))
      )
    }
    let encryption =
      ZipRecord.Flag.encrypted | ZipRecord.Flag.stronglyEncrypted | ZipRecord.Flag.maskedHeader
    guard entry.flags & encryption == 0 else {
      throw refusal(
        "The member is encrypted; unpack the archive and pack it without a password.",
        8
      )
    }
    guard entry.flags & ZipRecord.Flag.patch == 0 else {
      throw refusal("The member is a patch of another file, which is not read.", 8)
    }
    let isPossible: Bool
    switch entry.method {
    case .stored: isPossible = entry.byteCount == entry.compressedByteCount
    case .deflated:
      isPossible = entry.byteCount / Inflate.maximumExpansion <= entry.compressedByteCount
    default:
      throw refusal(
        "The member is compressed by \(entry.method), which is not read; "
          + "unpack the archive and pack it anew.",
        10
      )
    }
    guard isPossible else {
      throw FlywheelError.malformed(
        found: "a member of \(entry.byteCount) bytes",
        expected:
          "what \(entry.compressedByteCount) bytes in the archive can hold (\(entry.method))",
        at: .init(path: path, tensor: entry.name, byteOffset: UInt64(record + 24))
      )
    }
  }

  private func inflate(
    _ source: RawSpan,
    _ entry: ZipEntry,
    _ range: Range<Int>,
    _ take: (RawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    var inflater = try located(entry, range) { () throws(FlywheelError) in try Inflater(.raw) }
    // One byte more, so that what goes on after the end shows.
    let count = min(Self.pieceByteCount, entry.byteCount + 1)
    var piece = [UInt8](repeating: 0, count: count)
    while !inflater.isFinished {
      let produced = try located(entry, range) { () throws(FlywheelError) in
        let rest = source.extracting(droppingFirst: inflater.compressedByteCount)
        let produced = try piece.withMutableRawBytes { (target) throws(FlywheelError) in
          try inflater.read(from: rest, into: &target)
        }
        guard inflater.byteCount <= entry.byteCount else {
          throw Self.wrongSize(inflater.byteCount, inflater, entry)
        }
        return produced
      }
      try take(piece.rawBytes.extracting(first: produced))
    }
    try located(entry, range) { () throws(FlywheelError) in
      guard inflater.byteCount == entry.byteCount else {
        throw Self.wrongSize(inflater.byteCount, inflater, entry)
      }
      try checkEnd(inflater.compressedByteCount, in: source)
    }
  }

  private static func wrongSize(
    _ count: Int,
    _ inflater: borrowing Inflater,
    _ entry: ZipEntry
  ) -> FlywheelError {
    .malformed(
      found: count > entry.byteCount
        ? "compressed data that go on after \(entry.byteCount) bytes"
        : "compressed data of \(count) bytes",
      expected: "\(entry.byteCount) bytes, as the directory says",
      at: .init(byteOffset: UInt64(inflater.compressedByteCount))
    )
  }

  /// Lets nothing follow a compressed stream.
  private func checkEnd(_ used: Int, in source: RawSpan) throws(FlywheelError) {
    guard used == source.byteCount else {
      throw FlywheelError.malformed(
        found: "\(source.byteCount - used) bytes after the compressed data",
        expected: "the end of the member",
        at: .init(byteOffset: UInt64(used))
      )
    }
  }

  private func check(
    _ checksum: UInt32,
    of entry: ZipEntry,
    _ range: Range<Int>
  ) throws(FlywheelError) {
    guard checksum == entry.crc32 else {
      throw FlywheelError(
        .corrupted,
        "The member's bytes have the CRC-32 \(CRC32.hexadecimal(checksum)), but the archive says "
          + "\(CRC32.hexadecimal(entry.crc32)): they have changed since they were written. "
          + "Copy the file again or use an older one.",
        at: .init(path: path, tensor: entry.name, byteOffset: UInt64(range.lowerBound))
      )
    }
  }

  /// Completes an error whose offset counts from the start of a member's bytes.
  private func located<Result: ~Copyable>(
    _ entry: ZipEntry,
    _ range: Range<Int>,
    _ body: () throws(FlywheelError) -> Result
  ) throws(FlywheelError) -> Result {
    do throws(FlywheelError) {
      return try body()
    } catch {
      var error = error.located(path: path, tensor: entry.name)
      error.location.byteOffset = error.location.byteOffset.map { $0 + UInt64(range.lowerBound) }
      throw error
    }
  }
}
