public import FlywheelCore
public import FlywheelDeflate
public import SystemPackage

/// Writes a new zip archive.
///
/// Equal calls give equal bytes: there is no clock in it. The bytes of stored members begin at multiples of
/// 64, so that they can be mapped; what is larger than zip's 32 bits is written as zip64, and nothing else
/// is. The archive appears under its name, whole, when it is finished; dropped before, it leaves nothing.
public struct ZipWriter: ~Copyable {
  /// Hands out bytes in pieces of any size.
  public typealias Pieces = ((RawSpan) throws(FlywheelError) -> Void) throws(FlywheelError) -> Void

  /// The name that the archive will have.
  public let path: FilePath

  private var file: BufferedFile
  private var names: Set<String> = []
  private var directory: [UInt8] = []
  private var small = SmallMembers()
  private let deflater = ParallelDeflater()
  // False while a member is written; it stays so after an error.
  private var isWhole = true

  /// Starts an archive.
  ///
  /// - Parameters:
  ///   - path: Its name; a file that has the name already stays until this one is finished.
  ///   - durability: What `finish()` waits for.
  /// - Throws: `notFound` if the directory is not there, `inputOutput` if it cannot be written.
  public init(
    replacing path: FilePath,
    durability: AtomicFile.Durability = .durable
  ) throws(FlywheelError) {
    file = BufferedFile(try AtomicFile(replacing: path, durability: durability))
    self.path = path
  }

  /// Writes a member.
  ///
  /// After an error the archive is of no use.
  ///
  /// - Parameters:
  ///   - name: Its name, with `/` between folders.
  ///   - byteCount: The number of its bytes.
  ///   - crc32: The CRC-32 of its bytes, if it is known; it is not computed again then.
  ///   - compression: How hard to compress; what would not become smaller is stored where that shows at once.
  ///   - elementByteCount: The size of the elements that the bytes are, which helps `fast`.
  ///   - pieces: Hands out its bytes.
  /// - Throws: `alreadyExists` if there is a member of this name, `invalidArgument` for a name that is empty, too
  ///   long, or leads out of its folder, `mismatch` if there are more or fewer bytes, `inputOutput`, and what
  ///   `pieces` throws.
  public mutating func write(
    _ name: String,
    byteCount: Int,
    crc32: UInt32? = nil,
    compression: Compression = .none,
    elementByteCount: Int = 1,
    _ pieces: Pieces
  ) throws(FlywheelError) {
    try requireWhole()
    try requireNew(name)
    isWhole = false
    do throws(FlywheelError) {
      let name = Array(name.utf8)
      if compression == .none {
        try store(name, byteCount, crc32, pieces)
      } else if byteCount <= ParallelDeflater.blockByteCount {
        try small.append(name, byteCount, crc32, compression, elementByteCount, pieces)
        if small.isFull { try writeSmallMembers() }
      } else {
        try compress(name, byteCount, crc32, compression, elementByteCount, pieces)
      }
    } catch {
      throw error.located(path: path, tensor: name)
    }
    names.insert(name)
    isWhole = true
  }

  /// Makes the archive durable and gives it its name.
  ///
  /// - Throws: `inputOutput`; a file that had the name before is then still there.
  public consuming func finish() throws(FlywheelError) {
    try requireWhole()
    try writeSmallMembers()
    let directory = directory
    let start = file.byteCount
    try file.append(directory.rawBytes)
    let end = ZipEnd.records(entryCount: names.count, directory: start..<file.byteCount)
    try file.append(end.rawBytes)
    try file.commit()
  }

  private func requireWhole() throws(FlywheelError) {
    guard isWhole else {
      throw FlywheelError(
        .invalidArgument,
        "A member of the archive could not be written; start the archive anew.",
        at: .init(path: path)
      )
    }
  }

