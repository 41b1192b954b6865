extension Array where Element: TensorElement {
  /// The elements' bytes; safe for types without padding, which all tensor elements are.
  package var rawBytes: RawSpan {
    @_lifetime(borrow self)
    get {
      let raw = unsafe span.bytes
      return unsafe _overrideLifetime(raw, borrowing: self)
    }
  }
}

extension Array where Element == UInt8 {
  /// Lends the bytes to be written.
  package mutating func withMutableRawBytes<Result, Failure: Error>(
    _ body: (inout MutableRawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var span = mutableSpan
    var bytes = unsafe span.mutableBytes
    return try body(&bytes)
  }
}
