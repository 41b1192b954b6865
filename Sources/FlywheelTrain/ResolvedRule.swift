import FlywheelOptim

/// The numbers of one step.
struct ResolvedRule {
  /// The coefficients of each group: first for its weights, then for its biases.
  var forms: Forms
  /// How gradients are clipped first; nil for not at all.
  var clipping: GradientClipping?

  /// Coefficients of one family of rules.
  enum Forms {
    case sgd([SGDForm<Double>])
    case adaptive([AdaptiveForm<Double>])
  }

  /// Where the coefficients of a parameter are.
  static func place(group: Int, isWeight: Bool) -> Int { 2 * group + (isWeight ? 0 : 1) }
}
