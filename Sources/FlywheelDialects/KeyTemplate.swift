/// How a dialect makes the names of its arrays: text with placeholders.
///
/// | placeholder | stands for |
/// |---|---|
/// | `{name}` | the name of a layer, as the model has it |
/// | `{layer}`, `{layer+1}` | the number of a layer, from 0 or from 1 |
/// | `{_layer}` | nothing for the first layer, then `_1`, `_2`, … |
/// | `{kind}` | `weight` or `bias` |
/// | `{key}` | the name that the dialect gives a parameter, without its prefix |
/// | `{index}` | the number of a parameter, from 0 |
/// | `{running}` | the number of a buffer, from 0, without the numbers that counters have |
/// | `{slot}` | the dialect's word for a slot |
/// | `{path}` | numbers with a slash behind each, read whatever they are |
public struct KeyTemplate: Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
  /// The text as it was written.
  public let description: String
  let parts: [Part]

  enum Part: Hashable {
    case literal(String)
    case placeholder(Placeholder)
  }

  enum Placeholder: String {
    case name
    case layer
    case layerFromOne = "layer+1"
    case laterLayer = "_layer"
    case kind
    case key
    case index
    case running
    case slot
    case path
  }

  /// What the placeholders stand for; nil for what a template may not ask for.
  struct Values {
    var name: String?
    var layer: Int?
    var kind: String?
    var key: String?
    var index: Int?
    var running: Int?
    var slot: String?
    var path: String?
  }

  /// Reads a template.
  ///
  /// - Parameter value: The text; braces around anything but a placeholder are text.
  public init(stringLiteral value: String) {
    self.init(value)
  }

  init(_ text: String) {
    description = text
    var parts: [Part] = []
    var literal = ""
    var rest = text.unicodeScalars[...]
    while let scalar = rest.first {
      if scalar == "{", let end = rest.firstIndex(of: "}"),
        let placeholder = Placeholder(
          rawValue: String(rest[rest.index(after: rest.startIndex)..<end])
        )
      {
        if !literal.isEmpty { parts.append(.literal(literal)) }
        literal = ""
        parts.append(.placeholder(placeholder))
        rest = rest[rest.index(after: end)...]
      } else {
        literal.unicodeScalars.append(scalar)
        rest.removeFirst()
      }
    }
    if !literal.isEmpty { parts.append(.literal(literal)) }
    self.parts = parts
  }

  /// Whether a placeholder occurs.
  func asks(for placeholder: Placeholder) -> Bool { parts.contains(.placeholder(placeholder)) }

  /// The template with one word in place of `{slot}`.
  func naming(slot: String) -> KeyTemplate {
    KeyTemplate(
      parts.map { part in
        switch part {
        case .literal(let text): text
        case .placeholder(.slot): slot
        case .placeholder(let other): "{\(other.rawValue)}"
        }
      }.joined()
    )
  }

  /// The key; nil if the template asks for what is not given.
  func key(_ values: Values) -> String? {
    var key = ""
    for part in parts {
      guard let text = Self.text(of: part, values) else { return nil }
      key += text
    }
    return key
  }

  private static func text(of part: Part, _ values: Values) -> String? {
    switch part {
    case .literal(let text): text
    case .placeholder(.name): values.name
    case .placeholder(.layer): values.layer.map { "\($0)" }
    case .placeholder(.layerFromOne): values.layer.map { "\($0 + 1)" }
    case .placeholder(.laterLayer): values.layer.map { $0 == 0 ? "" : "_\($0)" }
    case .placeholder(.kind): values.kind
    case .placeholder(.key): values.key
    case .placeholder(.index): values.index.map { "\($0)" }
    case .placeholder(.running): values.running.map { "\($0)" }
    case .placeholder(.slot): values.slot
    case .placeholder(.path): values.path
    }
  }

  /// What stands before the first placeholder.
  var head: String { Self.literals(parts.prefix { if case .literal = $0 { true } else { false } }) }

  /// What the only placeholder of the template stands for in a key; nil if the key does not match.
  ///
  /// - Parameters:
  ///   - key: The key as `spelling` has it.
  ///   - spelling: How keys are compared.
  /// - Returns: The text in its place.
  func capture(in key: String, _ spelling: KeySpelling) -> String? {
    let place = parts.firstIndex { if case .placeholder = $0 { true } else { false } }
    guard let place else { return key == spelling.of(description) ? "" : nil }
    let (start, end) = (
      spelling.of(head).utf8, spelling.of(Self.literals(parts[(place + 1)...])).utf8
    )
    let key = key.utf8
    guard key.count >= start.count + end.count, key.starts(with: start),
      key.suffix(end.count).elementsEqual(end)
    else { return nil }
    let middle = key.dropFirst(start.count).dropLast(end.count)
    // Names of layers have no slashes where the rest is written with dots.
    let slash = UInt8(ascii: "/")
    guard description.utf8.contains(slash) || !middle.contains(slash) else { return nil }
    return String(decoding: middle, as: UTF8.self)
  }

  private static func literals(_ parts: ArraySlice<Part>) -> String {
    parts.map { if case .literal(let text) = $0 { text } else { "" } }.joined()
  }

  /// The layer that a key names by number or by name; nil if the template is not about layers, or does not
  /// match.
  ///
  /// - Parameters:
  ///   - key: The key as `spelling` has it.
  ///   - spelling: How keys are compared.
  /// - Returns: The layer.
  func layer(in key: String, _ spelling: KeySpelling) -> Layer? {
    guard let text = capture(in: key, spelling) else { return nil }
    if asks(for: .name) { return text.isEmpty ? nil : .named(text) }
    if asks(for: .layer) { return Self.number(text, from: 0).map { .numbered($0) } }
    if asks(for: .layerFromOne) { return Self.number(text, from: 1).map { .numbered($0 - 1) } }
    if asks(for: .laterLayer) {
      if text.isEmpty { return .numbered(0) }
      guard text.utf8.first == UInt8(ascii: "_") else { return nil }
      return Self.number(String(text.dropFirst()), from: 1).map { .numbered($0) }
    }
    return nil
  }

  /// Which layer a parameter belongs to.
  enum Layer: Hashable {
    case named(String)
    case numbered(Int)
  }

  /// A number as templates write it: digits without leading zeros, few enough to count with.
  static func number(_ text: String, from first: Int) -> Int? {
    guard text.utf8.count <= 9, let number = Int(text), number >= first, "\(number)" == text
    else { return nil }
    return number
  }
}