  private func requireNew(_ name: String) throws(FlywheelError) {
    let location = FlywheelError.Location(path: path, tensor: name)
    guard !names.contains(name) else {
      throw FlywheelError(
        .alreadyExists,
        "The archive has a member of this name already; each needs a name of its own.",
        at: location
      )
    }
    let bytes = Array(name.utf8)
    guard bytes.count <= Int(UInt16.max) else {
      throw FlywheelError(
        .invalidArgument,
        "The name has \(bytes.count) bytes; a zip archive has room for \(UInt16.max).",
        at: location
      )
    }
    if let danger = ZipName.danger(in: bytes.rawBytes) {
      throw FlywheelError(
        .invalidArgument,
        "Found \(danger); programs that unpack archives refuse it. Rename the member.",
        at: location
      )
    }
  }

  private mutating func store(
    _ name: [UInt8],
    _ byteCount: Int,
    _ crc32: UInt32?,
    _ pieces: Pieces
  ) throws(FlywheelError) {
    try writeSmallMembers()
    var member = ZipMember(
      name,
      .stored,
      at: file.byteCount,
      byteCount: byteCount,
      crc32: crc32 ?? 0
    )
    try file.append(member.header.rawBytes)
    var size = SizeCheck(byteCount)
    try pieces { (piece) throws(FlywheelError) in
      try size.take(piece)
      guard crc32 == nil else {
        try file.append(piece)
        return
      }
      // Both uses while it is in the processor's cache.
      for start in stride(from: 0, to: piece.byteCount, by: Self.partByteCount) {
        let end = min(start + Self.partByteCount, piece.byteCount)
        let part = piece.extracting(start..<end)
        member.crc32 = CRC32.checksum(part, continuing: member.crc32)
        try file.append(part)
      }
    }
    try size.finish()
    if crc32 == nil { try file.overwrite(member.header.rawBytes, at: member.headerOffset) }
    member.appendRecord(to: &directory)
  }

  private mutating func compress(
    _ name: [UInt8],
    _ byteCount: Int,
    _ crc32: UInt32?,
    _ compression: Compression,
    _ elementByteCount: Int,
    _ pieces: Pieces
  ) throws(FlywheelError) {
    try writeSmallMembers()
    let block = ParallelDeflater.blockByteCount
    var member = ZipMember(name, .deflated, at: file.byteCount, byteCount: byteCount)
    try file.append(member.header.rawBytes)
    let start = file.byteCount
    var checksum: UInt32 = 0
    var blocks = BlockCollector(
      byteCount: byteCount,
      blockByteCount: block,
      runBlockCount: deflater.taskLimit
    )
    var size = SizeCheck(byteCount)
    try pieces { (piece) throws(FlywheelError) in
      try size.take(piece)
      try blocks.append(piece) { (kept, rest, isLast) throws(FlywheelError) in
        let runByteCount = kept.byteCount + rest.byteCount
        let count = (runByteCount + block - 1) / block
        try deflater.run(count) { (index, output) throws(FlywheelError) in
          let offset = index * block
          let end = min(offset + block, runByteCount)
          let bytes =
            offset < kept.byteCount
            ? kept.extracting(offset..<end)
            : rest.extracting(offset - kept.byteCount..<end - kept.byteCount)
          try output.append(
            bytes,
            compression,
            elementByteCount: elementByteCount,
            isLast: isLast && index == count - 1,
            computesChecksum: crc32 == nil
          )
        } _: { (index, output) throws(FlywheelError) in
          try file.append(output.bytes.rawBytes)
          for part in output.parts where crc32 == nil {
            checksum = CRC32.combine(
              checksum,
              part.crc32,
              secondByteCount: min(block, runByteCount - index * block)
            )
          }
        }
      }
    }
    try size.finish()
    member.crc32 = crc32 ?? checksum
    member.compressedByteCount = file.byteCount - start
    try file.overwrite(member.header.rawBytes, at: member.headerOffset)
    member.appendRecord(to: &directory)
  }

  private mutating func writeSmallMembers() throws(FlywheelError) {
    try small.write(by: deflater, to: &file, directory: &directory)
  }

  /// What stays in a processor's cache between its two uses.
  private static var partByteCount: Int { 1 << 18 }
}
