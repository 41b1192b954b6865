import FlywheelCore
import Testing

/// A float of 8 or 16 bits by its definition, for tests: what its patterns stand for, in doubles, which
/// hold them and the points half-way between them exactly.
struct SmallFloat: Sendable, CustomTestStringConvertible {
  let dtype: DType
  let exponentBits: Int
  let mantissaBits: Int
  /// The first pattern behind the finite numbers.
  let end: UInt16

  static let all = [
    SmallFloat(dtype: .float8E4M3FN, exponentBits: 4, mantissaBits: 3, end: 0x7F),
    SmallFloat(dtype: .float8E5M2, exponentBits: 5, mantissaBits: 2, end: 0x7C),
    SmallFloat(dtype: .float16, exponentBits: 5, mantissaBits: 10, end: 0x7C00),
    SmallFloat(dtype: .bfloat16, exponentBits: 8, mantissaBits: 7, end: 0x7F80),
  ]

  var testDescription: String { dtype.rawValue }
  var signBit: UInt16 { 1 << (exponentBits + mantissaBits) }
  var hasInfinity: Bool { dtype != .float8E4M3FN }
  /// The positive patterns that are NaN.
  var nans: Range<UInt16> { (hasInfinity ? end + 1 : end)..<signBit }
  /// The pattern of a quiet NaN without a payload.
  var quietNaN: UInt16 { hasInfinity ? end | 1 << (mantissaBits - 1) : end }

  /// The number of a positive pattern, as if the formula had no exceptions.
  func value(_ pattern: UInt16) -> Double {
    let exponent = Int(pattern >> mantissaBits)
    let fraction = Double(pattern & (1 << mantissaBits - 1))
    let steps = exponent == 0 ? fraction : fraction + Double(1 << mantissaBits)
    let bias = 1 << (exponentBits - 1) - 1
    return Double(sign: .plus, exponent: max(exponent, 1) - bias - mantissaBits, significand: steps)
  }

  /// The patterns as a tensor.
  func tensor(_ patterns: [UInt16]) throws -> Tensor {
    let bytes = try Tensor(vector: patterns)
    let storage =
      dtype.byteCount == 2
      ? bytes.storage : try Tensor(vector: patterns.map { UInt8($0) }).storage
    return try Tensor(dtype: dtype, shape: Shape(vector: patterns.count), storage: storage)
  }

  /// The patterns of a tensor.
  func patterns(_ tensor: Tensor) throws -> [UInt16] {
    guard dtype.byteCount == 1 else { return try tensor.reinterpreted(as: UInt16.self) }
    return try tensor.reinterpreted(as: UInt8.self).map { UInt16($0) }
  }
}

extension Tensor {
  /// The bits of the elements as integers of the same size.
  func reinterpreted<Integer: TensorElement & FixedWidthInteger>(
    as type: Integer.Type
  ) throws -> [Integer] {
    let count = byteCount / type.dtype.byteCount
    return try Tensor(
      dtype: type.dtype,
      shape: Shape(vector: count),
      storage: storage,
      byteOffset: byteOffset
    ).elements()
  }

  /// The same elements at an address that suits no type.
  func misaligned(by offset: Int) throws -> Tensor {
    let bytes = try reinterpreted(as: UInt8.self)
    let storage = try Tensor(vector: [UInt8](repeating: 0xEE, count: offset) + bytes).storage
    return try Tensor(dtype: dtype, shape: shape, storage: storage, byteOffset: offset)
  }
}
