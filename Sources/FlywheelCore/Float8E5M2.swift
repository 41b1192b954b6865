internal import CFlywheelKernels

/// A number of 8 bits, 5 of exponent and 2 of mantissa, with infinities; its largest number is 57344.
///
/// The format is `E5M2` of the Open Compute Project's *8-bit Floating Point Specification* (2023).
///
/// It is a bit pattern that is converted, not a number to compute with: two values are equal if their
/// patterns are, so that zero differs from -0, and NaN equals itself.
public struct Float8E5M2: TensorElement, Hashable {
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
  /// From half a step beyond the largest on it is infinity. NaN stays NaN, becomes quiet, and keeps its
  /// sign and the upper bits of its payload.
  ///
  /// - Parameter value: The number to round.
  public init(_ value: Float) {
    bitPattern = fw_float8_e5m2_of_float(value)
  }

  /// `float8_e5m2`.
  public static var dtype: DType { .float8E5M2 }
}

extension Float {
  /// The same number; NaN stays NaN and becomes quiet.
  ///
  /// - Parameter value: The number.
  public init(_ value: Float8E5M2) {
    self = fw_float_of_float8_e5m2(value.bitPattern)
  }
}
