/// What a hidden layer does to each of its sums.
public enum Activation: String, Sendable, Hashable, CaseIterable {
  /// The logistic function, 1 / (1 + exp(−z)).
  case sigmoid
  /// The hyperbolic tangent.
  case tanh
  /// The positive part, max(0, z).
  case relu
}
