extension StoredBytes {
  /// The first byte that is zero.
  ///
  /// - Parameter start: Where to begin; within the bytes.
  /// - Returns: Where it is; nil if there is none.
  func firstZero(from start: Int) -> Int? {
    let bytes = span.extracting(droppingFirst: start)
    // Only read, and not kept.
    return unsafe bytes.withUnsafeBytes { unsafe $0.firstIndex(of: 0) }.map { start + $0 }
  }
}
