/// Builds HTML, one element to a line, every text escaped.
///
/// Elements are closed by construction: what is in one is written by a closure.
public struct HTMLWriter: Sendable {
  /// The document so far.
  public private(set) var html = ""

  /// An attribute; names are ours, values are escaped.
  public typealias Attribute = (name: String, value: String)

  /// Creates an empty document.
  public init() {}

  /// Adds text as it is to be read.
  ///
  /// - Parameter text: The text; names in it come from files.
  public mutating func write(_ text: String) { html += Self.escaped(text) }

  /// Adds an element that others are in.
  ///
  /// - Parameters:
  ///   - name: The element's name.
  ///   - attributes: Its attributes.
  ///   - content: Writes what is in it.
  public mutating func element(
    _ name: String,
    _ attributes: [Attribute] = [],
    content: (inout HTMLWriter) -> Void
  ) {
    html += "<\(name)\(Self.text(of: attributes))>\n"
    content(&self)
    html += "</\(name)>\n"
  }

  /// Adds an element that holds a text.
  ///
  /// - Parameters:
  ///   - name: The element's name.
  ///   - attributes: Its attributes.
  ///   - text: The text.
  public mutating func leaf(_ name: String, _ attributes: [Attribute] = [], _ text: String) {
    html += "<\(name)\(Self.text(of: attributes))>\(Self.escaped(text))</\(name)>\n"
  }

  /// Adds an element that can hold nothing, such as `meta`.
  ///
  /// - Parameters:
  ///   - name: The element's name.
  ///   - attributes: Its attributes.
  public mutating func void(_ name: String, _ attributes: [Attribute] = []) {
    html += "<\(name)\(Self.text(of: attributes))>\n"
  }

  /// Adds what needs no escapes: a style sheet, or a drawing that has escaped its own texts.
  mutating func embed(_ markup: String) { html += markup }

  private static func text(of attributes: [Attribute]) -> String {
    attributes.map { " \($0.name)=\"\(escaped($0.value))\"" }.joined()
  }

  /// Text as HTML has it.
  ///
  /// What HTML cannot have is replaced, and so is what would turn round the text around it: a name could
  /// otherwise read as another.
  private static func escaped(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "\t", "\n", "\r": escaped += " "
      case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{FFFE}", "\u{FFFF}": escaped += "\u{FFFD}"
      case "\u{61C}", "\u{200E}", "\u{200F}", "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}":
        escaped += "\u{FFFD}"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
