/// A name that is compared byte by byte, as HDF5 does; strings of Swift are equal when they look alike.
struct ByteName: Hashable, Sendable {
  /// The name.
  let text: String

  static func == (left: ByteName, right: ByteName) -> Bool {
    var (left, right) = (left.text, right.text)
    return left.withUTF8 { left in
      right.withUTF8 { right in
        // Both are read within their bounds, and not kept.
        unsafe left.count == right.count
          && UnsafeRawBufferPointer(left).elementsEqual(UnsafeRawBufferPointer(right))
      }
    }
  }

  func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { unsafe hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}
