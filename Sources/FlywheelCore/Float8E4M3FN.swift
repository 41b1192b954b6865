internal import CFlywheelKernels

/// A number of 8 bits, 4 of exponent and 3 of mantissa, without infinities; its largest number is 448.
///
/// The format is `E4M3` of the Open Compute Project's *8-bit Floating Point Specification* (2023).
///
/// It is a bit pattern that is converted, not a number to compute with: two values are equal if their
/// patterns are, so that zero differs from -0, and NaN equals itself.
public struct Float8E4M3FN: TensorElement, Hashable {
  /// The bits, the sign in the highest.
  public var bitPattern: UInt8

  /// Takes over bits.
  ///
  /// - Parameter bitPattern: The bits.
  public init(bitPattern: UInt8) {
    self.bitPattern = bitPattern
  }

  /// The nearest number, of two the one with an even pattern.
  ///
  /// What is beyond 464, half a step above the largest number, is NaN, as infinity is. NaN keeps its
  /// sign. `ml_dtypes` does the same; PyTorch 2.13 turns all that is too large, infinity too, into 448.
  ///
  /// - Parameter value: The number to round.
  public init(_ value: Float) {
    bitPattern = fw_float8_e4m3fn_of_float(value)
  }

  /// `float8_e4m3fn`.
  public static var dtype: DType { .float8E4M3FN }
}

extension Float {
  /// The same number; NaN stays NaN and becomes quiet.
  ///
  /// - Parameter value: The number.
  public init(_ value: Float8E4M3FN) {
    self = fw_float_of_float8_e4m3fn(value.bitPattern)
  }
}
