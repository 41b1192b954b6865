public import FlywheelConvert

/// How the arrays of a dump are named, where the usual names do not say it.
///
/// What the wildcards of a pattern stand for says which arrays belong together: with `net/*/w` and
/// `grads/*`, `grads/fc1` is the gradient of `net/fc1/w`.
public struct DumpOptions: Sendable, Hashable {
  /// Which arrays are weights and biases; nil for those that the usual names say.
  public var weights: NamePattern?
  /// Which arrays are gradients; nil for those that the usual names say.
  public var gradients: NamePattern?
  /// Which arrays are buffers of an SGD-like rule; nil for those that the usual names say.
  public var velocities: NamePattern?

  /// Whether all arrays have the usual names.
  var areNamesUsual: Bool { weights == nil && gradients == nil && velocities == nil }

  /// Creates options; what is not given is as usual.
  public init(
    weights: NamePattern? = nil,
    gradients: NamePattern? = nil,
    velocities: NamePattern? = nil
  ) {
    self.weights = weights
    self.gradients = gradients
    self.velocities = velocities
  }
}
