/// A pattern that the names of tensors match or not.
///
/// `*` stands for any characters but `/`, `**` for any characters at all, `?` for one character that is not
/// `/`; everything else stands for itself. Where a name can match in several ways, each of them takes as
/// little as it can, from the left.
public struct NamePattern: Sendable, Hashable {
  /// The pattern as it was given.
  public let text: String
  /// How many of `*`, `**` and `?` it has.
  public let wildcardCount: Int

  private let parts: [Part]

  private enum Part: Hashable {
    case literal(Unicode.Scalar)
    case one
    case within
    case across

    func accepts(_ scalar: Unicode.Scalar) -> Bool {
      switch self {
      case .literal(let literal): literal == scalar
      case .one, .within: scalar != "/"
      case .across: true
      }
    }

    var repeats: Bool { self == .within || self == .across }
  }

  /// Takes a pattern; any text is one.
  ///
  /// - Parameter text: The pattern.
  public init(_ text: String) {
    self.text = text
    var parts: [Part] = []
    var scalars = text.unicodeScalars[...]
    while let scalar = scalars.popFirst() {
      switch scalar {
      case "*" where scalars.first == "*":
        scalars.removeFirst()
        parts.append(.across)
      case "*": parts.append(.within)
      case "?": parts.append(.one)
      default: parts.append(.literal(scalar))
      }
    }
    self.parts = parts
    wildcardCount = parts.count { if case .literal = $0 { false } else { true } }
  }

  /// Whether a name matches.
  ///
  /// - Parameter name: The name.
  /// - Returns: Whether it does.
  public func matches(_ name: String) -> Bool { captures(of: name) != nil }

  /// What each wildcard stands for in a name.
  ///
  /// - Parameter name: The name.
  /// - Returns: The texts, from the left; nil if the name does not match.
  public func captures(of name: String) -> [String]? {
    let scalars = Array(name.unicodeScalars)
    let ends = ends(in: scalars)
    guard ends[0][0] else { return nil }
    var captures: [String] = []
    var place = 0
    for (index, part) in parts.enumerated() {
      let start = place
      if part.repeats {
        while !ends[index + 1][place] { place += 1 }
      } else {
        place += 1
      }
      if case .literal = part { continue }
      var text = String.UnicodeScalarView()
      text.append(contentsOf: scalars[start..<place])
      captures.append(String(text))
    }
    return captures
  }

  /// Whether the parts from one on match the name from a place on, for each part and each place: the work
  /// is bounded by the product of both lengths, whatever the pattern is.
  private func ends(in name: [Unicode.Scalar]) -> [[Bool]] {
    let nothing = [Bool](repeating: false, count: name.count + 1)
    var ends = [[Bool]](repeating: nothing, count: parts.count + 1)
    ends[parts.count][name.count] = true
    for (index, part) in parts.enumerated().reversed() {
      for place in (0...name.count).reversed() {
        let isAccepted = place < name.count && part.accepts(name[place])
        ends[index][place] =
          part.repeats
          ? ends[index + 1][place] || isAccepted && ends[index][place + 1]
          : isAccepted && ends[index + 1][place + 1]
      }
    }
    return ends
  }
}
