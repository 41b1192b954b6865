import FlywheelCore

/// Reads one Python literal: strings, integers, truth values, `None`, and tuples, lists and dictionaries
/// of them.
///
/// It takes what Python's `repr` prints, with any spacing. What else Python would take but numpy never
/// writes (comments, `0x4`, `1_0`, adjacent and prefixed strings, repeated keys, parentheses around one
/// value) is refused.
struct PythonLiteralReader {
  /// How the bytes of strings make characters.
  enum Encoding {
    case latin1
    case utf8
  }

  /// How deep values may lie in each other.
  private static let depthLimit = 64

  private let bytes: [UInt8]
  private let encoding: Encoding
  /// Where in the file the first byte lies.
  private let origin: Int
  private var index = 0

  /// - Parameters:
  ///   - bytes: The literal, which may have white space around it.
  ///   - encoding: How the bytes of strings make characters; integers may end in Python 2's `L` if it is
  ///     Latin-1, as only files of its time do.
  ///   - origin: Where in the file the first byte lies.
  init(_ bytes: [UInt8], encoding: Encoding, origin: Int) {
    self.bytes = bytes
    self.encoding = encoding
    self.origin = origin
  }

  /// The one literal that all of the bytes are.
  mutating func readAll() throws(FlywheelError) -> PythonLiteral {
    let literal = try readValue(depth: 0)
    skipSpace()
    guard index == bytes.count else { throw unexpected("nothing but spaces and a line end") }
    return literal
  }

  private mutating func readValue(depth: Int) throws(FlywheelError) -> PythonLiteral {
    skipSpace()
    let start = index
    guard depth < Self.depthLimit else {
      throw FlywheelError(
        .limitExceeded,
        "The header's values lie in each other more than \(Self.depthLimit) deep; nothing that numpy "
          + "writes does.",
        at: .init(byteOffset: UInt64(origin + start))
      )
    }
    let value: PythonLiteral.Value
    switch peek {
    case UInt8(ascii: "'"), UInt8(ascii: "\""): value = .string(try readString())
    case UInt8(ascii: "("): value = .tuple(try readTuple(depth: depth))
    case UInt8(ascii: "["): value = .list(try readList(depth: depth))
    case UInt8(ascii: "{"): value = .dictionary(try readDictionary(depth: depth))
    case UInt8(ascii: "-"), (UInt8(ascii: "0")...UInt8(ascii: "9"))?:
      value = .integer(try readInteger())
    case (UInt8(ascii: "A")...UInt8(ascii: "Z"))?, (UInt8(ascii: "a")...UInt8(ascii: "z"))?:
      value = try readWord()
    default: throw unexpected("a value")
    }
    return PythonLiteral(value: value, offset: origin + start)
  }

  // MARK: Collections

  private mutating func readTuple(depth: Int) throws(FlywheelError) -> [PythonLiteral] {
    index += 1
    var elements: [PythonLiteral] = []
    while !skip(UInt8(ascii: ")")) {
      elements.append(try readValue(depth: depth + 1))
      if skip(UInt8(ascii: ",")) { continue }
      guard elements.count > 1 else { throw unexpected("',', which makes a tuple of one element") }
      guard skip(UInt8(ascii: ")")) else { throw unexpected("',' or ')'") }
      break
    }
    return elements
  }

  private mutating func readList(depth: Int) throws(FlywheelError) -> [PythonLiteral] {
    index += 1
    var elements: [PythonLiteral] = []
    while !skip(UInt8(ascii: "]")) {
      elements.append(try readValue(depth: depth + 1))
      if skip(UInt8(ascii: ",")) { continue }
      guard skip(UInt8(ascii: "]")) else { throw unexpected("',' or ']'") }
      break
    }
    return elements
  }

  private mutating func readDictionary(
    depth: Int
  ) throws(FlywheelError) -> [(name: PythonLiteral, value: PythonLiteral)] {
    index += 1
    var members: [(name: PythonLiteral, value: PythonLiteral)] = []
    while !skip(UInt8(ascii: "}")) {
      let name = try readValue(depth: depth + 1)
      guard skip(UInt8(ascii: ":")) else { throw unexpected("':'") }
      members.append((name, try readValue(depth: depth + 1)))
      if skip(UInt8(ascii: ",")) { continue }
      guard skip(UInt8(ascii: "}")) else { throw unexpected("',' or '}'") }
      break
    }
    return members
  }

  // MARK: Words and numbers

  private static let words: [([UInt8], PythonLiteral.Value)] = [
    (Array("True".utf8), .bool(true)), (Array("False".utf8), .bool(false)),
    (Array("None".utf8), .none),
  ]

  private mutating func readWord() throws(FlywheelError) -> PythonLiteral.Value {
    for (word, value) in Self.words where bytes[index...].starts(with: word) {
      index += word.count
      try refuseTail(of: "a word")
      return value
    }
    throw unexpected("a value")
  }

