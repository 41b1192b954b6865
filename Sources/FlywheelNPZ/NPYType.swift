import FlywheelCore

/// The type of an array's elements as the `descr` of a .npy file says it.
struct NPYType: Hashable {
  let element: ElementType
  /// Whether the elements are numbers with their most significant byte first; opaque ones are carried
  /// in the byte order that their name says.
  let isBigEndian: Bool
  /// The literal that numpy writes for it.
  let descr: String

  private init(_ element: ElementType, isBigEndian: Bool = false, descr: String) {
    self.element = element
    self.isBigEndian = isBigEndian
    self.descr = descr
  }

  /// Finds the name of a type; little-endian if it is a number.
  ///
  /// - Throws: `unsupported` if no .npy file can name an opaque type.
  init(naming element: ElementType) throws(FlywheelError) {
    switch element {
    case .number(let dtype): self.init(element, descr: PythonLiteral.repr(dtype.npyName))
    case .opaque(let type):
      guard let named = try? Self(opaque: type.name), named.element == element else {
        throw FlywheelError(
          .unsupported,
          "A .npy file has no name for elements of type \(type.name) with \(type.byteCount) bytes each."
        )
      }
      self = named
    }
  }

  private init(opaque name: String) throws(FlywheelError) {
    if name.utf8.first == UInt8(ascii: "[") {
      var reader = PythonLiteralReader(Array(name.utf8), encoding: .utf8, origin: 0)
      try self.init(reader.readAll())
    } else {
      try self.init(PythonLiteral(value: .string(name), offset: 0))
    }
  }

  /// Understands the `descr` of an array.
  ///
  /// - Throws: `unsupported` if the elements are Python objects, `malformed` if it is no type.
  init(_ literal: PythonLiteral) throws(FlywheelError) {
    switch literal.value {
    case .string(let text): try self.init(text, at: literal.offset)
    case .list(let fields): try self.init(fields: fields)
    default:
      throw Self.malformed(
        literal,
        expected: "the name of a type, such as '<f4', or a list of fields"
      )
    }
  }

  // MARK: Records

  /// A record: its fields lie one after the other.
  private init(fields: [PythonLiteral]) throws(FlywheelError) {
    var names: Set<String> = []
    var byteCount = 0
    var texts: [String] = []
    for field in fields {
      guard case .tuple(let parts) = field.value, (2...3).contains(parts.count) else {
        throw Self.malformed(field, expected: "a field, such as ('x', '<f4') or ('x', '<f4', (3,))")
      }
      let name = try Self.fieldName(parts[0], addingTo: &names)
      let type = try Self(field: parts[1])
      let shape = parts.count == 3 ? try Shape(parts[2]) : nil
      let array = try TensorDescription(element: type.element, shape: shape ?? .scalar)
      let (sum, overflow) = byteCount.addingReportingOverflow(array.byteCount)
      guard !overflow else {
        throw FlywheelError.overflow("a record", at: .init(byteOffset: UInt64(field.offset)))
      }
      byteCount = sum
      texts.append("(\(name), \(type.descr)" + (shape.map { ", \($0)" } ?? "") + ")")
    }
    let descr = "[" + texts.joined(separator: ", ") + "]"
    self.init(.opaque(OpaqueType(name: descr, byteCount: byteCount)), descr: descr)
  }

  /// The type of a field, which may be an array of its own.
  private init(field literal: PythonLiteral) throws(FlywheelError) {
    guard case .tuple(let parts) = literal.value, parts.count == 2 else {
      try self.init(literal)
      return
    }
    let type = try Self(field: parts[0])
    let shape = try Shape(parts[1])
    let description = try TensorDescription(element: type.element, shape: shape)
    let descr = "(\(type.descr), \(shape))"
    self.init(.opaque(OpaqueType(name: descr, byteCount: description.byteCount)), descr: descr)
  }

  /// A field's name, or its title and its name; none twice, but the empty one of what pads a record.
  private static func fieldName(
    _ literal: PythonLiteral,
    addingTo names: inout Set<String>
  ) throws(FlywheelError) -> String {
    let text: String
    let found: [String]
    switch literal.value {
    case .string(let name):
      text = PythonLiteral.repr(name)
      found = [name]
    case .tuple(let parts):
      guard parts.count == 2, case .string(let title) = parts[0].value,
        case .string(let name) = parts[1].value
      else { fallthrough }
      text = "(\(PythonLiteral.repr(title)), \(PythonLiteral.repr(name)))"
      found = [title, name]
    default:
      throw malformed(literal, expected: "a field's name, or a tuple of its title and its name")
    }
    for name in found where !name.isEmpty {
      guard names.insert(name).inserted else {
        throw malformed(literal, expected: "a name that no other field has")
      }
    }
    return text
  }

  // MARK: Names

