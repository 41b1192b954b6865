public import FlywheelCore

/// A hyperparameter as a rule takes it: its range, and what it is if a user does not say.
public struct HyperparameterDefinition: Sendable, Hashable {
  /// The name.
  public let name: Hyperparameter
  /// What it does, in a few words.
  public let summary: String
  /// What it may be.
  public let range: Range
  /// What it is if a user does not say.
  public let fallback: Hyperparameters.Value
  /// The hyperparameter, taken before this one, whose value it then has; nil for none.
  ///
  /// `fallback` is what that comes to if a user says nothing at all.
  public let followed: Hyperparameter?

  /// What a hyperparameter may be.
  public enum Range: String, Sendable, Hashable {
    /// A number of at least 0.
    case notNegative = "a number of at least 0"
    /// A number from 0 to below 1.
    case belowOne = "a number from 0 to below 1"
    /// A number from 0 to 1.
    case upToOne = "a number from 0 to 1"
    /// True or false.
    case flag = "true or false"

    /// Whether a value lies in the range.
    ///
    /// - Parameter value: The value.
    /// - Returns: Whether it does; infinities and NaNs never do.
    public func contains(_ value: Hyperparameters.Value) -> Bool {
      switch (self, value) {
      case (.notNegative, .number(let number)): number >= 0 && number.isFinite
      case (.belowOne, .number(let number)): number >= 0 && number < 1
      case (.upToOne, .number(let number)): number >= 0 && number <= 1
      case (.flag, .flag): true
      default: false
      }
    }
  }

  /// A number.
  static func number(
    _ name: Hyperparameter,
    _ range: Range,
    following followed: Hyperparameter? = nil,
    default fallback: Double = 0,
    _ summary: String
  ) -> HyperparameterDefinition {
    HyperparameterDefinition(
      name: name,
      summary: summary,
      range: range,
      fallback: .number(fallback),
      followed: followed
    )
  }

  /// A switch, off if neither a user nor the rule says otherwise.
  static func flag(
    _ name: Hyperparameter,
    default fallback: Bool = false,
    _ summary: String
  ) -> HyperparameterDefinition {
    HyperparameterDefinition(
      name: name,
      summary: summary,
      range: .flag,
      fallback: .flag(fallback),
      followed: nil
    )
  }

  /// Checks a value against the range.
  ///
  /// - Parameter value: The value.
  /// - Throws: `invalidArgument`, naming the hyperparameter and its range.
  public func validate(_ value: Hyperparameters.Value) throws(FlywheelError) {
    guard range.contains(value) else {
      throw FlywheelError(
        .invalidArgument,
        "\(name.rawValue) is \(value.text); it must be \(range.rawValue)."
      )
    }
  }
}

extension Hyperparameters.Value {
  /// The value as messages show it.
  public var text: String {
    switch self {
    case .number(let number): "\(number)"
    case .flag(let flag): "\(flag)"
    }
  }
}
