internal import FlywheelCore

/// Bytes of an HDF5 file: where they lie in it, or what came out of the filters of a block of it.
struct StoredBytes: Sendable {
  /// What holds the bytes.
  let storage: TensorStorage
  /// Which of its bytes they are; within the storage.
  let range: Range<Int>
  /// Where in the file the first of them is, for errors; of filtered bytes, where their block is.
  let fileOffset: Int

  /// The number of bytes.
  var count: Int { range.count }

  /// The bytes.
  var span: RawSpan {
    @_lifetime(borrow self)
    get {
      // The storage lives as long as this value does, and never changes.
      unsafe _overrideLifetime(storage.bytes.extracting(range), borrowing: self)
    }
  }

  /// A part of the bytes.
  ///
  /// - Parameter part: Which, counted from the first of these bytes; within them.
  /// - Returns: The part.
  func part(_ part: Range<Int>) -> StoredBytes {
    StoredBytes(
      storage: storage,
      range: range.lowerBound + part.lowerBound..<range.lowerBound + part.upperBound,
      fileOffset: fileOffset + part.lowerBound
    )
  }
}
