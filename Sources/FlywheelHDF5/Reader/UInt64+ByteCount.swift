extension UInt64 {
  /// How many bytes the format gives a number that has a limit: as many as the limit needs, at least one.
  ///
  /// - Parameter limit: The greatest that it can be.
  /// - Returns: The number of bytes.
  static func byteCount(upTo limit: UInt64) -> Int {
    (bitWidth - 1 - Swift.max(1, limit).leadingZeroBitCount) / 8 + 1
  }
}
