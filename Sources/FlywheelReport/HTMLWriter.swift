import FlywheelPlot

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
  public mutating func write(_ text: String) { html += Markup.escaped(text) }

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
    html += "<\(name)\(Self.text(of: attributes))>\(Markup.escaped(text))</\(name)>\n"
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
    attributes.map { " \($0.name)=\"\(Markup.escaped($0.value))\"" }.joined()
  }
}
