/// The four numbers that decide which weights an SGD-like rule with constant numbers makes of gradients.
///
/// They are the coefficients of
///
///     w(t+1) = T w(t) − D w(t−1) + q g(t) + κ g(t−1)
///
/// which is what is left of a rule when its buffer is eliminated from two steps (Cayley and Hamilton).
/// Two rules whose buffers matter (p ≠ 0) give the same weights for all gradients if and only if these
/// agree.
public struct RunInvariants: Sendable, Hashable {
  /// T, the trace of the transition of buffer and weight.
  public var trace: Double
  /// D, its determinant.
  public var determinant: Double
  /// q, how a gradient moves the weight at once.
  public var gradient: Double
  /// κ, how it moves the weight a step later, beyond what T and D say: 0 for heavy ball, not for
  /// Nesterov.
  public var laggedGradient: Double

  /// Creates the four.
  public init(trace: Double, determinant: Double, gradient: Double, laggedGradient: Double) {
    self.trace = trace
    self.determinant = determinant
    self.gradient = gradient
    self.laggedGradient = laggedGradient
  }
}
