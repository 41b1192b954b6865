/// Appends SVG elements to a text, one to a line, indented by their depth.
struct SVGWriter {
  private(set) var text = ""
  private var open: [String] = []

  /// An attribute; names are ours, values are escaped.
  typealias Attribute = (name: String, value: String)

  /// Writes an element that others are in.
  mutating func element(
    _ name: String,
    _ attributes: [Attribute] = [],
    content: (inout SVGWriter) -> Void
  ) {
    line("<\(name)\(Self.text(of: attributes))>")
    open.append(name)
    content(&self)
    open.removeLast()
    line("</\(name)>")
  }

  /// Writes an element that holds nothing, or a text, and perhaps the whole of what the text shortens.
  mutating func leaf(
    _ name: String,
    _ attributes: [Attribute] = [],
    text content: String? = nil,
    title: String? = nil
  ) {
    let inner =
      (title.map { "<title>\(Markup.escaped($0))</title>" } ?? "")
      + (content.map(Markup.escaped) ?? "")
    line(
      "<\(name)\(Self.text(of: attributes))" + (inner.isEmpty ? "/>" : ">\(inner)</\(name)>")
    )
  }

  /// Writes the style sheet, which needs no escapes.
  mutating func style(_ rules: [String]) {
    element("style") { writer in
      for rule in rules { writer.line(rule) }
    }
  }

  private mutating func line(_ content: String) {
    text += String(repeating: "  ", count: open.count) + content + "\n"
  }

  private static func text(of attributes: [Attribute]) -> String {
    attributes.map { " \($0.name)=\"\(Markup.escaped($0.value))\"" }.joined()
  }
}
