public import FlywheelCore

/// How far apart two elements may be and still count as the same.
///
/// They do if |a − b| ≤ absolute + relative · max(|a|, |b|), which is the same in both directions, or if
/// they are at most so many `ulps` apart. Infinities of one sign are the same; an infinity and anything
/// else are not, whatever is allowed. A tolerance that is negative or NaN allows nothing.
public struct Tolerance: Sendable, Hashable {
  /// What part of the larger of the two the difference may be.
  public var relative: Double
  /// What the difference may be however small the elements are.
  public var absolute: Double
  /// How many representable numbers further on the one may be from the other; nil if that is not asked.
  ///
  /// It says nothing of integers, of complex numbers, and of two types.
  public var ulps: UInt64?
  /// Whether NaN is the same as NaN, whatever their payloads are.
  public var equatesNaN: Bool
  /// Whether only equal bits are the same: then 0 is not −0, and nothing else here matters.
  public var isExact: Bool

  /// Creates a tolerance.
  public init(
    relative: Double = 0,
    absolute: Double = 0,
    ulps: UInt64? = nil,
    equatesNaN: Bool = true,
    isExact: Bool = false
  ) {
    self.relative = relative
    self.absolute = absolute
    self.ulps = ulps
    self.equatesNaN = equatesNaN
    self.isExact = isExact
  }

  /// Equal bits.
  public static let exact = Tolerance(equatesNaN: false, isExact: true)

  /// What rounding explains in a type: as `torch.testing.assert_close` has it (PyTorch 2.13,
  /// torch/testing/_comparison.py), and 0 for what is not rounded.
  ///
  /// - Parameter dtype: The type; of two types, take the coarser one.
  /// - Returns: The tolerance.
  public static func standard(for dtype: DType) -> Tolerance {
    switch dtype {
    case .float16: Tolerance(relative: 1e-3, absolute: 1e-5)
    case .bfloat16: Tolerance(relative: 1.6e-2, absolute: 1e-5)
    case .float32, .complex64: Tolerance(relative: 1.3e-6, absolute: 1e-5)
    case .float64, .complex128: Tolerance(relative: 1e-7, absolute: 1e-7)
    default: Tolerance()
    }
  }
}
