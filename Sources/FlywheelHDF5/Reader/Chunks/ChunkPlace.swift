/// Where a chunk lies in a file.
struct ChunkPlace: Sendable, Hashable {
  /// Its first byte, as the file counts; nothing has been compared with the size of the file.
  let address: UInt64
  /// How many bytes are stored.
  let byteCount: UInt64
  /// A bit for each filter of the pipeline that the chunk did not go through.
  let skippedFilters: UInt32
}
