import FlywheelCore
import FlywheelDeflate

/// Members of one block at most, gathered so that many of them are compressed at once.
struct SmallMembers {
  private struct Member {
    let name: [UInt8]
    let range: Range<Int>
    let crc32: UInt32?
    let compression: Compression
    let elementByteCount: Int
  }

  private var bytes: [UInt8] = []
  private var members: [Member] = []

  /// Whether there is enough work for all processors.
  var isFull: Bool {
    bytes.count >= Parallel.processorCount * ParallelDeflater.blockByteCount
  }

  /// Takes a member, whose bytes come from `pieces`.
  mutating func append(
    _ name: [UInt8],
    _ byteCount: Int,
    _ crc32: UInt32?,
    _ compression: Compression,
    _ elementByteCount: Int,
    _ pieces: ZipWriter.Pieces
  ) throws(FlywheelError) {
    let start = bytes.count
    var size = SizeCheck(byteCount)
    try pieces { (piece) throws(FlywheelError) in
      try size.take(piece)
      unsafe piece.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }
    try size.finish()
    members.append(
      Member(
        name: name,
        range: start..<bytes.count,
        crc32: crc32,
        compression: compression,
        elementByteCount: elementByteCount
      )
    )
  }

  /// Compresses and writes them; those that would not become smaller as they are.
  mutating func write(
    by deflater: ParallelDeflater,
    to file: inout BufferedFile,
    directory: inout [UInt8]
  ) throws(FlywheelError) {
    let (bytes, members) = (bytes, members)
    let tasks = Self.tasks(members, limit: deflater.taskLimit)
    try deflater.run(tasks.count) { (task, output) throws(FlywheelError) in
      for member in members[tasks[task]] {
        try output.append(
          bytes.rawBytes.extracting(member.range),
          member.compression,
          elementByteCount: member.elementByteCount,
          isLast: true,
          computesChecksum: member.crc32 == nil
        )
      }
    } _: { (task, output) throws(FlywheelError) in
      var start = 0
      for (member, part) in zip(members[tasks[task]], output.parts) {
        let isSmaller = part.end - start < member.range.count
        let written = ZipMember(
          member.name,
          isSmaller ? .deflated : .stored,
          at: file.byteCount,
          byteCount: member.range.count,
          compressedByteCount: isSmaller ? part.end - start : member.range.count,
          crc32: member.crc32 ?? part.crc32
        )
        try file.append(written.header.rawBytes)
        try file.append(
          isSmaller
            ? output.bytes.rawBytes.extracting(start..<part.end)
            : bytes.rawBytes.extracting(member.range)
        )
        written.appendRecord(to: &directory)
        start = part.end
      }
    }
    self.bytes.removeAll(keepingCapacity: true)
    self.members.removeAll(keepingCapacity: true)
  }

  /// Divides members into tasks of about equal size.
  private static func tasks(_ members: [Member], limit: Int) -> [Range<Int>] {
    guard let last = members.last else { return [] }
    let share = last.range.upperBound / limit
    var tasks: [Range<Int>] = []
    var start = 0
    for (index, member) in members.enumerated() {
      let isShare = tasks.count < limit - 1 && member.range.upperBound > share * (tasks.count + 1)
      guard isShare || index == members.count - 1 else { continue }
      tasks.append(start..<index + 1)
      start = index + 1
    }
    return tasks
  }
}
