internal import FlywheelCore
internal import FlywheelDeflate
internal import Synchronization

/// Compresses chunks, several at a time, into memory that serves one batch after the other.
struct ChunkCompressor: Sendable {
  /// The most chunks of a batch: enough for all processors to finish at about the same time.
  static let batchCount = 4 * Parallel.processorCount

  private let compression: Compression
  private let elementByteCount: Int
  private let slots = (0..<ChunkCompressor.batchCount).map { _ in Slot() }

  private final class Slot: Sendable {
    let padded = Mutex<[UInt8]>([])
    let compressed = Mutex<[UInt8]>([])
  }

  init(_ compression: Compression, elementByteCount: Int) {
    self.compression = compression
    self.elementByteCount = elementByteCount
  }

  /// Compresses a batch.
  ///
  /// - Parameters:
  ///   - bytes: What the chunks hold, one after the other.
  ///   - ends: Where each of them ends.
  ///   - chunkByteCount: The size of a whole chunk; those that hold less are filled up with zeros.
  /// - Throws: `invalidArgument` for a level that there is not, `limitExceeded` if there is no memory.
  func compress(
    _ bytes: RawSpan,
    ends: [Int],
    chunkByteCount: Int
  ) throws(FlywheelError) {
    try Parallel.forEach(ends.count) { (index) throws(FlywheelError) in
      let content = bytes.extracting((index == 0 ? 0 : ends[index - 1])..<ends[index])
      try slots[index].compressed.withLock { (compressed) throws(FlywheelError) in
        compressed.removeAll(keepingCapacity: true)
        guard content.byteCount < chunkByteCount else {
          return try append(content, to: &compressed)
        }
        try slots[index].padded.withLock { (padded) throws(FlywheelError) in
          padded.removeAll(keepingCapacity: true)
          unsafe content.withUnsafeBytes { unsafe padded.append(contentsOf: $0) }
          padded.append(contentsOf: repeatElement(0, count: chunkByteCount - padded.count))
          try append(padded.rawBytes, to: &compressed)
        }
      }
    }
  }

  private func append(_ chunk: RawSpan, to output: inout [UInt8]) throws(FlywheelError) {
    try Deflate.shuffledZlib(
      chunk,
      elementByteCount: elementByteCount,
      compression,
      to: &output
    )
  }

  /// Hands out a chunk of the last batch as it is to be in the file.
  ///
  /// - Parameters:
  ///   - index: Which one.
  ///   - content: What it holds.
  ///   - chunkByteCount: The size of a whole chunk.
  ///   - body: Takes the bytes, and whether they are compressed: those that would not shrink are not.
  /// - Throws: What `body` throws.
  func withChunk(
    _ index: Int,
    _ content: RawSpan,
    chunkByteCount: Int,
    _ body: (RawSpan, Bool) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    try slots[index].compressed.withLock { (compressed) throws(FlywheelError) in
      if compressed.count < chunkByteCount { return try body(compressed.rawBytes, true) }
      if content.byteCount == chunkByteCount { return try body(content, false) }
      try slots[index].padded.withLock { (padded) throws(FlywheelError) in
        try body(padded.rawBytes, false)
      }
    }
  }
}
