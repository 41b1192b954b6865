extension RunInvariants {
  /// Whether two rules make the same weights, as far as their numbers can be told from rounding.
  ///
  /// - Parameter other: The other rule's invariants.
  /// - Returns: Whether T and D agree to a few ulps of 1, and q and κ to a few of q.
  public func agrees(with other: RunInvariants) -> Bool {
    func isNear(_ left: Double, _ right: Double, _ scale: Double) -> Bool {
      abs(left - right) <= 32 * .ulpOfOne * scale
    }
    let scale = max(abs(gradient), abs(other.gradient))
    return isNear(trace, other.trace, 1) && isNear(determinant, other.determinant, 1)
      && isNear(gradient, other.gradient, scale)
      && isNear(laggedGradient, other.laggedGradient, scale)
  }
}
