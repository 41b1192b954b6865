/// The elements of a page, in order; nil parts of it are faults.
struct HTMLOutline {
  /// An element.
  struct Element {
    var name: String
    var attributes: [String: String]
    /// The names of the elements that it is in, from the outside.
    var path: [String]
  }

  private(set) var elements: [Element] = []
  /// What is wrong: tags that do not match, or are never closed.
  private(set) var faults: [String] = []

  private static let void: Set<String> = ["meta", "br"]

  init(_ html: String) {
    var open: [String] = []
    var rest = Substring(html)
    while let start = rest.firstIndex(of: "<") {
      rest = rest[start...].dropFirst()
      guard let end = rest.firstIndex(of: ">") else {
        faults.append("a tag without an end: \(rest.prefix(40))")
        break
      }
      let tag = rest[..<end]
      rest = rest[end...].dropFirst()
      if tag.hasPrefix("!") { continue }
      if tag.hasPrefix("/") {
        let name = String(tag.dropFirst())
        if open.popLast() != name { faults.append("</\(name)> where \(open) is open") }
        continue
      }
      let isClosed = tag.hasSuffix("/")
      let body = isClosed ? tag.dropLast() : tag
      let name = String(body.prefix { $0 != " " })
      elements.append(
        Element(name: name, attributes: attributes(body.dropFirst(name.count)), path: open)
      )
      if !isClosed, !Self.void.contains(name) { open.append(name) }
      // What is in a style sheet is no markup.
      if name == "style", let end = rest.firstRange(of: "</style>") {
        rest = rest[end.lowerBound...]
      }
    }
    if !open.isEmpty { faults.append("never closed: \(open)") }
  }

  private mutating func attributes(_ text: Substring) -> [String: String] {
    var attributes: [String: String] = [:]
    var rest = text.drop { $0 == " " }
    while !rest.isEmpty {
      let parts = rest.split(separator: "=\"", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, let end = parts[1].firstIndex(of: "\"") else {
        faults.append("an attribute that is none: \(rest)")
        break
      }
      attributes[String(parts[0])] = String(parts[1][..<end])
      rest = parts[1][end...].dropFirst().drop { $0 == " " }
    }
    return attributes
  }

  /// The elements of a name.
  func all(_ name: String) -> [Element] { elements.filter { $0.name == name } }
}
