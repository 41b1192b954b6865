/// The type of a tensor's elements.
///
/// The raw value is the name used in checkpoints, which is numpy's name of the same type, or that of
/// `ml_dtypes` where numpy has none of its own.
public enum DType: String, Sendable, Hashable, CaseIterable {
  /// A truth value in one byte, 0 or 1.
  case bool
  /// 8-bit signed integer.
  case int8
  /// 16-bit signed integer.
  case int16
  /// 32-bit signed integer.
  case int32
  /// 64-bit signed integer.
  case int64
  /// 8-bit unsigned integer.
  case uint8
  /// 16-bit unsigned integer.
  case uint16
  /// 32-bit unsigned integer.
  case uint32
  /// 64-bit unsigned integer.
  case uint64
  /// The 8-bit float with 4 bits of exponent and 3 of mantissa that has no infinities; its largest
  /// number is 448.
  case float8E4M3FN = "float8_e4m3fn"
  /// The 8-bit float with 5 bits of exponent and 2 of mantissa, with IEEE 754's special values; its
  /// largest number is 57344.
  case float8E5M2 = "float8_e5m2"
  /// IEEE 754 binary16.
  case float16
  /// The upper half of a binary32: 8 bits of exponent and 7 of mantissa.
  case bfloat16
  /// IEEE 754 binary32.
  case float32
  /// IEEE 754 binary64.
  case float64
  /// Two binary32: the real part, then the imaginary one.
  case complex64
  /// Two binary64: the real part, then the imaginary one.
  case complex128

  /// What kind of number the elements are.
  public enum Kind: Sendable, Hashable {
    /// A truth value.
    case bool
    /// An integer with a sign, in two's complement.
    case signedInteger
    /// An integer without a sign.
    case unsignedInteger
    /// A floating-point number.
    case floatingPoint
    /// A pair of floating-point numbers.
    case complex
  }

  /// The number of bytes of one element.
  public var byteCount: Int {
    switch self {
    case .bool, .int8, .uint8, .float8E4M3FN, .float8E5M2: 1
    case .int16, .uint16, .float16, .bfloat16: 2
    case .int32, .uint32, .float32: 4
    case .int64, .uint64, .float64, .complex64: 8
    case .complex128: 16
    }
  }

  /// What kind of number the elements are.
  public var kind: Kind {
    switch self {
    case .bool: .bool
    case .int8, .int16, .int32, .int64: .signedInteger
    case .uint8, .uint16, .uint32, .uint64: .unsignedInteger
    case .float8E4M3FN, .float8E5M2, .float16, .bfloat16, .float32, .float64: .floatingPoint
    case .complex64, .complex128: .complex
    }
  }

  /// Whether the elements are floating-point numbers; complex ones are pairs of them, and are not.
  public var isFloatingPoint: Bool { kind == .floatingPoint }

  /// The type of a complex number's parts; any other type is its own part.
  package var part: DType {
    switch self {
    case .complex64: .float32
    case .complex128: .float64
    default: self
    }
  }

  /// The number of parts of one element: two of a complex number, one of any other.
  package var partCount: Int { kind == .complex ? 2 : 1 }
}
