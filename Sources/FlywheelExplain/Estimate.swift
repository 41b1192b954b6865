/// A measured number, and how far it can be trusted.
public struct Estimate: Sendable, Hashable {
  /// The number.
  public var value: Double
  /// Its standard error: what the residual, and at least the rounding of the dump, makes of it.
  public var standardError: Double

  /// Creates an estimate.
  public init(_ value: Double, standardError: Double) {
    self.value = value
    self.standardError = standardError
  }

  /// How many standard errors a number may lie from an estimate and be meant by it.
  public static let reach = 6.0

  /// The smallest number that would have been told from 0: what could be there without being seen.
  public var visibility: Double { Self.reach * standardError }

  /// Whether it cannot be told from 0.
  public var isZero: Bool { isNear(0) }

  /// Whether it cannot be told from a number.
  ///
  /// - Parameters:
  ///   - number: The number.
  ///   - share: What part of the number the distance may be besides.
  /// - Returns: Whether the number is within reach.
  public func isNear(_ number: Double, share: Double = 0) -> Bool {
    abs(value - number) <= Self.reach * standardError + share * abs(number)
  }
}
