/// A name that is compared byte by byte, as HDF5 does; strings of Swift are equal when they look alike.
struct ByteName: Hashable, Sendable {
  /// The name.
  let text: String

  static func == (left: ByteName, right: ByteName) -> Bool {
    // Both are read within their bounds, and not kept.
    let (bytes, others) = unsafe (left.text.utf8Span.span.bytes, right.text.utf8Span.span.bytes)
    return unsafe bytes.withUnsafeBytes { bytes in
      unsafe others.withUnsafeBytes { unsafe bytes.elementsEqual($0) }
    }
  }

  func hash(into hasher: inout Hasher) {
    // Read here and not kept.
    unsafe text.utf8Span.span.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
  }
}
