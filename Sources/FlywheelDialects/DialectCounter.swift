public import FlywheelCore
public import FlywheelOptim

/// A number that a dialect keeps as an array of no axes: how many steps were taken, or the learning rate.
public struct DialectCounter: Sendable, Hashable {
  /// Its names: the first is written, all are read.
  ///
  /// With `{index}` or `{key}` each parameter has its own.
  public let keys: [KeyTemplate]
  /// The type in which it is written; nil for that of the first parameter.
  public let dtype: DType?
  /// What the number is.
  public let meaning: Meaning
  /// When it is written.
  public let presence: Presence
  /// The numbers written for `{path}`, with a slash behind each.
  public let path: String

  /// What a counter counts.
  public enum Meaning: Sendable, Hashable {
    /// The steps taken.
    case steps
    /// The samples seen.
    case samples
    /// Nothing: it is the learning rate of the next step.
    case learningRate
    /// The steps taken, t, as βᵗ⁺¹ with this hyperparameter for β.
    case power(Hyperparameter)
  }

  /// When a counter is there.
  public enum Presence: Sendable, Hashable {
    /// Always.
    case always
    /// Only if a schedule sets the learning rate.
    case withSchedule
    /// Only if no schedule sets the learning rate.
    case withoutSchedule
  }

  init(
    _ keys: [KeyTemplate],
    _ dtype: DType?,
    _ meaning: Meaning = .steps,
    _ presence: Presence = .always,
    path: String = ""
  ) {
    self.keys = keys
    self.dtype = dtype
    self.meaning = meaning
    self.presence = presence
    self.path = path
  }

  /// Whether each parameter has a counter of its own.
  var isPerParameter: Bool { keys.contains { $0.asks(for: .index) || $0.asks(for: .key) } }

  /// Whether an array can be this counter.
  func fits(_ description: TensorDescription) -> Bool {
    guard description.shape.rank == 0, let found = description.element.dtype else { return false }
    switch meaning {
    case .steps, .samples: return found.kind != .complex && found.kind != .bool
    case .learningRate, .power: return found.kind == .floatingPoint
    }
  }
}
