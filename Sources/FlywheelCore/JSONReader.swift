import OrderedCollections

extension JSONValue {
  /// Reads a JSON document strictly as RFC 8259 has it, and nothing that readers could disagree on.
  ///
  /// Besides everything that is not JSON it refuses a name that occurs twice in an object, a
  /// surrogate without its partner, more than 256 combining marks in a row, an integer that does not
  /// fit 64 bits, and a number too large for a `Double`. Other numbers with a fraction or an exponent
  /// are rounded correctly; `-0` is the double that it means.
  ///
  /// - Parameters:
  ///   - bytes: The whole document.
  ///   - depthLimit: How deep arrays and objects may nest; the stack must bear it, so stay below
  ///     1,000.
  ///   - byteLimit: The size up to which a document is read; the default is what safetensors allows
  ///     for its header.
  /// - Throws: `malformed`, `truncated` if the document ends early, or `limitExceeded`, all with the
  ///   byte offset.
  public init(
    parsing bytes: RawSpan,
    depthLimit: Int = 64,
    byteLimit: Int = 100_000_000
  ) throws(FlywheelError) {
    try self.init(parsing: Span(_bytes: bytes), depthLimit: depthLimit, byteLimit: byteLimit)
  }

  /// Reads a JSON document from an array; see the initializer that takes a span.
  ///
  /// - Parameters:
  ///   - bytes: The whole document.
  ///   - depthLimit: How deep arrays and objects may nest.
  ///   - byteLimit: The size up to which a document is read.
  /// - Throws: `malformed`, `truncated` or `limitExceeded`, all with the byte offset.
  public init(
    parsing bytes: [UInt8],
    depthLimit: Int = 64,
    byteLimit: Int = 100_000_000
  ) throws(FlywheelError) {
    try self.init(parsing: bytes.span, depthLimit: depthLimit, byteLimit: byteLimit)
  }

  private init(
    parsing bytes: Span<UInt8>,
    depthLimit: Int,
    byteLimit: Int
  ) throws(FlywheelError) {
    guard bytes.count <= byteLimit else {
      throw FlywheelError(
        .limitExceeded,
        "The JSON document has \(bytes.count) bytes; at most \(byteLimit) are read here.",
        at: .init(byteOffset: UInt64(max(0, byteLimit)))
      )
    }
    var reader = JSONReader(bytes, depthLimit: depthLimit)
    self = try reader.readDocument()
  }
}

