import FlywheelCore

/// The bytes that the pickle consists of.
extension PickleReader {
  @_lifetime(self: copy self)
  mutating func readByte(_ what: String) throws(FlywheelError) -> UInt8 {
    guard position < bytes.count else { throw truncated(what, needed: 1) }
    defer { position += 1 }
    return bytes[position]
  }

  /// An unsigned integer of up to eight bytes.
  @_lifetime(self: copy self)
  mutating func readLittleEndian(_ count: Int) throws(FlywheelError) -> UInt64 {
    var value: UInt64 = 0
    for place in try take(count, "an integer").reversed() {
      value = value << 8 | UInt64(bytes[place])
    }
    return value
  }

  /// Passes over the next bytes.
  @_lifetime(self: copy self)
  mutating func take(_ count: Int, _ what: String) throws(FlywheelError) -> Range<Int> {
    guard count <= bytes.count - position else { throw truncated(what, needed: UInt64(count)) }
    defer { position += count }
    return position..<position + count
  }

  /// The text up to the end of a line.
  @_lifetime(self: copy self)
  mutating func readLine(_ what: String) throws(FlywheelError) -> String {
    let first = position
    while try readByte(what) != UInt8(ascii: "\n") {}
    let line = bytes.extracting(first..<position - 1)
    guard let text = try? UTF8Span(validating: line) else {
      throw FlywheelError.malformed(
        found: "bytes that are no UTF-8",
        expected: what,
        at: location(first)
      )
    }
    return String(copying: text)
  }

  func run(_ range: Range<Int>) -> PickleArena.Run {
    PickleArena.Run(start: UInt32(range.lowerBound - start), count: UInt32(range.count))
  }

  func contents(_ range: Range<Int>) -> [UInt8] {
    var contents: [UInt8] = []
    for place in range { contents.append(bytes[place]) }
    return contents
  }
}
