public import FlywheelCore

/// A parameter of the model: its value, and what the optimizer must know of it.
public struct Parameter: Sendable {
  /// Its value, as the model computes with it.
  public var value: Tensor
  /// Its value in the precision that the optimizer keeps, for example float32 beside a bfloat16
  /// `value`; nil if there is only one.
  public var master: Tensor?
  /// Which of the optimizer's groups it belongs to.
  public var group: Int
  /// What its axes mean, outermost first, for example `["out", "in"]`.
  public var axes: [String]

  /// Creates a parameter.
  public init(value: Tensor, master: Tensor? = nil, group: Int, axes: [String]) {
    self.value = value
    self.master = master
    self.group = group
    self.axes = axes
  }
}