/// A recursive-descent parser; every method starts at `offset` and leaves it behind what it read.
///
/// Readers of large documents, such as headers of 20,000 tensors, walk through them with it and keep only what they need.
package struct JSONReader: ~Escapable {
  private let bytes: Span<UInt8>
  private let depthLimit: Int
  /// Where the next byte is read.
  package private(set) var offset: Int

  /// Starts in front of a document.
  ///
  /// - Parameters:
  ///   - bytes: The document, and what lies in front of it.
  ///   - offset: Where it begins: offsets in errors count from the front of `bytes`.
  ///   - depthLimit: How deep arrays and objects may nest.
  @_lifetime(copy bytes)
  package init(_ bytes: RawSpan, at offset: Int = 0, depthLimit: Int = 64) {
    self.init(Span(_bytes: bytes), at: offset, depthLimit: depthLimit)
  }

  @_lifetime(copy bytes)
  fileprivate init(_ bytes: Span<UInt8>, at offset: Int = 0, depthLimit: Int) {
    self.bytes = bytes
    self.offset = offset
    self.depthLimit = depthLimit
  }

  @_lifetime(self: copy self)
  fileprivate mutating func readDocument() throws(FlywheelError) -> JSONValue {
    let value = try readValue(depth: 0)
    try finish()
    return value
  }

  /// Makes sure that nothing but space is left.
  @_lifetime(self: copy self)
  package mutating func finish() throws(FlywheelError) {
    skipSpace()
    guard current == nil else { throw unexpected("the end of the document") }
  }

  /// Reads any value, at some depth of the document.
  @_lifetime(self: copy self)
  package mutating func readValue(depth: Int) throws(FlywheelError) -> JSONValue {
    skipSpace()
    switch current {
    case UInt8(ascii: "{"): return try readObject(depth: depth)
    case UInt8(ascii: "["): return try readArray(depth: depth)
    case UInt8(ascii: "\""): return .string(try readString())
    case UInt8(ascii: "-"): return try readNumber()
    case UInt8(ascii: "t"): return try readWord("true", .bool(true))
    case UInt8(ascii: "f"): return try readWord("false", .bool(false))
    case UInt8(ascii: "n"): return try readWord("null", .null)
    case .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return try readNumber()
    default: throw unexpected("a value")
    }
  }

  // MARK: Containers

  @_lifetime(self: copy self)
  private mutating func readObject(depth: Int) throws(FlywheelError) -> JSONValue {
    try enter(depth)
    var members: OrderedDictionary<String, JSONValue> = [:]
    var isFirst = true
    while let (name, nameOffset) = try nextName(&isFirst) {
      let value = try readValue(depth: depth + 1)
      guard members.updateValue(value, forKey: name) == nil else {
        throw secondMember(name, at: nameOffset)
      }
    }
    return .object(members)
  }

  @_lifetime(self: copy self)
  private mutating func readArray(depth: Int) throws(FlywheelError) -> JSONValue {
    try enter(depth)
    var values: [JSONValue] = []
    var isFirst = true
    while try hasElement(&isFirst) { values.append(try readValue(depth: depth + 1)) }
    return .array(values)
  }

  /// Steps over the bracket that opens an object.
  @_lifetime(self: copy self)
  package mutating func enterObject() throws(FlywheelError) {
    skipSpace()
    guard skip(UInt8(ascii: "{")) else { throw unexpected("an object") }
  }

  /// Steps over the bracket that opens an array.
  @_lifetime(self: copy self)
  package mutating func enterArray() throws(FlywheelError) {
    skipSpace()
    guard skip(UInt8(ascii: "[")) else { throw unexpected("an array") }
  }

  /// Reads the name of an object's next member, with its place, up to the value; nil if there is none, behind
  /// the object.
  ///
  /// Whether the name is one that another member has is for the caller to see.
  @_lifetime(self: copy self)
  package mutating func nextName(
    _ isFirst: inout Bool
  ) throws(FlywheelError) -> (name: String, offset: Int)? {
    guard try hasNext(before: UInt8(ascii: "}"), "',' or '}'", &isFirst) else { return nil }
    skipSpace()
    guard current == UInt8(ascii: "\"") else { throw unexpected("a member's name in quotes") }
    let nameOffset = offset
    let name = try readString()
    skipSpace()
    guard skip(UInt8(ascii: ":")) else { throw unexpected("':'") }
    return (name, nameOffset)
  }

  /// Goes to an array's next element; false if there is none, behind the array.
  @_lifetime(self: copy self)
  package mutating func hasElement(_ isFirst: inout Bool) throws(FlywheelError) -> Bool {
    try hasNext(before: UInt8(ascii: "]"), "',' or ']'", &isFirst)
  }

  @_lifetime(self: copy self)
  private mutating func hasNext(
    before end: UInt8,
    _ expected: String,
    _ isFirst: inout Bool
  ) throws(FlywheelError) -> Bool {
    skipSpace()
    if skip(end) { return false }
    guard isFirst || skip(UInt8(ascii: ",")) else { throw unexpected(expected) }
    isFirst = false
    return true
  }

  /// An object has two members of a name.
  package func secondMember(_ name: String, at offset: Int) -> FlywheelError {
    malformed("a second member \(quoted(name))", "a name once", at: offset)
  }

  /// Steps over an opening bracket.
  @_lifetime(self: copy self)
  private mutating func enter(_ depth: Int) throws(FlywheelError) {
    guard depth < depthLimit else {
      throw FlywheelError(
        .limitExceeded,
        "The JSON document nests deeper than \(depthLimit) levels; no document of Flywheel does.",
        at: .init(byteOffset: UInt64(offset))
      )
    }
    offset += 1
  }

  // MARK: Words and numbers

  /// Reads an integer that is not negative, such as a size.
  @_lifetime(self: copy self)
  package mutating func readSize() throws(FlywheelError) -> Int {
    skipSpace()
    let start = offset
    switch current {
    case UInt8(ascii: "-"), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): break
    default: throw unexpected("an integer")
    }
    guard case .integer(let integer) = try readNumber(), let size = Int(exactly: integer), size >= 0
    else { throw try outOfRange(from: start, expected: "an integer from 0 to 2^63 - 1") }
    return size
  }

  @_lifetime(self: copy self)
  private mutating func readWord(
    _ word: String,
    _ value: JSONValue
  ) throws(FlywheelError) -> JSONValue {
    for byte in word.utf8 {
      guard skip(byte) else { throw unexpected("the word '\(word)'") }
    }
    return value
  }

  @_lifetime(self: copy self)
  private mutating func readNumber() throws(FlywheelError) -> JSONValue {
    let start = offset
    let isNegative = skip(UInt8(ascii: "-"))
    let digitsStart = offset
    try skipDigits()
    let digits = digitsStart..<offset
    if digits.count > 1, bytes[digitsStart] == UInt8(ascii: "0") {
      throw malformed("a leading zero", "a number without it", at: digitsStart)
    }
    var isInteger = true
    if skip(UInt8(ascii: ".")) {
      isInteger = false
      try skipDigits()
    }
    if skip(UInt8(ascii: "e")) || skip(UInt8(ascii: "E")) {
      isInteger = false
      if !skip(UInt8(ascii: "+")) { _ = skip(UInt8(ascii: "-")) }
      try skipDigits()
    }
    if isInteger {
      guard let value = integer(digits, isNegative: isNegative) else {
        throw try outOfRange(from: start, expected: "an integer of at most 64 bits")
      }
      return value
    }
    guard let value = Double(try text(start..<offset)), value.isFinite else {
      throw try outOfRange(from: start, expected: "a number that a 64-bit float can hold")
    }
    return .double(value)
  }

  /// The value of a run of digits, or nil if neither 64-bit type holds it.
  private func integer(_ digits: Range<Int>, isNegative: Bool) -> JSONValue? {
    var magnitude: UInt64 = 0
    for index in digits {
      let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt64(bytes[index] & 0x0f))
      if overflow || carry { return nil }
      magnitude = sum
    }
    guard isNegative else { return JSONValue(magnitude) }
    // An integer has no negative zero; the double that other readers see has.
    if magnitude == 0 { return .double(-0.0) }
    guard magnitude <= Int64.min.magnitude else { return nil }
    return .integer(Int64(truncatingIfNeeded: 0 &- magnitude))
  }

  @_lifetime(self: copy self)
  private mutating func skipDigits() throws(FlywheelError) {
    let start = offset
    while let byte = current, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte { offset += 1 }
    guard offset > start else { throw unexpected("a digit") }
  }

  private func outOfRange(
    from start: Int,
    expected: String
  ) throws(FlywheelError) -> FlywheelError {
    malformed("the number \(printable(try text(start..<offset)))", expected, at: start)
  }

  // MARK: Strings

  /// Reads a value that must be a string.
  @_lifetime(self: copy self)
  package mutating func readText() throws(FlywheelError) -> String {
    skipSpace()
    guard current == UInt8(ascii: "\"") else { throw unexpected("a string") }
    return try readString()
  }

  @_lifetime(self: copy self)
  private mutating func readString() throws(FlywheelError) -> String {
    offset += 1
    let start = offset
    var hasEscapes = false
    while true {
      guard let byte = current else { throw unexpected("the end of a string") }
      if byte == UInt8(ascii: "\"") { break }
      guard byte >= 0x20 else { throw unexpected("a character that is not a control character") }
      offset += 1
      if byte == UInt8(ascii: "\\") {
        hasEscapes = true
        // Whatever it is, an escaped character does not end the string.
        guard current != nil else { throw unexpected("an escape") }
        offset += 1
      }
    }
    let end = offset
    // Escapes are ASCII: the string is valid UTF-8 with them if it is without them.
    let raw = try text(start..<end)
    offset = start
    let string = hasEscapes ? try unescape(upTo: end) : raw
    offset = end + 1
    guard !string.hasTooManyCombiningMarks else {
      throw FlywheelError.tooManyCombiningMarks(at: .init(byteOffset: UInt64(start)))
    }
    return string
  }

  /// The string between `offset` and `end`, which is known to be valid UTF-8.
  @_lifetime(self: copy self)
  private mutating func unescape(upTo end: Int) throws(FlywheelError) -> String {
    var unescaped: [UInt8] = []
    unescaped.reserveCapacity(end - offset)
    while offset < end {
      let byte = bytes[offset]
      if byte == UInt8(ascii: "\\") {
        unescaped.append(contentsOf: try readEscape().utf8)
      } else {
        unescaped.append(byte)
        offset += 1
      }
    }
    return String(decoding: unescaped, as: UTF8.self)
  }

  @_lifetime(self: copy self)
  private mutating func readEscape() throws(FlywheelError) -> Unicode.Scalar {
    let start = offset
    offset += 1
    guard let letter = current else { throw unexpected("an escape") }
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
      offset += 1
      return Unicode.Scalar(letter)
    case UInt8(ascii: "b"):
      offset += 1
      return "\u{8}"
    case UInt8(ascii: "f"):
      offset += 1
      return "\u{c}"
    case UInt8(ascii: "n"):
      offset += 1
      return "\n"
    case UInt8(ascii: "r"):
      offset += 1
      return "\r"
    case UInt8(ascii: "t"):
      offset += 1
      return "\t"
    case UInt8(ascii: "u"):
      offset += 1
      let high = try readHexDigits()
      if let scalar = Unicode.Scalar(high) { return scalar }
      // Not a scalar, so one half of a pair.
      guard UTF16.isLeadSurrogate(high), skip(UInt8(ascii: "\\")), skip(UInt8(ascii: "u")) else {
        throw malformed("half of a surrogate pair", "a whole pair", at: start)
      }
      let pair = [high, try readHexDigits()]
      guard UTF16.isTrailSurrogate(pair[1]),
        let scalar = String(decoding: pair, as: UTF16.self).unicodeScalars.first
      else { throw malformed("half of a surrogate pair", "a whole pair", at: start) }
      return scalar
    default: throw unexpected("an escape that JSON has")
    }
  }

  @_lifetime(self: copy self)
  private mutating func readHexDigits() throws(FlywheelError) -> UInt16 {
    var value: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw unexpected("a hexadecimal digit")
      }
      value = value << 4 | UInt16(digit)
      offset += 1
    }
    return value
  }

  /// The bytes of a range as a string, checked to be UTF-8.
  private func text(_ range: Range<Int>) throws(FlywheelError) -> String {
    do throws(UTF8.ValidationError) {
      return String(copying: try UTF8Span(validating: bytes.extracting(range)))
    } catch {
      throw malformed(
        "bytes that are not UTF-8 (\(error.kind))",
        "text",
        at: range.lowerBound + error.byteOffsets.lowerBound
      )
    }
  }

  // MARK: Bytes and errors

  /// The byte at `offset`, or nil at the end.
  private var current: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  @_lifetime(self: copy self)
  private mutating func skip(_ byte: UInt8) -> Bool {
    guard current == byte else { return false }
    offset += 1
    return true
  }

  @_lifetime(self: copy self)
  private mutating func skipSpace() {
    while let byte = current, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 {
      offset += 1
    }
  }

  private func malformed(_ found: String, _ expected: String, at offset: Int) -> FlywheelError {
    FlywheelError.malformed(
      found: found,
      expected: expected,
      at: .init(byteOffset: UInt64(offset))
    )
  }

  /// What is at `offset` should be something else.
  private func unexpected(_ expected: String) -> FlywheelError {
    guard let byte = current else {
      return FlywheelError(
        .truncated,
        "The JSON document ends where \(expected) was expected. It was cut off or is still being "
          + "written; copy it again or use an older one.",
        at: .init(byteOffset: UInt64(offset))
      )
    }
    let isPrintable = 0x20..<0x7f ~= byte
    let found = isPrintable ? "'\(Unicode.Scalar(byte))'" : "byte 0x\(String(byte, radix: 16))"
    return malformed(found, expected, at: offset)
  }
}
