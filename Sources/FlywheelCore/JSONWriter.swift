import OrderedCollections

extension JSONValue {
  /// The one way in which Flywheel stores this value: the same value always gives the same bytes.
  ///
  /// Compact UTF-8 with members in their order. Only what must be escaped is. A double is the
  /// shortest numeral that reads back to it, always with a fraction or an exponent, so that no reader
  /// takes it for an integer.
  public var canonicalBytes: [UInt8] {
    var writer = JSONWriter(indent: nil)
    writer.write(self)
    return writer.bytes
  }

  /// The value laid out for people; short arrays of plain values stay on one line.
  public func prettyText(indent: Int = 2) -> String {
    var writer = JSONWriter(indent: max(0, indent))
    writer.write(self)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  /// Whether the value is no container of others: a scalar, or a number by its bit pattern.
  fileprivate var isPlain: Bool {
    switch self {
    case .array(let values): values.isEmpty
    case .object(let members): members.isEmpty || bitPatternDouble != nil
    default: true
    }
  }
}

/// Appends values to bytes, compactly or, with an indent, one to a line.
private struct JSONWriter {
  private(set) var bytes: [UInt8] = []
  private let indent: Int?
  private var level = 0

  /// The length up to which an array of plain values stays on one line.
  private static let shortLength = 72

  init(indent: Int?) {
    self.indent = indent
  }

  mutating func write(_ value: JSONValue) {
    switch value {
    case .null: write("null")
    case .bool(let bool): write(bool ? "true" : "false")
    case .integer(let integer): write(integer.description)
    case .unsigned(let integer): write(integer.description)
    case .double(let number): write(number)
    case .string(let string): write(quoting: string)
    case .array(let values):
      write(values, between: "[", and: "]", onOneLine: isShort(values)) { $0.write($1) }
    case .object(let members):
      write(members.elements, between: "{", and: "}", onOneLine: value.isPlain) { writer, member in
        writer.write(quoting: member.key)
        writer.write(writer.indent == nil ? ":" : ": ")
        writer.write(member.value)
      }
    }
  }

  private mutating func write(_ text: String) {
    bytes.append(contentsOf: text.utf8)
  }

  private mutating func write(_ number: Double) {
    guard number.isFinite else {
      // JSON has no numeral for it; this makes it the object with its bit pattern.
      write(JSONValue(number))
      return
    }
    write(number.description)
  }

  private mutating func write<Elements: Collection>(
    _ elements: Elements,
    between opening: String,
    and closing: String,
    onOneLine: Bool,
    writeElement: (inout JSONWriter, Elements.Element) -> Void
  ) {
    write(opening)
    level += 1
    var isFirst = true
    for element in elements {
      if !isFirst { write(",") }
      startLine(onOneLine: onOneLine, isFirst: isFirst)
      writeElement(&self, element)
      isFirst = false
    }
    level -= 1
    if !elements.isEmpty { startLine(onOneLine: onOneLine, isFirst: true) }
    write(closing)
  }

  /// Separates an element from what comes before it, or the closing bracket from the last element.
  private mutating func startLine(onOneLine: Bool, isFirst: Bool) {
    guard let indent else { return }
    if onOneLine {
      if !isFirst { write(" ") }
    } else {
      bytes.append(UInt8(ascii: "\n"))
      bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indent * level))
    }
  }

  private func isShort(_ values: [JSONValue]) -> Bool {
    // Each value needs a character and a separator: no need to look into a long array.
    guard indent != nil, values.count <= Self.shortLength / 2, values.allSatisfy(\.isPlain) else {
      return false
    }
    return JSONValue.array(values).canonicalBytes.count <= Self.shortLength
  }

  private mutating func write(quoting string: String) {
    bytes.append(UInt8(ascii: "\""))
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "\""): write("\\\"")
      case UInt8(ascii: "\\"): write("\\\\")
      case 0x08: write("\\b")
      case 0x09: write("\\t")
      case 0x0a: write("\\n")
      case 0x0c: write("\\f")
      case 0x0d: write("\\r")
      case 0x00...0x1f: write("\\u00" + (byte < 0x10 ? "0" : "") + String(byte, radix: 16))
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}

/// A text from a document as messages show it.
package func quoted(_ text: String) -> String {
  "'\(printable(text))'"
}

/// A text from a document, cut to what a message can hold, with nothing that a terminal obeys.
package func printable(_ text: String) -> String {
  let limit = 80
  let isPlain =
    text.utf8.count <= limit
    && text.utf8.allSatisfy { byte in
      0x20..<0x7f ~= byte && byte != UInt8(ascii: "'") && byte != UInt8(ascii: "\\")
    }
  if isPlain { return text }
  // Scalars, because a single character can be as long as the whole text.
  let start = text.unicodeScalars.prefix(limit + 1)
  let shown = start.prefix(limit).map { scalar in
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: scalar.escaped(asASCII: true)
    default: scalar.escaped(asASCII: false)
    }
  }
  return shown.joined() + (start.count > limit ? "…" : "")
}
