public import FlywheelCore

/// A parameter of the model over the steps of a trace.
public struct TracedParameter: Sendable {
  /// Its value before each step: the shape of the parameter with the steps in front.
  public var values: Tensor
  /// The gradient of the mini-batch's loss at these values, before clipping and weight decay; its mean
  /// or sum as `OptimizerState.gradient` says.
  public var gradients: Tensor
  /// Which of the optimizer's groups it belongs to.
  public var group: Int
  /// What its axes mean, outermost first, without that of the steps.
  public var axes: [String]

  /// Creates a parameter.
  public init(values: Tensor, gradients: Tensor, group: Int, axes: [String]) {
    self.values = values
    self.gradients = gradients
    self.group = group
    self.axes = axes
  }
}
