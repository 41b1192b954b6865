/// Builds HTML, every text escaped.
public struct HTMLWriter: Sendable {
  /// The document so far.
  public private(set) var html = ""

  /// Creates an empty document.
  public init() {}

  /// Adds text as it is to be read.
  ///
  /// - Parameter text: The text; names in it come from files.
  public mutating func write(_ text: String) { html += Self.escaped(text) }

  private static func escaped(_ text: String) -> String {
    var escaped = ""
    for character in text.unicodeScalars {
      switch character {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      default: escaped.unicodeScalars.append(character)
      }
    }
    return escaped
  }
}
