public import FlywheelCore

/// What to do with the tensors whose names match a pattern.
public struct MapRule: Sendable, Hashable {
  /// Which tensors.
  public var pattern: NamePattern
  /// Their new names, in which `{1}` is what the pattern's first wildcard stands for; nil if names stay.
  public var rename: String?
  /// What happens to the elements.
  public var change: TensorChange

  /// Creates a rule.
  ///
  /// - Parameters:
  ///   - pattern: Which tensors.
  ///   - rename: Their new names, in which `{1}` is what the pattern's first wildcard stands for.
  ///   - change: What happens to the elements.
  /// - Throws: `invalidArgument` if the new name asks for a wildcard that the pattern does not have.
  public init(
    pattern: NamePattern,
    rename: String? = nil,
    change: TensorChange = TensorChange()
  ) throws(FlywheelError) {
    self.pattern = pattern
    self.rename = rename
    self.change = change
    let count = pattern.wildcardCount
    for case .capture(let number) in Self.pieces(of: rename ?? "")
    where !(1...max(1, count)).contains(number) || count == 0 {
      throw FlywheelError(
        .invalidArgument,
        "The new name '\(rename ?? "")' has {\(number)}, but '\(pattern.text)' has \(count) wildcards."
      )
    }
  }

  /// Reads a list of rules, as `schemas/map.schema.json` has it.
  ///
  /// - Parameter document: The list.
  /// - Throws: `malformed` if it is something else, `invalidArgument` for a rule that makes no sense.
  /// - Returns: The rules.
  public static func list(_ document: JSONValue) throws(FlywheelError) -> [MapRule] {
    guard case .array(let values) = document, !values.isEmpty else {
      throw FlywheelError.malformed(found: "no list of rules", expected: "[{\"pattern\": …}, …]")
    }
    var rules: [MapRule] = []
    for (index, value) in values.enumerated() {
      var object = try JSONObject(value, path: "/\(index)")
      rules.append(try MapRule(reading: &object))
      try object.refuseOtherMembers(
        remedy: "a rule has pattern, rename, transpose, reshape, cast and exact"
      )
    }
    return rules
  }

  private init(reading object: inout JSONObject) throws(FlywheelError) {
    var change = TensorChange()
    switch object.optionalValue("transpose") {
    case nil, .bool(false)?: break
    case .bool(true)?: change.transposition = .reversed
    default: change.transposition = .axes(try object.integers("transpose", in: 0...))
    }
    if object.optionalValue("reshape") != nil {
      let extents = try object.integers("reshape", in: (-1)...)
      guard extents.count(where: { $0 == -1 }) <= 1 else {
        throw FlywheelError(
          .invalidArgument,
          "\(object.path)/reshape leaves more than one extent open (-1)."
        )
      }
      change.extents = extents
    }
    if let name = try object.optionalString("cast") {
      guard let dtype = DType(rawValue: name) else {
        let known = DType.allCases.map(\.rawValue).joined(separator: ", ")
        throw FlywheelError(
          .invalidArgument,
          "\(object.path)/cast is '\(name)'; it must be one of \(known)."
        )
      }
      change.dtype = dtype
    }
    if let isExact = try object.optionalBool("exact") {
      guard change.dtype != nil else {
        throw FlywheelError(.invalidArgument, "\(object.path) has \"exact\" but no \"cast\".")
      }
      change.isExact = isExact
    }
    try self.init(
      pattern: NamePattern(try object.string("pattern")),
      rename: try object.optionalString("rename"),
      change: change
    )
  }

  /// The new name of a tensor.
  ///
  /// - Parameter name: Its name.
  /// - Returns: The new one; nil if the rule is not about it.
  public func newName(of name: String) -> String? {
    guard let captures = pattern.captures(of: name) else { return nil }
    guard let rename else { return name }
    var text = ""
    for piece in Self.pieces(of: rename) {
      switch piece {
      case .text(let part): text += part
      case .capture(let number): text += captures[number - 1]
      }
    }
    return text
  }

  private enum Piece {
    case text(String)
    case capture(Int)
  }

  /// A new name taken apart: a number in braces is what a wildcard stands for, other braces are text.
  private static func pieces(of template: String) -> [Piece] {
    var pieces: [Piece] = []
    var rest = template[...]
    while let open = rest.firstIndex(of: "{") {
      let inside = rest[rest.index(after: open)...]
      guard let close = inside.firstIndex(of: "}"), let number = Int(inside[..<close]),
        inside[..<close].allSatisfy(\.isNumber)
      else {
        pieces.append(.text(String(rest[...open])))
        rest = inside
        continue
      }
      pieces.append(.text(String(rest[..<open])))
      pieces.append(.capture(number))
      rest = inside[inside.index(after: close)...]
    }
    return pieces + [.text(String(rest))]
  }
}
