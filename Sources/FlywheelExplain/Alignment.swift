/// Which dumps belong to one step: found as the pairing that leaves the least residual.
public struct Alignment: Sendable, Hashable {
  /// The step from dump k to dump k + 1 was taken with the gradient of dump k + this.
  ///
  /// 0 is a gradient that was dumped before its step, 1 one that was dumped after it, −1 one that came a
  /// step late.
  public var gradientShift: Int
  /// The buffer at the beginning of that step is that of dump k + this, and the buffer at its end the next.
  ///
  /// −1 if dumps lie between the lines that change the buffer and the weight: the buffer of dump k is then
  /// the new one already.
  public var velocityShift: Int

  /// Creates an alignment.
  public init(gradientShift: Int = 0, velocityShift: Int = 0) {
    self.gradientShift = gradientShift
    self.velocityShift = velocityShift
  }
}
