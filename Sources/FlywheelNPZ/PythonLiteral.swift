/// A value as Python's source code has it, as far as the header of a .npy file needs it.
struct PythonLiteral {
  let value: Value
  /// Where in the file it begins.
  let offset: Int

  indirect enum Value {
    case none
    case bool(Bool)
    case integer(Int)
    case string(String)
    case tuple([PythonLiteral])
    case list([PythonLiteral])
    case dictionary([(name: PythonLiteral, value: PythonLiteral)])
  }

  /// What it is, for errors.
  var kind: String {
    switch value {
    case .none: "None"
    case .bool(let bool): bool ? "True" : "False"
    case .integer(let integer): "the integer \(integer)"
    case .string(let string): "the string \(Self.repr(string))"
    case .tuple(let elements): elements.isEmpty ? "an empty tuple" : "a tuple"
    case .list(let elements): elements.isEmpty ? "an empty list" : "a list"
    case .dictionary: "a dictionary"
    }
  }

  /// A string as Python's `repr` prints it.
  static func repr(_ string: String) -> String {
    let scalars = string.unicodeScalars
    let quote: Unicode.Scalar = scalars.contains("'") && !scalars.contains("\"") ? "\"" : "'"
    var text = String.UnicodeScalarView()
    text.append(quote)
    for scalar in scalars { append(scalar, to: &text, in: quote) }
    text.append(quote)
    return String(text)
  }

  private static func append(
    _ scalar: Unicode.Scalar,
    to text: inout String.UnicodeScalarView,
    in quote: Unicode.Scalar
  ) {
    switch scalar {
    case "\\", quote: text.append(contentsOf: ["\\", scalar])
    case "\n": text.append(contentsOf: "\\n".unicodeScalars)
    case "\r": text.append(contentsOf: "\\r".unicodeScalars)
    case "\t": text.append(contentsOf: "\\t".unicodeScalars)
    case _ where isPrintable(scalar): text.append(scalar)
    default:
      let (letter, width) =
        scalar.value <= 0xFF ? ("x", 2) : scalar.value <= 0xFFFF ? ("u", 4) : ("U", 8)
      let digits = String(scalar.value, radix: 16)
      let padding = String(repeating: "0", count: width - digits.utf8.count)
      text.append(contentsOf: ("\\" + letter + padding + digits).unicodeScalars)
    }
  }

  /// Whether Python shows a character as it is.
  private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned: false
    case .lineSeparator, .paragraphSeparator: false
    case .spaceSeparator: scalar == " "
    default: true
    }
  }
}
