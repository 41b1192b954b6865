internal import FlywheelCore

extension FieldReader {
  /// Reads a name of which the number of bytes is known.
  ///
  /// - Parameters:
  ///   - byteCount: The bytes that it has, without a zero at its end.
  ///   - what: What it is, for the error.
  /// - Throws: `truncated`; `malformed` if it is empty, not UTF-8, or holds a zero; `limitExceeded` if it has
  ///   more combining marks in a row than are read.
  /// - Returns: The name.
  @_lifetime(self: copy self)
  mutating func name(
    _ byteCount: UInt64,
    _ what: StaticString
  ) throws(FlywheelError) -> String {
    let place = place
    let bytes = try take(Int(clamping: byteCount), what)
    guard bytes.byteCount > 0, Self.byteCountBeforeZero(in: bytes) == nil else {
      throw malformed("a text that is empty or holds a zero", expected: "\(what)", at: place)
    }
    return try text(bytes, what, at: place)
  }

  /// Reads a name with the zero that it ends with, of which the number of bytes is known.
  ///
  /// - Parameters:
  ///   - byteCount: The bytes that it has, the zero included.
  ///   - what: What it is, for the error.
  /// - Throws: As `name(_:_:)`; `malformed` if the zero is not its last byte.
  /// - Returns: The name; it may be empty.
  @_lifetime(self: copy self)
  mutating func terminatedName(
    _ byteCount: Int,
    _ what: StaticString
  ) throws(FlywheelError) -> String {
    let place = place
    let bytes = try take(byteCount, what)
    guard let end = Self.byteCountBeforeZero(in: bytes), end == byteCount - 1 else {
      throw malformed("a text of another length", expected: "\(what)", at: place)
    }
    return try text(bytes.extracting(first: end), what, at: place)
  }

  /// Reads a name up to the zero that it ends with, and the zero.
  ///
  /// - Parameter what: What it is, for the error.
  /// - Throws: As `name(_:_:)`; `malformed` if there is no zero.
  /// - Returns: The name; it may be empty.
  @_lifetime(self: copy self)
  mutating func name(upToZero what: StaticString) throws(FlywheelError) -> String {
    let place = place
    var ahead = self
    let rest = try ahead.take(remaining, what)
    guard let end = Self.byteCountBeforeZero(in: rest) else {
      throw malformed("a text without an end", expected: "\(what)", at: place)
    }
    try skip(end + 1, what)
    return try text(rest.extracting(first: end), what, at: place)
  }

  /// Reads a text that is shown, never compared: what is not UTF-8 is replaced.
  ///
  /// - Parameters:
  ///   - byteCount: The bytes that it has; it ends at the first zero, if there is one.
  ///   - what: What it is, for the error.
  /// - Throws: `truncated`.
  /// - Returns: The text.
  @_lifetime(self: copy self)
  mutating func shownText(
    _ byteCount: Int,
    _ what: StaticString
  ) throws(FlywheelError) -> String {
    let bytes = try take(byteCount, what)
    let text = bytes.extracting(first: Self.byteCountBeforeZero(in: bytes) ?? bytes.byteCount)
    // Read here and not kept.
    return unsafe text.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
  }

  private func text(
    _ bytes: RawSpan,
    _ what: StaticString,
    at place: Int
  ) throws(FlywheelError) -> String {
    // Each of the bytes is one of the characters' codes.
    guard let codes = try? UTF8Span(validating: Span(_bytes: bytes)) else {
      throw malformed("a text that is not UTF-8", expected: "\(what)", at: place)
    }
    let text = String(copying: codes)
    guard !text.hasTooManyCombiningMarks else {
      throw FlywheelError.tooManyCombiningMarks(at: .init(byteOffset: UInt64(place)))
    }
    return text
  }

  /// How many bytes there are in front of the first zero; nil if there is none.
  private static func byteCountBeforeZero(in bytes: RawSpan) -> Int? {
    for index in 0..<bytes.byteCount {
      // Within the bytes, by the loop's bounds.
      let byte = unsafe bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self)
      if byte == 0 { return index }
    }
    return nil
  }
}
