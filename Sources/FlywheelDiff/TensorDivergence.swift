/// How far apart two trainings hold one tensor, step by step.
public struct TensorDivergence: Sendable {
  /// Its name on the first side.
  public let name: String
  /// What it is.
  public let role: DiffTensor.Role
  /// The steps at which both have it, in order.
  public private(set) var points: [Point] = []

  /// One step.
  public struct Point: Sendable, Hashable {
    /// The number of steps taken before the tensor was looked at.
    public var step: Int
    /// How the two differ there.
    public var difference: TensorDifference
  }

  /// Creates the divergence of a tensor that has not been compared yet.
  public init(name: String, role: DiffTensor.Role) {
    self.name = name
    self.role = role
  }

  /// The first step at which any value differs; nil if none ever does.
  public var firstDifference: Int? { points.first { $0.difference.differingCount > 0 }?.step }

  /// The first step at which the tensor leaves the tolerance; nil if it never does.
  public var departure: Int? { points.first { !$0.difference.isWithin }?.step }

  /// Adds a comparison.
  ///
  /// - Precondition: The step is later than those before.
  ///
  /// - Parameters:
  ///   - difference: How the two differ.
  ///   - step: The step.
  public mutating func append(_ difference: TensorDifference, at step: Int) {
    precondition(points.last.map { $0.step < step } ?? true)
    points.append(Point(step: step, difference: difference))
  }
}
