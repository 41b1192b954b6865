public import OrderedCollections

/// A JSON document, or a part of one, that keeps every number exactly.
///
/// Integers and floating-point numbers are different values: `1` and `1.0` stay apart. What JSON has
/// no numeral for (infinities, NaNs with their payload) is an object that holds the bit pattern,
/// `{"float64": "0x7ff8000000000001"}`.
///
/// `==` compares as Swift does (`-0.0` equals `0.0`, canonically equivalent strings are equal); two
/// documents are the same bit for bit when their `canonicalBytes` are.
public enum JSONValue: Sendable, Hashable {
  /// `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// An integer, written without fraction and exponent.
  case integer(Int64)
  /// An integer above the largest `Int64`; smaller ones are `integer`.
  case unsigned(UInt64)
  /// A number written with a fraction or an exponent; `init(_:)` takes care of those that are not
  /// finite.
  case double(Double)
  /// A string.
  case string(String)
  /// Values in order.
  case array([JSONValue])
  /// Named values, in the order in which they are written.
  case object(OrderedDictionary<String, JSONValue>)
}

extension JSONValue {
  /// The name of the one member of an object that stands for a number by its bit pattern.
  static let bitPatternMember = "float64"

  /// Represents a string.
  ///
  /// - Parameter string: The string.
  public init(_ string: String) {
    self = .string(string)
  }

  /// Represents a truth value.
  ///
  /// - Parameter bool: The truth value.
  public init(_ bool: Bool) {
    self = .bool(bool)
  }

  /// Represents an integer.
  ///
  /// - Parameter integer: The integer.
  public init(_ integer: Int) {
    self = .integer(Int64(integer))
  }

  /// Represents an integer of up to 64 bits without sign.
  ///
  /// - Parameter integer: The integer.
  public init(_ integer: UInt64) {
    self = Int64(exactly: integer).map(JSONValue.integer) ?? .unsigned(integer)
  }

  /// Represents a number bit for bit: as a numeral if it is finite, by its bit pattern if not.
  ///
  /// - Parameter number: The number.
  public init(_ number: Double) {
    guard !number.isFinite else {
      self = .double(number)
      return
    }
    let digits = String(number.bitPattern, radix: 16)
    let padding = String(repeating: "0", count: max(0, 16 - digits.count))
    self = .object([Self.bitPatternMember: .string("0x" + padding + digits)])
  }

  /// The number that an object like `{"float64": "0x7ff8000000000001"}` stands for, if this is one.
  package var bitPatternDouble: Double? {
    guard case .object(let members) = self, members.count == 1,
      case .string(let text)? = members[Self.bitPatternMember],
      text.utf8.count == 18, text.hasPrefix("0x"),
      text.utf8.dropFirst(2).allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let pattern = UInt64(text.dropFirst(2), radix: 16)
    else { return nil }
    return Double(bitPattern: pattern)
  }
}

extension JSONValue: ExpressibleByBooleanLiteral {
  /// Creates a truth value.
  public init(booleanLiteral value: Bool) {
    self.init(value)
  }
}

extension JSONValue: ExpressibleByIntegerLiteral {
  /// Creates an integer.
  public init(integerLiteral value: Int64) {
    self = .integer(value)
  }
}

extension JSONValue: ExpressibleByFloatLiteral {
  /// Creates a floating-point number.
  public init(floatLiteral value: Double) {
    self.init(value)
  }
}

extension JSONValue: ExpressibleByStringLiteral {
  /// Creates a string.
  public init(stringLiteral value: String) {
    self.init(value)
  }
}

extension JSONValue: ExpressibleByArrayLiteral {
  /// Creates an array.
  public init(arrayLiteral elements: JSONValue...) {
    self = .array(elements)
  }
}

extension JSONValue: ExpressibleByDictionaryLiteral {
  /// Creates an object; as in Swift's own dictionaries, no name may occur twice.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(OrderedDictionary(uniqueKeysWithValues: elements))
  }
}
