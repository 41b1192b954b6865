/// The coefficients of one step of any rule that divides by a running second moment: Adam, AdamW,
/// RMSprop and their kin.
///
/// With gradient `g` of the mean mini-batch loss, weight `w`, and buffers `m` (first moment), `s`
/// (second moment), `a` (mean of gradients), `x` (largest second moment so far) and `v` (momentum):
///
///     ĝ  = g + coupledDecay w
///     m' = firstKept m + firstGain ĝ
///     s' = secondKept s + secondGain ĝ²
///     a' = secondKept a + secondGain ĝ                  only with centering
///     x' = max(x, s')                                   only with maximum, and then in place of s'
///     u  = (firstShare m' + gradientShare ĝ) / (√(s' − centering a'² + epsilonInside) + epsilonOutside)
///     v' = momentum v + insideRate u                    only with momentum; otherwise v' = insideRate u
///     w' = (1 − shrink) w − rate v'
///
/// The tables of `AdaptiveRule` fill it in; where a framework puts its ε, its learning rate and its
/// weight decay is all in these numbers.
public struct AdaptiveForm<Coefficient: Sendable & Hashable>: Sendable, Hashable {
  /// How the weight joins the gradient: coupled weight decay.
  public var coupledDecay: Coefficient
  /// How much of the first moment is kept.
  public var firstKept: Coefficient
  /// How the gradient enters the first moment.
  public var firstGain: Coefficient
  /// How much of the second moment, and of the mean of gradients, is kept.
  public var secondKept: Coefficient
  /// How the squared gradient enters the second moment, and the gradient its mean.
  public var secondGain: Coefficient
  /// How the first moment enters the step.
  public var firstShare: Coefficient
  /// How the gradient itself enters the step.
  public var gradientShare: Coefficient
  /// 1 to divide by the deviation, 0 to divide by the root of the mean square.
  public var centering: Coefficient
  /// 1 to divide by the largest second moment so far, 0 by the one at hand.
  public var maximum: Coefficient
  /// What is added under the root.
  public var epsilonInside: Coefficient
  /// What is added to the root.
  public var epsilonOutside: Coefficient
  /// How much of the momentum is kept; 0 for none.
  public var momentum: Coefficient
  /// How the quotient enters the momentum: the learning rate, or 1.
  public var insideRate: Coefficient
  /// How the weight shrinks directly: decoupled weight decay.
  public var shrink: Coefficient
  /// How the momentum moves the weight.
  public var rate: Coefficient

  /// Creates a form from its coefficients.
  public init(
    coupledDecay: Coefficient,
    firstKept: Coefficient,
    firstGain: Coefficient,
    secondKept: Coefficient,
    secondGain: Coefficient,
    firstShare: Coefficient,
    gradientShare: Coefficient,
    centering: Coefficient,
    maximum: Coefficient,
    epsilonInside: Coefficient,
    epsilonOutside: Coefficient,
    momentum: Coefficient,
    insideRate: Coefficient,
    shrink: Coefficient,
    rate: Coefficient
  ) {
    self.coupledDecay = coupledDecay
    self.firstKept = firstKept
    self.firstGain = firstGain
    self.secondKept = secondKept
    self.secondGain = secondGain
    self.firstShare = firstShare
    self.gradientShare = gradientShare
    self.centering = centering
    self.maximum = maximum
    self.epsilonInside = epsilonInside
    self.epsilonOutside = epsilonOutside
    self.momentum = momentum
    self.insideRate = insideRate
    self.shrink = shrink
    self.rate = rate
  }

  /// The form with each coefficient transformed.
  ///
  /// - Parameter transform: What becomes of a coefficient.
  /// - Returns: The transformed form.
  public func map<Other>(_ transform: (Coefficient) -> Other) -> AdaptiveForm<Other> {
    AdaptiveForm<Other>(
      coupledDecay: transform(coupledDecay),
      firstKept: transform(firstKept),
      firstGain: transform(firstGain),
      secondKept: transform(secondKept),
      secondGain: transform(secondGain),
      firstShare: transform(firstShare),
      gradientShare: transform(gradientShare),
      centering: transform(centering),
      maximum: transform(maximum),
      epsilonInside: transform(epsilonInside),
      epsilonOutside: transform(epsilonOutside),
      momentum: transform(momentum),
      insideRate: transform(insideRate),
      shrink: transform(shrink),
      rate: transform(rate)
    )
  }
}
