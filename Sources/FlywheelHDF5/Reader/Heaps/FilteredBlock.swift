internal import FlywheelCore

/// A block of a fractal heap that went through filters, or a huge object that did.
///
/// Format specification, section III.G.
enum FilteredBlock {
  /// Undoes what a block went through.
  ///
  /// - Parameters:
  ///   - stored: The block in the file.
  ///   - filters: The message that tells the filters.
  ///   - skipped: The filters that were left out, a bit each.
  ///   - byteCount: The size of the block before.
  ///   - image: The file.
  /// - Throws: `limitExceeded` if it is too large, or a walk has undone too many; `malformed` if the block cannot be so
  ///   large; `corrupted`, `truncated` or `malformed` if it is damaged; `unsupported` for filters that are not read.
  /// - Returns: The block as it was.
  static func undone(
    _ stored: StoredBytes,
    _ filters: StoredBytes,
    skipped: UInt32,
    byteCount: UInt64,
    in image: FileImage
  ) throws(FlywheelError) -> StoredBytes {
    guard let byteCount = Int(exactly: byteCount) else {
      throw FlywheelError.overflow(
        "a block of a heap",
        at: .init(byteOffset: UInt64(stored.fileOffset))
      )
    }
    // Before it is made: a small block can be a large one for each of many objects. Nobody has a single one that is
    // more than a walk may look at.
    let meter = image.meter ?? ReadMeter(fileByteCount: image.storage.byteCount)
    try meter.spend(byteCount)
    let pipeline = try FilterPipeline(filters, in: image)
    return try ChunkDecoder(pipeline, byteCount: byteCount).decoded(stored, skipping: skipped)
  }
}
