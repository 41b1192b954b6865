/// The four numbers of `RunInvariants` as formulas in a rule's own letters.
public struct SymbolicInvariants: Sendable, Hashable {
  /// T, the trace of the transition of buffer and weight.
  public let trace: Formula
  /// D, its determinant.
  public let determinant: Formula
  /// q, how a gradient moves the weight at once.
  public let gradient: Formula
  /// κ, how it moves the weight a step later.
  public let laggedGradient: Formula
}
