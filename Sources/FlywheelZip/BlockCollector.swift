import FlywheelCore

/// Cuts what comes in pieces of any size into runs of whole blocks, copying as little as it can.
///
/// Blocks begin at multiples of their size, counted from the first byte, however the pieces come: that the
/// same bytes give the same archive depends on it.
struct BlockCollector {
  private let blockByteCount: Int
  private let runByteCount: Int
  /// How many bytes are still to come.
  private(set) var remaining: Int
  private var kept: [UInt8] = []

  /// Handles a run: blocks that were kept, then blocks that were not, and whether it is the last run.
  typealias Handler = (
    _ kept: RawSpan, _ rest: RawSpan, _ isLast: Bool
  ) throws(FlywheelError) -> Void

  /// - Parameters:
  ///   - byteCount: How many bytes will come; more than none.
  ///   - blockByteCount: The size of a block.
  ///   - runBlockCount: How many blocks a run has at most.
  init(byteCount: Int, blockByteCount: Int, runBlockCount: Int) {
    remaining = byteCount
    self.blockByteCount = blockByteCount
    runByteCount = blockByteCount * runBlockCount
  }

  /// Takes the next piece, which has no more than `remaining` bytes.
  mutating func append(_ piece: RawSpan, _ handle: Handler) throws(FlywheelError) {
    remaining -= piece.byteCount
    var rest = piece
    while rest.byteCount > 0 {
      // The kept bytes are made whole blocks; then as many blocks follow as the run has room for.
      let missing = min(-kept.count & (blockByteCount - 1), rest.byteCount)
      let isEnd = remaining == 0 && kept.count + rest.byteCount <= runByteCount
      guard isEnd || kept.count + rest.byteCount >= runByteCount else { break }
      let end = isEnd ? rest.byteCount : runByteCount - kept.count
      keep(rest.extracting(first: missing))
      try handle(kept.rawBytes, rest.extracting(missing..<end), isEnd)
      kept.removeAll(keepingCapacity: true)
      rest = rest.extracting(droppingFirst: end)
    }
    keep(rest)
  }

  private mutating func keep(_ bytes: RawSpan) {
    unsafe bytes.withUnsafeBytes { unsafe kept.append(contentsOf: $0) }
  }
}
