/// What a rule makes of the weight decay that a user types.
///
/// Where coupled and decoupled decay are both 0 and `mixed` is not, one number does not say it.
public struct DecayMeaning: Sendable, Hashable {
  /// Coupled decay, as a penalty in the loss gives it; 0 for none.
  ///
  /// It is what the weight is multiplied by when it joins the gradient, before any buffer.
  public let coupled: Formula
  /// Decoupled decay, the share of itself that a weight loses each step, past all buffers; 0 for none.
  public let decoupled: Formula
  /// What joins the gradient to the first order of the decay where velocity and weight each see another
  /// weight; 0 for rules that do not mix the two so.
  public let mixed: Formula

  init(coupled: Formula = 0, decoupled: Formula = 0, mixed: Formula = 0) {
    self.coupled = coupled
    self.decoupled = decoupled
    self.mixed = mixed
  }
}