  private init(_ text: String, at offset: Int) throws(FlywheelError) {
    if let dtype = DType(rawValue: text) ?? Self.characters[text] {
      self.init(.number(dtype), descr: PythonLiteral.repr(dtype.npyName))
      return
    }
    var rest = Substring(text)
    var order: Character?
    if let first = rest.first, "<>=|".contains(first) {
      order = first
      rest.removeFirst()
    }
    guard let kind = rest.popFirst() else { throw Self.unknown(text, offset) }
    if kind == "O" || text == "object" { throw Self.objects(offset) }
    let digits = rest.prefix { $0.isASCII && $0.isNumber }
    rest = rest.dropFirst(digits.count)
    guard let size = digits.isEmpty ? 0 : Int(digits) else {
      throw FlywheelError.overflow("an element", at: .init(byteOffset: UInt64(offset)))
    }
    let isBigEndian = order == ">"
    let orderText = isBigEndian ? ">" : "<"
    switch kind {
    case "S", "V", "U":
      let (byteCount, overflow) = size.multipliedReportingOverflow(by: kind == "U" ? 4 : 1)
      guard !overflow else {
        throw FlywheelError.overflow("an element", at: .init(byteOffset: UInt64(offset)))
      }
      guard rest.isEmpty else { throw Self.unknown(text, offset) }
      // numpy gives void types that others have added an order, which means nothing but is theirs.
      let mark =
        kind == "U" ? orderText : kind == "V" && order != "=" ? order.map(String.init) : nil
      self.init(opaque: "\(mark ?? "|")\(kind)\(size)", byteCount: byteCount)
    case "M", "m":
      guard size == 8, let unit = Self.timeUnit(rest) else { throw Self.unknown(text, offset) }
      self.init(opaque: "\(orderText)\(kind)8\(unit)", byteCount: 8)
    default:
      guard rest.isEmpty else { throw Self.unknown(text, offset) }
      let name = "\(kind)\(size)"
      if let dtype = Self.numbers[name] {
        let isSwapped = isBigEndian && dtype.byteCount > 1
        let descr = isSwapped ? ">" + dtype.npyName.dropFirst() : dtype.npyName
        self.init(.number(dtype), isBigEndian: isSwapped, descr: PythonLiteral.repr(descr))
      } else if let byteCount = Self.longDoubles[name] {
        self.init(opaque: orderText + name, byteCount: byteCount)
      } else if name == "f1" {
        // Of the types that ml_dtypes adds, this alone has a kind of numpy's, and so this name.
        self.init(.number(.float8E5M2), descr: "'<f1'")
      } else {
        throw Self.unknown(text, offset)
      }
    }
  }

  private init(opaque name: String, byteCount: Int) {
    self.init(
      .opaque(OpaqueType(name: name, byteCount: byteCount)),
      descr: PythonLiteral.repr(name)
    )
  }

  /// The unit of a date or a duration, as numpy writes it: `[ns]`, `[25s]`, or nothing; nil if it is none.
  private static func timeUnit(_ text: Substring) -> String? {
    if text.isEmpty || text == "[generic]" { return "" }
    guard text.first == "[", text.last == "]" else { return nil }
    let inner = text.dropFirst().dropLast()
    let digits = inner.prefix { $0.isASCII && $0.isNumber }
    let units: Set<Substring> = [
      "Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as",
    ]
    guard units.contains(inner.dropFirst(digits.count)) else { return nil }
    if digits.isEmpty || digits == "1" { return "[\(inner.dropFirst(digits.count))]" }
    guard let count = Int32(digits), count > 0 else { return nil }
    return "[\(count)\(inner.dropFirst(digits.count))]"
  }

  private static let numbers: [String: DType] = [
    "b1": .bool, "i1": .int8, "i2": .int16, "i4": .int32, "i8": .int64, "u1": .uint8, "u2": .uint16,
    "u4": .uint32, "u8": .uint64, "f2": .float16, "f4": .float32, "f8": .float64, "c8": .complex64,
    "c16": .complex128,
  ]

  /// numpy's one-letter names whose size does not depend on the machine.
  private static let characters: [String: DType] = [
    "?": .bool, "b": .int8, "B": .uint8, "h": .int16, "H": .uint16, "i": .int32, "I": .uint32,
    "q": .int64, "Q": .uint64, "e": .float16, "f": .float32, "d": .float64, "F": .complex64,
    "D": .complex128,
  ]

  /// C's `long double` on several machines, and pairs of them: no tensor holds them, but they can be carried.
  private static let longDoubles = ["f12": 12, "f16": 16, "c24": 24, "c32": 32]

  // MARK: Errors

  private static func malformed(_ literal: PythonLiteral, expected: String) -> FlywheelError {
    .malformed(
      found: literal.kind,
      expected: expected,
      at: .init(byteOffset: UInt64(literal.offset))
    )
  }

  private static func unknown(_ text: String, _ offset: Int) -> FlywheelError {
    .malformed(
      found: "the element type \(PythonLiteral.repr(text))",
      expected: "one of numpy's that means the same on every machine, such as '<f4' or '|S5'",
      at: .init(byteOffset: UInt64(offset))
    )
  }

  private static func objects(_ offset: Int) -> FlywheelError {
    FlywheelError(
      .unsupported,
      "The elements are Python objects, stored as a pickle: a program that only Python can run, and that "
        + "can do anything. Save numbers or texts instead: numpy.asarray(a, dtype=float), "
        + "a.astype(str), or one array for each element.",
      at: .init(byteOffset: UInt64(offset))
    )
  }
}

extension DType {
  /// The name that numpy, with `ml_dtypes` where it has none of its own, gives the type in a file; but
  /// that of `float8_e5m2` is one that numpy can read back, as it is for the other small floats.
  fileprivate var npyName: String {
    switch self {
    case .bool: "|b1"
    case .int8: "|i1"
    case .int16: "<i2"
    case .int32: "<i4"
    case .int64: "<i8"
    case .uint8: "|u1"
    case .uint16: "<u2"
    case .uint32: "<u4"
    case .uint64: "<u8"
    case .float8E4M3FN, .float8E5M2: "<V1"
    case .float16: "<f2"
    case .bfloat16: "<V2"
    case .float32: "<f4"
    case .float64: "<f8"
    case .complex64: "<c8"
    case .complex128: "<c16"
    }
  }
}
