/// What is known of a run where it changes rules.
public struct ConversionMoment: Sendable, Hashable {
  /// How many steps the optimizer has taken.
  public var step: Int
  /// Whether the parameter has its buffers: not before its first step.
  public var hasBuffer: Bool
  /// The learning rate of the step before, in the source's terms; nil if nobody knows it.
  ///
  /// Only momentum that follows the rate needs it.
  public var lastLearningRate: Double?
  /// Whether no schedule changes the rate from here on.
  public var isRateConstant: Bool

  /// Creates a moment.
  public init(
    step: Int,
    hasBuffer: Bool,
    lastLearningRate: Double? = nil,
    isRateConstant: Bool = true
  ) {
    self.step = step
    self.hasBuffer = hasBuffer
    self.lastLearningRate = lastLearningRate
    self.isRateConstant = isRateConstant
  }
}
