internal import CFlywheelHDF5
internal import FlywheelCore
internal import FlywheelDeflate

/// A dataset on its way into a file, cut into chunks that are compressed.
///
/// Holds one batch of chunks at most, however large the dataset is, and nothing of bytes that come in
/// whole chunks already.
struct ChunkedOutput: ~Copyable {
  private let description: TensorDescription
  private let place: HDF5Path
  private let plan: ChunkPlan
  private let compressor: ChunkCompressor
  private let level: Int
  /// What is there of the next batch.
  private var pending: [UInt8] = []
  /// The first chunk that is not in the file.
  private var next = 0
  /// Created with the first chunk, when it is known whether compression gains anything.
  private var dataset: HDF5Handle?

  init(
    _ description: TensorDescription,
    at place: HDF5Path,
    _ plan: ChunkPlan,
    _ compression: Compression
  ) {
    self.description = description
    self.place = place
    self.plan = plan
    compressor = ChunkCompressor(compression, elementByteCount: description.element.byteCount)
    // What the file says of how it was compressed; readers have no use for it.
    level = if case .level(let level) = compression { level } else { 1 }
  }

  /// Writes the next bytes, which are not more than described.
  mutating func append(
    _ piece: RawSpan,
    to writer: inout HDF5Writer
  ) throws(FlywheelError) {
    var rest = piece
    while rest.byteCount > 0 {
      let whole = pending.isEmpty ? ends(within: rest.byteCount) : []
      if let used = whole.last {
        try write(rest.extracting(first: used), ends: whole, to: &writer)
        rest = rest.extracting(droppingFirst: used)
        continue
      }
      let batch = ends(within: .max)
      let missing = (batch.last ?? 0) - pending.count
      let part = rest.extracting(first: min(missing, rest.byteCount))
      unsafe part.withUnsafeBytes { unsafe pending.append(contentsOf: $0) }
      rest = rest.extracting(droppingFirst: part.byteCount)
      guard part.byteCount == missing else { return }
      let bytes = pending
      try write(bytes.rawBytes, ends: batch, to: &writer)
      pending.removeAll(keepingCapacity: true)
    }
  }

  /// Where the next chunks end, as many as a batch has and as lie within a number of bytes.
  private func ends(within byteCount: Int) -> [Int] {
    var ends: [Int] = []
    var end = 0
    while ends.count < ChunkCompressor.batchCount, next + ends.count < plan.count {
      end += plan.byteCount(of: next + ends.count)
      guard end <= byteCount else { break }
      ends.append(end)
    }
    return ends
  }

  private mutating func write(
    _ bytes: RawSpan,
    ends: [Int],
    to writer: inout HDF5Writer
  ) throws(FlywheelError) {
    let size = plan.chunkByteCount
    try FlywheelError.locating(path: writer.path, tensor: place.description) {
      () throws(FlywheelError) in
      try compressor.compress(bytes, ends: ends, chunkByteCount: size)
    }
    var start = 0
    for (index, end) in ends.enumerated() {
      let content = bytes.extracting(start..<end)
      try compressor.withChunk(index, content, chunkByteCount: size) {
        (chunk, isCompressed) throws(FlywheelError) in
        try put(chunk, isCompressed, content, to: &writer)
      }
      start = end
    }
  }

  private mutating func put(
    _ chunk: RawSpan,
    _ isCompressed: Bool,
    _ content: RawSpan,
    to writer: inout HDF5Writer
  ) throws(FlywheelError) {
    let gain = description.byteCount - chunk.byteCount
    if plan.count == 1, gain <= Self.indexByteCount(rank: description.shape.rank) {
      try writer.write(description, at: place) { (body) throws(FlywheelError) in try body(content) }
      next += 1
      return
    }
    let shuffles = description.element.byteCount > 1
    if dataset == nil {
      dataset = try writer.createChunked(
        description,
        at: place,
        chunk: plan.chunk,
        HDF5Filters(shuffles: shuffles, gzipLevel: level)
      )
    }
    let skipped: UInt32 = isCompressed ? 0 : shuffles ? 0b11 : 0b1
    let offset = plan.offset(of: next)
    try writer.writeChunk(chunk, of: dataset?.id ?? -1, offset: offset, skipped, at: place)
    next += 1
  }

  /// What HDF5 1.8's index of chunks takes at least: a node of its tree with room for 64 chunks (format
  /// specification, section III.A.1).
  static func indexByteCount(rank: Int) -> Int { 24 + 64 * 8 + 65 * (8 + 8 * (rank + 1)) }
}
