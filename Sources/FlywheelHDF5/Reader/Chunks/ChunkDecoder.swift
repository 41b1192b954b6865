internal import FlywheelCore
internal import FlywheelDeflate

/// Undoes the filters that the chunks of a dataset, or the blocks of a heap, went through.
///
/// The last filter is undone first; those whose bit is set in a chunk's mask it did not go through. Format
/// specification, section IV.A.2.l.
struct ChunkDecoder: Sendable {
  /// The most filters that are undone: four are more than anybody was seen to use.
  private static let filterLimit = 8

  private let filters: [ChunkFilter]
  /// How many bytes there are before the first filter.
  private let byteCount: Int

  /// Prepares to decode.
  ///
  /// A filter that is not known and optional may have been left out for every chunk.
  ///
  /// - Parameters:
  ///   - pipeline: The filters.
  ///   - byteCount: How many bytes come out in the end.
  /// - Throws: `unsupported` for filters that are not read, by name; `malformed` if one is set to what cannot be.
  init(_ pipeline: FilterPipeline, byteCount: Int) throws(FlywheelError) {
    var filters: [ChunkFilter] = []
    for filter in pipeline.filters {
      let known = try ChunkFilter(filter)
      if case .unknown(let name) = known, !filter.isOptional {
        throw ChunkFilter.unsupported(name, "The dataset")
      }
      filters.append(known)
    }
    self.filters = filters
    self.byteCount = byteCount
  }

  /// Memory for what lies between two filters, which one chunk after the other can use.
  ///
  /// There is never more than what a filter reads and what comes out of it, however many filters there are.
  struct Memory: Sendable {
    private var last: ScratchMemory?
    private var beforeLast: ScratchMemory?

    /// Takes bytes that hold anything: other ones than the last time, but maybe those of the time before.
    fileprivate mutating func next(_ count: Int) throws(FlywheelError) -> ScratchMemory {
      swap(&last, &beforeLast)
      if let last, last.byteCount >= count { return last }
      // Given back before there is other memory.
      last = nil
      let memory = try ScratchMemory(byteCount: count)
      last = memory
      return memory
    }
  }

  /// Decodes a block into bytes of its own.
  ///
  /// - Parameters:
  ///   - stored: What the file has.
  ///   - skippedFilters: A bit for each filter that it did not go through.
  /// - Throws: As `decode(_:skipping:into:_:)`.
  /// - Returns: The bytes before the first filter.
  func decoded(
    _ stored: StoredBytes,
    skipping skippedFilters: UInt32
  ) throws(FlywheelError) -> StoredBytes {
    let filters = used(skipping: skippedFilters)
    // Before memory is asked for.
    try requireRoom(in: stored, filters)
    let storage = try unsafe TensorStorage(byteCount: byteCount) {
      (buffer) throws(FlywheelError) in
      // All of it is filled, or an error thrown.
      var bytes = unsafe MutableRawSpan(_unsafeBytes: buffer)
      var memory = Memory()
      try decode(stored, skipping: skippedFilters, into: &bytes, &memory)
    }
    return StoredBytes(storage: storage, range: 0..<byteCount, fileOffset: stored.fileOffset)
  }

  /// Decodes a chunk.
  ///
  /// - Parameters:
  ///   - stored: What the file has.
  ///   - skippedFilters: A bit for each filter that it did not go through.
  ///   - target: Where the bytes go; as many as the decoder was made for.
  ///   - memory: What lies in between.
  /// - Throws: `corrupted`, `truncated` or `malformed` with the place in the file; `unsupported` if the chunk
  ///   went through a filter that is not read, or through several that compress; `limitExceeded` if there is no
  ///   memory for what lies in between.
  func decode(
    _ stored: StoredBytes,
    skipping skippedFilters: UInt32,
    into target: inout MutableRawSpan,
    _ memory: inout Memory
  ) throws(FlywheelError) {
    let filters = used(skipping: skippedFilters)
    try requireRoom(in: stored, filters)
    do throws(FlywheelError) {
      try undo(filters[...], of: stored.span, into: &target, &memory)
    } catch {
      // Places within a chunk are those of bytes as they are in the file, or there are none: only what compressed
      // tells places, and it is undone first, but for checksums, behind which the bytes are the same.
      var error = error
      error.location.byteOffset = UInt64(stored.fileOffset) + (error.location.byteOffset ?? 0)
      throw error
    }
  }

  /// The bytes of a chunk that went through no filter, as they lie in the file.
  ///
  /// - Parameters:
  ///   - stored: What the file has.
  ///   - skippedFilters: A bit for each filter that it did not go through.
  /// - Throws: `malformed` if they are not as many as they should be.
  /// - Returns: The bytes; nil if the chunk has to be decoded.
  func plain(
    _ stored: StoredBytes,
    skipping skippedFilters: UInt32
  ) throws(FlywheelError) -> StoredBytes? {
    guard used(skipping: skippedFilters).isEmpty else { return nil }
    do throws(FlywheelError) {
      try Self.require(byteCount, stored.count)
    } catch {
      throw error.located(byteOffset: stored.fileOffset)
    }
    return stored
  }