  private mutating func readInteger() throws(FlywheelError) -> Int {
    let start = index
    let isNegative = skipByte(UInt8(ascii: "-"))
    let first = index
    var value = 0
    while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
      let digit = Int(byte - UInt8(ascii: "0"))
      let (tenfold, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tenfold.addingReportingOverflow(digit)
      guard !overflow, !carry else {
        throw FlywheelError.overflow("what the header describes", at: location(start))
      }
      value = sum
      index += 1
    }
    guard index > first else { throw unexpected("a digit") }
    guard index == first + 1 || bytes[first] != UInt8(ascii: "0") else {
      throw malformed(found: "a number with a leading zero", expected: "an integer", start)
    }
    if encoding == .latin1 { _ = skipByte(UInt8(ascii: "L")) }
    try refuseTail(of: "an integer")
    return isNegative ? -value : value
  }

  /// Refuses letters and digits right behind a word or number: `Truely`, `4x`, `1_0`, `1.5`.
  private func refuseTail(of what: String) throws(FlywheelError) {
    switch peek {
    case (UInt8(ascii: "0")...UInt8(ascii: "9"))?, (UInt8(ascii: "A")...UInt8(ascii: "Z"))?,
      (UInt8(ascii: "a")...UInt8(ascii: "z"))?, UInt8(ascii: "_"), UInt8(ascii: "."):
      throw unexpected("the end of \(what)")
    default: return
    }
  }

  // MARK: Strings

  private mutating func readString() throws(FlywheelError) -> String {
    let first = index
    let quote = bytes[index]
    index += 1
    // Nearly all are short and plain.
    let plain = bytes[index...].prefix { (0x20..<0x7F).contains($0) && $0 != quote && $0 != 0x5C }
    if plain.endIndex < bytes.count, bytes[plain.endIndex] == quote {
      index = plain.endIndex + 1
      return String(decoding: plain, as: UTF8.self)
    }
    var scalars = String.UnicodeScalarView()
    while true {
      let start = index
      while let byte = peek, byte != quote, byte != UInt8(ascii: "\\"), byte >= 0x20 { index += 1 }
      scalars.append(contentsOf: try decode(start..<index))
      switch peek {
      case quote:
        index += 1
        let string = String(scalars)
        guard !string.hasTooManyCombiningMarks else {
          throw FlywheelError.tooManyCombiningMarks(at: location(first))
        }
        return string
      case UInt8(ascii: "\\"): scalars.append(try readEscape())
      default: throw unexpected("the end of a string")
      }
    }
  }

  private func decode(_ range: Range<Int>) throws(FlywheelError) -> String.UnicodeScalarView {
    switch encoding {
    case .latin1:
      var scalars = String.UnicodeScalarView()
      for byte in bytes[range] { scalars.append(Unicode.Scalar(byte)) }
      return scalars
    case .utf8:
      guard let text = String(validating: bytes[range], as: UTF8.self) else {
        throw malformed(
          found: "bytes that are no UTF-8",
          expected: "the text of a header of version 3",
          range.lowerBound
        )
      }
      return text.unicodeScalars
    }
  }

  private mutating func readEscape() throws(FlywheelError) -> Unicode.Scalar {
    let start = index
    index += 1
    guard let letter = peek else { throw unexpected("the end of a string") }
    index += 1
    switch letter {
    case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): return Unicode.Scalar(letter)
    case UInt8(ascii: "a"): return "\u{7}"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "v"): return "\u{B}"
    case UInt8(ascii: "x"): return try readDigits(2, of: start)
    case UInt8(ascii: "u"): return try readDigits(4, of: start)
    case UInt8(ascii: "U"): return try readDigits(8, of: start)
    default: throw malformed(found: "an unknown escape", expected: "one that Python writes", start)
    }
  }

  private mutating func readDigits(
    _ count: Int,
    of start: Int
  ) throws(FlywheelError) -> Unicode.Scalar {
    let digits = bytes[index..<min(index + count, bytes.count)]
    guard digits.count == count,
      digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16),
      let scalar = Unicode.Scalar(value)
    else {
      throw malformed(found: "an escape that is no character", expected: "\(count) digits", start)
    }
    index += count
    return scalar
  }

  // MARK: Bytes

  private var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

  private mutating func skipSpace() {
    while let byte = peek, byte == 0x20 || (0x09...0x0D).contains(byte) && byte != 0x0B {
      index += 1
    }
  }

  private mutating func skipByte(_ byte: UInt8) -> Bool {
    guard peek == byte else { return false }
    index += 1
    return true
  }

  /// Passes over white space, and a byte if it comes next.
  private mutating func skip(_ byte: UInt8) -> Bool {
    skipSpace()
    return skipByte(byte)
  }

  // MARK: Errors

  private func location(_ place: Int) -> FlywheelError.Location {
    .init(byteOffset: UInt64(origin + place))
  }

  private func malformed(found: String, expected: String, _ place: Int) -> FlywheelError {
    .malformed(found: found, expected: expected, at: location(place))
  }

  private func unexpected(_ expected: String) -> FlywheelError {
    let found =
      switch peek {
      case nil: "the end of the header"
      case (0x21...0x7E)?: "'\(Unicode.Scalar(bytes[index]))'"
      case .some(let byte): "the byte 0x\(String(byte, radix: 16))"
      }
    return malformed(found: found, expected: expected, index)
  }
}
