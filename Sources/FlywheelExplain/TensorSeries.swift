public import FlywheelCore
public import OrderedCollections

/// One parameter over consecutive steps, as a trainer dumped it.
///
/// Place k of each list is what was dumped at the k-th time. A dump may have been made before a step, after
/// it, or in the middle: that is for `Alignment` to find out.
public struct TensorSeries: Sendable {
  /// Its name in the dump.
  public var name: String
  /// Whether it is a weight rather than a bias: by its rank, and by its name where that says more.
  public var isWeight: Bool
  /// The values of the parameter; at least two.
  public var weights: [Tensor]
  /// The gradients; nil where none was dumped.
  public var gradients: [Tensor?]
  /// The buffers of an SGD-like rule; nil where none was dumped, or none existed yet.
  public var velocities: [Tensor?]
  /// The buffers of an Adam-like rule by the canonical names of their slots, such as `exp_avg`,
  /// `exp_avg_sq`, `square_avg`, `sum`.
  public var slots: OrderedDictionary<String, [Tensor?]>

  /// Creates a series.
  public init(
    name: String,
    isWeight: Bool,
    weights: [Tensor],
    gradients: [Tensor?] = [],
    velocities: [Tensor?] = [],
    slots: OrderedDictionary<String, [Tensor?]> = [:]
  ) {
    self.name = name
    self.isWeight = isWeight
    self.weights = weights
    self.gradients = gradients
    self.velocities = velocities
    self.slots = slots
  }

  /// How often it was dumped.
  public var count: Int { weights.count }
}
