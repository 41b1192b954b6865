import FlywheelCore

/// Numbers and texts, which stand in the pickle as bytes.
extension PickleReader {
  @_lifetime(self: copy self)
  mutating func readLong() throws(FlywheelError) {
    let count = Int(try readByte("the length of an integer"))
    let range = try take(count, "an integer")
    let isNegative = count > 0 && bytes[range.upperBound - 1] >= 0x80
    let filler: UInt8 = isNegative ? 0xFF : 0
    var value: Int64 = isNegative ? -1 : 0
    for place in range.prefix(8).reversed() { value = value << 8 | Int64(bytes[place]) }
    var isSmall = (value < 0) == isNegative
    for place in range.dropFirst(8) where bytes[place] != filler { isSmall = false }
    push(isSmall ? .integer(value) : .largeInteger(run(range)))
  }

  @_lifetime(self: copy self)
  mutating func readText(count: Int) throws(FlywheelError) {
    let range = try take(count, "a text")
    let text: String
    do throws(UTF8.ValidationError) {
      text = String(copying: try UTF8Span(validating: bytes.extracting(range)))
    } catch {
      let place = location(range.lowerBound + error.byteOffsets.lowerBound)
      guard error.kind == .surrogateCodePointByte else {
        throw FlywheelError.malformed(
          found: "bytes that are no UTF-8 (\(error.kind))",
          expected: "a text",
          at: place
        )
      }
      throw FlywheelError(
        .unsupported,
        "The text contains half of a surrogate pair, which only Python can hold; rename it there.",
        at: place
      )
    }
    // They would make comparing texts slow.
    guard !text.hasTooManyCombiningMarks else {
      throw FlywheelError.tooManyCombiningMarks(at: location(range.lowerBound))
    }
    push(text)
  }

  /// A string of Python 2, which people wrote texts as.
  @_lifetime(self: copy self)
  mutating func readString() throws(FlywheelError) {
    let range = try take(Int(try readByte("the length of a string")), "a string")
    guard let text = try? UTF8Span(validating: bytes.extracting(range)) else {
      return push(.bytes(run(range)))
    }
    push(String(copying: text))
  }
}
