import FlywheelCheckpoint

/// Which tensor of a training is meant: of which parameter, and what of it.
public struct TrainingTensor: Sendable, Hashable {
  /// The name of the parameter that it is, or belongs to.
  public var parameter: String
  /// What of the parameter it is.
  public var role: Role

  /// What of a parameter a tensor is.
  public enum Role: Sendable, Hashable {
    /// Its value.
    case weight
    /// What the optimizer keeps for it in a slot.
    case buffer(slot: String)
    /// The gradient of the loss.
    case gradient
  }

  /// Names a tensor.
  public init(parameter: String, role: Role) {
    self.parameter = parameter
    self.role = role
  }

  /// Its key in Flywheel's own files.
  public var key: String {
    switch role {
    case .weight: CheckpointKey.parameter(parameter)
    case .buffer(let slot): CheckpointKey.slot(slot, of: parameter)
    case .gradient: CheckpointKey.gradient(parameter)
    }
  }

  /// What it is in words, for example `the gradient of layers.0.weight`.
  public var words: String {
    switch role {
    case .weight: "the values of \(parameter)"
    case .buffer(let slot): "\(slot) of \(parameter)"
    case .gradient: "the gradient of \(parameter)"
    }
  }
}
