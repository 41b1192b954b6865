public import FlywheelCore

/// A number, or another thing that is no array, held against its partner.
public struct SettingComparison: Sendable, Hashable {
  /// What it belongs to: `optimizer`, `hyperparameters`, `schedule`, `progress`, `data`, `random`,
  /// `trainer`; of files without a document `attributes`.
  public var section: String
  /// The parameters that it is about, by the first side's names; empty if it is about all.
  public var parameters: [String]
  /// Its name, such as `learning_rate`, with slashes for what lies deeper.
  public var name: String
  /// The first side's value; nil if it says nothing.
  public var first: JSONValue?
  /// The second side's value; nil if it says nothing.
  public var second: JSONValue?
  /// The second side's value in the first's convention; nil if that says nothing else.
  public var converted: JSONValue?
  /// What comes of it.
  public var verdict: Verdict

  /// What comes of comparing two settings.
  public enum Verdict: String, Sendable, Hashable {
    /// Both say the same.
    case same
    /// Both mean the same, each in its own convention.
    case convention
    /// They differ.
    case different
  }

  init(
    section: String,
    parameters: [String] = [],
    name: String,
    first: JSONValue?,
    second: JSONValue?,
    converted: JSONValue? = nil,
    verdict: Verdict
  ) {
    self.section = section
    self.parameters = parameters
    self.name = name
    self.first = first
    self.second = second
    self.converted = converted
    self.verdict = verdict
  }

  /// Whether both sides mean the same.
  public var isSame: Bool { verdict != .different }

  /// Compares two documents, leaf by leaf.
  static func list(
    _ section: String,
    _ first: JSONValue,
    _ second: JSONValue,
    _ tolerances: Tolerances
  ) -> [SettingComparison] {
    let (ones, others) = (leaves(of: first), leaves(of: second))
    let names =
      ones.map(\.name)
      + others.map(\.name).filter { name in
        !ones.contains { $0.name == name }
      }
    return names.map { name in
      let one = ones.first { $0.name == name }?.value
      let other = others.first { $0.name == name }?.value
      return SettingComparison(
        section: section,
        name: name,
        first: one,
        second: other,
        verdict: isSame(one, other, tolerances) ? .same : .different
      )
    }
  }

  /// Whether two values are the same, as far as numbers can be told from rounding.
  static func isSame(_ first: JSONValue?, _ second: JSONValue?, _ tolerances: Tolerances) -> Bool {
    switch (first ?? .null, second ?? .null) {
    case (.array(let ones), .array(let others)):
      ones.count == others.count
        && zip(ones, others).allSatisfy { isSame($0, $1, tolerances) }
    case (let one, let other):
      if one == other {
        true
      } else if one.isInexact || other.isInexact, let left = one.number, let right = other.number {
        tolerances.allows(left, right)
      } else {
        false
      }
    }
  }

  private static func leaves(of value: JSONValue) -> [(name: String, value: JSONValue)] {
    guard case .object(let members) = value, value.number == nil else { return [] }
    return members.flatMap { name, member in
      let below = leaves(of: member)
      return below.isEmpty ? [(name, member)] : below.map { ("\(name)/\($0.name)", $0.value) }
    }
  }
}

extension JSONValue {
  /// The number that it holds; nil for anything else.
  fileprivate var number: Double? {
    switch self {
    case .double(let number): number
    case .integer(let integer): Double(integer)
    case .unsigned(let integer): Double(integer)
    case .object: bitPatternDouble
    default: nil
    }
  }

  /// Whether it is a number that may have been rounded; integers are counts.
  fileprivate var isInexact: Bool {
    switch self {
    case .double, .object: number != nil
    default: false
    }
  }
}
