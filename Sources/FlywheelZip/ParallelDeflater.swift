import FlywheelCore
import FlywheelDeflate
import Synchronization

/// Compresses on all processors at once, into memory that is used again and again.
final class ParallelDeflater: Sendable {
  /// The size of the blocks that a member is compressed in; what is written depends on it.
  static let blockByteCount = 1 << 20

  /// What comes of one task.
  struct Output {
    /// Parts of deflate streams, one after the other.
    var bytes: [UInt8] = []
    /// Where each part ends, and the CRC-32 of what it was made of, if that is asked for.
    var parts: [(end: Int, crc32: UInt32)] = []

    mutating func append(
      _ block: RawSpan,
      _ compression: Compression,
      elementByteCount: Int,
      isLast: Bool,
      computesChecksum: Bool
    ) throws(FlywheelError) {
      // First, because it brings the block into the processor's cache at the speed of memory.
      let crc32 = computesChecksum ? CRC32.checksum(block) : 0
      try Deflate.append(
        block,
        compression,
        elementByteCount: elementByteCount,
        isLast: isLast,
        to: &bytes
      )
      parts.append((bytes.count, crc32))
    }
  }

  private final class Slot: Sendable {
    let output = Mutex(Output())
  }

  private let slots = (0..<2 * Parallel.processorCount).map { _ in Slot() }

  /// How many tasks there may be at a time.
  var taskLimit: Int { slots.count }

  /// Runs tasks, and hands out what comes of each in order.
  func run(
    _ count: Int,
    _ task: @Sendable (Int, inout Output) throws(FlywheelError) -> Void,
    _ take: (Int, Output) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    try Parallel.forEach(count) { (index) throws(FlywheelError) in
      try slots[index].output.withLock { (output) throws(FlywheelError) in
        output.bytes.removeAll(keepingCapacity: true)
        output.parts.removeAll(keepingCapacity: true)
        try task(index, &output)
      }
    }
    for index in 0..<count {
      try slots[index].output.withLock { (output) throws(FlywheelError) in
        try take(index, output)
      }
    }
  }
}
