// What a step's numbers come to in the long run, which is what one wants to compare.

extension NormalForm {
  /// How far a weight moves a step, in the end, for a steady gradient of 1, if nothing decays it: lr/(1 − μ)
  /// for heavy ball.
  ///
  /// Take it of a form without decay: with decay, weights come to rest.
  public var steadyRate: Double {
    let run = invariants
    return -(run.gradient + run.laggedGradient) / (1 - run.determinant)
  }

  /// The λ of the penalty λ/2 w² that the step minimises together with the loss: where weights come to rest,
  /// g = −λ w.
  public var penalty: Double {
    let run = invariants
    return loss / -(run.gradient + run.laggedGradient)
  }

  /// What share of itself a weight without a gradient loses in a step, once its buffer has settled.
  ///
  /// It is 1 minus the larger eigenvalue of the transition of buffer and weight; nil if these are complex, so
  /// that such a weight swings around 0.
  public var idleShrink: Double? {
    // The eigenvalue near 1 cannot be told from it by subtracting: y = 1 − λ solves y² − (2 − T) y +
    // (1 − T + D) = 0.
    let sum = 1 - a - r
    let discriminant = sum * sum - 4 * loss
    guard discriminant >= 0, sum > 0 else { return nil }
    return 2 * loss / (sum + discriminant.squareRoot())
  }

  /// 1 − T + D, without the rounding of T and D.
  private var loss: Double { -r * (1 - a) - p * c }
}
