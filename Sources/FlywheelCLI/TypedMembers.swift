import FlywheelCore

/// A word with names and values behind a colon, as it is typed: `cosine:over=20,end=0.1`.
struct TypedMembers {
  /// What stands before the colon.
  let subject: String
  private(set) var members: [(name: String, value: String)] = []

  /// Takes a text apart.
  ///
  /// - Parameters:
  ///   - text: What was typed; without a colon it has no members.
  ///   - example: What they might look like.
  /// - Throws: `invalidArgument` for a part that is no `name=value`, or a name that comes twice.
  init(_ text: String, such example: String) throws(FlywheelError) {
    let halves = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    subject = String(halves[0])
    for part in (halves.count > 1 ? halves[1] : "").split(separator: ",") {
      let sides = part.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
      guard sides.count == 2, !sides[0].isEmpty, !sides[1].isEmpty else {
        throw FlywheelError(
          .invalidArgument,
          "Found '\(part)' where name=value is expected, for example \(example)."
        )
      }
      guard !members.contains(where: { $0.name == sides[0] }) else {
        throw FlywheelError(.invalidArgument, "Found \(sides[0]) twice; give it once.")
      }
      members.append((sides[0], sides[1]))
    }
  }

  /// A number, or nil.
  func number(_ name: String) throws(FlywheelError) -> Double? {
    try value(name, "a number") { Double($0) }
  }

  /// A whole number, or nil.
  func integer(_ name: String) throws(FlywheelError) -> Int? {
    try value(name, "a whole number") { Int($0) }
  }

  /// A truth value, or nil.
  func truth(_ name: String) throws(FlywheelError) -> Bool? {
    try value(name, "true or false") { Bool($0) }
  }

  /// Whole numbers with dashes between, or nil.
  func integers(_ name: String) throws(FlywheelError) -> [Int]? {
    try value(name, "whole numbers with dashes between") { LayerWidths(argument: $0)?.widths }
  }

  /// One of a few words, or nil.
  func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ name: String
  ) throws(FlywheelError) -> Choice? {
    let words = Choice.allCases.map(\.rawValue).joined(separator: " or ")
    return try value(name, words) { Choice(rawValue: $0) }
  }

  /// Makes sure that there is nothing else.
  ///
  /// - Throws: `invalidArgument`, listing what there may be.
  func refuseOthers(than names: [String], of owner: String) throws(FlywheelError) {
    guard let other = members.first(where: { !names.contains($0.name) }) else { return }
    throw FlywheelError(
      .invalidArgument,
      "\(owner) takes no \(other.name); it takes \(names.joined(separator: ", "))."
    )
  }

  private func value<Value>(
    _ name: String,
    _ expected: String,
    _ convert: (String) -> Value?
  ) throws(FlywheelError) -> Value? {
    guard let text = members.first(where: { $0.name == name })?.value else { return nil }
    guard let value = convert(text) else {
      throw FlywheelError(.invalidArgument, "\(name) is '\(text)'; it must be \(expected).")
    }
    return value
  }
}
