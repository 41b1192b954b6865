internal import CFlywheelKernels

/// A number of the type bfloat16, the upper half of a `Float`: 8 bits of exponent, 7 of mantissa.
///
/// It is a bit pattern that is converted, not a number to compute with: two values are equal if their
/// patterns are, so that zero differs from -0, and NaN equals itself.
public struct BFloat16: TensorElement, Hashable {
  /// The bits, the sign in the highest.
  public var bitPattern: UInt16

  /// Takes over bits.
  ///
  /// - Parameter bitPattern: The bits.
  public init(bitPattern: UInt16) {
    self.bitPattern = bitPattern
  }

  /// The nearest number, of two the one with an even pattern.
  ///
  /// From half a step beyond the largest on it is infinity. NaN stays NaN, becomes quiet, and keeps its
  /// sign and the upper bits of its payload.
  ///
  /// - Parameter value: The number to round.
  public init(_ value: Float) {
    bitPattern = fw_bfloat16_of_float(value)
  }

  /// `bfloat16`.
  public static var dtype: DType { .bfloat16 }
}

extension Float {
  /// The same number; NaN stays NaN and becomes quiet.
  ///
  /// - Parameter value: The number.
  public init(_ value: BFloat16) {
    self = fw_float_of_bfloat16(value.bitPattern)
  }
}
