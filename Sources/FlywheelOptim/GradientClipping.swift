public import FlywheelCore

/// Clipping of gradients by their norm over all parameters together.
///
/// Source: torch.nn.utils.clip_grad_norm_ of PyTorch 2.13: with N the square root of the sum of all
/// squared elements, gradients are multiplied by min(1, maximum / (N + 1e-6)).
public struct GradientClipping: Sendable, Hashable {
  /// The largest norm that is left as it is; above 0.
  public let maximumNorm: Double

  /// Creates a limit.
  ///
  /// - Parameter maximumNorm: The largest norm that is left as it is.
  /// - Throws: `invalidArgument` if it is not a finite number above 0.
  public init(maximumNorm: Double) throws(FlywheelError) {
    guard maximumNorm > 0, maximumNorm.isFinite else {
      throw FlywheelError(
        .invalidArgument,
        "The norm to clip gradients to is \(maximumNorm); it must be a number above 0."
      )
    }
    self.maximumNorm = maximumNorm
  }

  /// What gradients are multiplied by.
  ///
  /// - Parameter norm: Their norm.
  /// - Returns: A factor of at most 1; NaN for a norm that is NaN, 0 for an infinite one.
  public func factor(norm: Double) -> Double {
    let factor = maximumNorm / (norm + 1e-6)
    return factor > 1 ? 1 : factor
  }
}
