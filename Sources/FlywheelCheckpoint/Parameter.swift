public import FlywheelCore

/// A parameter of the model: its value, and what the optimizer must know of it.
public struct Parameter: Sendable {
  /// Its value.
  public var value: Tensor
  /// Which of the optimizer's groups it belongs to.
  public var group: Int
  /// What its axes mean, outermost first, for example `["out", "in"]`.
  public var axes: [String]

  /// Creates a parameter.
  public init(value: Tensor, group: Int, axes: [String]) {
    self.value = value
    self.group = group
    self.axes = axes
  }
}