  /// The filters that a chunk went through.
  private func used(skipping skippedFilters: UInt32) -> [ChunkFilter] {
    if skippedFilters == 0 { return filters }
    return filters.indices.filter { $0 >= UInt32.bitWidth || skippedFilters >> UInt32($0) & 1 == 0 }
      .map { filters[$0] }
  }

  /// Undoes filters from the last to the first.
  private func undo(
    _ filters: ArraySlice<ChunkFilter>,
    of bytes: RawSpan,
    into target: inout MutableRawSpan,
    _ memory: inout Memory
  ) throws(FlywheelError) {
    guard let filter = filters.last else {
      try Self.require(target.byteCount, bytes.byteCount)
      return Shuffle.unshuffle(bytes, elementByteCount: 1, into: &target)
    }
    let rest = filters.dropLast()
    if filter == .fletcher32 {
      return try undo(rest, of: try Self.checked(bytes), into: &target, &memory)
    }
    if rest.isEmpty { return try Self.undo(filter, of: bytes, into: &target) }
    let count = try byteCount(after: rest)
    // Not where the bytes lie that the filter reads, which were taken the last time.
    let between = try memory.next(count)
    try between.write(count) { (between) throws(FlywheelError) in
      try Self.undo(filter, of: bytes, into: &between)
    }
    try undo(rest, of: between.first(count), into: &target, &memory)
  }

  /// Undoes one filter that gives as many bytes as the target holds.
  private static func undo(
    _ filter: ChunkFilter,
    of bytes: RawSpan,
    into target: inout MutableRawSpan
  ) throws(FlywheelError) {
    switch filter {
    case .deflate: try Inflate.inflate(bytes, .zlib, into: &target)
    case .lzf: try LZF.decompress(bytes, into: &target)
    case .shuffle(let elementByteCount):
      try require(target.byteCount, bytes.byteCount)
      Shuffle.unshuffle(bytes, elementByteCount: elementByteCount, into: &target)
    case .fletcher32:
      let checked = try checked(bytes)
      try require(target.byteCount, checked.byteCount)
      Shuffle.unshuffle(checked, elementByteCount: 1, into: &target)
    case .unknown(let name): throw ChunkFilter.unsupported(name, "A chunk")
    }
  }

  /// The bytes before their checksum, which is that of them.
  @_lifetime(copy bytes)
  private static func checked(_ bytes: RawSpan) throws(FlywheelError) -> RawSpan {
    let count = bytes.byteCount - ChunkFilter.checksumByteCount
    guard count >= 0 else {
      throw FlywheelError.malformed(
        found: "a chunk of \(bytes.byteCount) bytes",
        expected: "at least those of its checksum"
      )
    }
    // The last four bytes there are.
    let stored = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: count, as: UInt32.self)
    let checked = bytes.extracting(first: count)
    guard Fletcher32.isChecksum(UInt32(littleEndian: stored), of: checked) else {
      throw FlywheelError(
        .corrupted,
        "A chunk's checksum (fletcher32) does not match: its bytes have changed since they were written. Use "
          + "another copy of the file."
      )
    }
    return checked
  }

  /// How many bytes come out of filters.
  private func byteCount(after filters: ArraySlice<ChunkFilter>) throws(FlywheelError) -> Int {
    var byteCount = byteCount
    for filter in filters {
      if case .unknown(let name) = filter { throw ChunkFilter.unsupported(name, "A chunk") }
      guard let count = filter.byteCount(of: byteCount) else {
        throw FlywheelError(
          .unsupported,
          "A chunk was compressed several times; repack it with 'h5repack -f GZIP=4'."
        )
      }
      byteCount = count
    }
    return byteCount
  }

  /// A chunk that is not compressed has its size.
  private static func require(_ byteCount: Int, _ found: Int) throws(FlywheelError) {
    guard found == byteCount else {
      throw FlywheelError.malformed(
        found: "a chunk of \(found) bytes that is not compressed",
        expected: "\(byteCount) bytes"
      )
    }
  }

  /// Refuses a chunk whose bytes cannot stand for as many as it has to have, before memory is taken for those.
  ///
  /// - Parameters:
  ///   - stored: What the file has.
  ///   - skippedFilters: A bit for each filter that it did not go through.
  /// - Throws: `malformed`; `unsupported` for more filters than anybody needs, between which a chunk lies in memory
  ///   each time.
  func requireRoom(
    in stored: StoredBytes,
    skipping skippedFilters: UInt32
  ) throws(FlywheelError) {
    try requireRoom(in: stored, used(skipping: skippedFilters))
  }

  private func requireRoom(
    in stored: StoredBytes,
    _ filters: [ChunkFilter]
  ) throws(FlywheelError) {
    guard filters.count <= Self.filterLimit else {
      throw FlywheelError(
        .unsupported,
        "A chunk went through \(filters.count) filters; up to \(Self.filterLimit) are undone.",
        at: .init(byteOffset: UInt64(stored.fileOffset))
      )
    }
    let expansion = filters.compactMap(\.maximumExpansion).max() ?? 1
    guard byteCount / expansion <= stored.count else {
      throw FlywheelError.malformed(
        found: "a chunk of \(stored.count) bytes\(expansion == 1 ? " that is not compressed" : "")",
        expected: "\(byteCount) bytes\(expansion == 1 ? "" : ", compressed")",
        at: .init(byteOffset: UInt64(stored.fileOffset))
      )
    }
  }
}
