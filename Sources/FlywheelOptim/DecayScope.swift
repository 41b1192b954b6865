/// Which parameters a rule decays.
public enum DecayScope: String, Sendable, Hashable {
  /// Weights and biases.
  case all
  /// Weights only.
  case weights
}
