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
  /// - Throws: `limitExceeded` if it is too large, or too many have been undone; `malformed` if the block cannot be so
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
    // Before it is made: a small block can be a large one for each of many objects. A heap with filters counts by
    // itself where no walk does.
    try image.meter?.spend(byteCount)
    let pipeline = try FilterPipeline(filters, in: image)
    return try ChunkDecoder(pipeline, byteCount: byteCount).decoded(stored, skipping: skipped)
  }
}
