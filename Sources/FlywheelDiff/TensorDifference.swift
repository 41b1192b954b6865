/// How the elements of two tensors of one shape differ.
///
/// All is computed in float64; of complex numbers |·| is the absolute value. What is not finite on one side is
/// counted, and left out of the extremes, the root mean square and the cosine. Of equal extremes the
/// first one is named. Exchanging the sides exchanges the counts of the sides, and changes nothing else.
public struct TensorDifference: Sendable, Hashable {
  /// The number of elements.
  public var count = 0
  /// How many pairs have other values: 0 and −0 have the same, and NaN has NaN's if the tolerance says so,
  /// or asks for equal bits and finds them.
  public var differingCount = 0
  /// How many pairs have other bits, of tensors of one type; otherwise as `differingCount`.
  public var bitDifferingCount = 0
  /// How many pairs are further apart than the tolerance allows.
  public var outsideCount = 0
  /// Where |a − b| is largest; nil if no pair of finite elements differs.
  ///
  /// It is infinity only where float64 cannot hold it, between two large numbers of two signs.
  public var largestAbsolute: Extreme?
  /// Where |a − b| / max(|a|, |b|) is largest; nil if no pair of finite elements differs.
  public var largestRelative: Extreme?
  /// Where it is the most representable numbers from the one to the other, of which 0 and −0 are one;
  /// nil for types that are no floats, for two types, and if no pair of finite elements differs.
  public var largestULP: Extreme?
  /// The largest of all |a| and |b| in the finite pairs; of complex numbers that of the parts.
  public var largestMagnitude = 0.0
  /// √(Σ (a − b)² / count) over the finite pairs.
  public var rootMeanSquare = 0.0
  /// Σ a b / √(Σ a² Σ b²) over the finite pairs, of complex numbers part by part; 1 if none of them differs,
  /// nil if one side has nothing but zeros.
  public var cosine: Double?
  /// The NaNs of the first tensor, and of the second.
  ///
  /// A complex number with an infinite part is none.
  public var nanCounts = Sides(0, 0)
  /// The infinities of the first tensor, and of the second.
  public var infinityCounts = Sides(0, 0)

  /// The worst pair by one measure.
  public struct Extreme: Sendable, Hashable {
    /// The measure.
    public var value: Double
    /// Which element it is, in row-major order.
    public var index: Int

    /// Creates an extreme.
    public init(value: Double, index: Int) {
      self.value = value
      self.index = index
    }
  }

  /// A number of each side.
  public struct Sides: Sendable, Hashable {
    /// That of the first.
    public var first: Int
    /// That of the second.
    public var second: Int

    /// Creates the two.
    public init(_ first: Int, _ second: Int) {
      self.first = first
      self.second = second
    }
  }

  /// Creates the difference of two tensors without elements.
  public init() {}

  /// Whether all pairs are as close as the tolerance asked.
  public var isWithin: Bool { outsideCount == 0 }
}
