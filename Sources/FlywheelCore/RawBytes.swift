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
