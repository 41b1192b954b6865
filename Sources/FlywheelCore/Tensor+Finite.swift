internal import CFlywheelKernels

extension Tensor {
  /// Whether no element is an infinity or a NaN.
  ///
  /// A complex number is finite if both parts are; integers and truth values always are.
  public var isFinite: Bool {
    // What is not finite is exactly what has all of these bits.
    let exponent: UInt64
    switch dtype.part {
    case .float8E4M3FN: exponent = 0x7F  // this one pattern and its negative are all there is
    case .float8E5M2: exponent = 0x7C
    case .float16: exponent = 0x7C00
    case .bfloat16: exponent = 0x7F80
    case .float32: exponent = 0x7F80_0000
    case .float64: exponent = 0x7FF0_0000_0000_0000
    default: return true
    }
    return unsafe bytes.withUnsafeBytes { buffer in
      unsafe fw_all_finite(
        buffer.baseAddress,
        shape.elementCount * dtype.partCount,
        dtype.part.byteCount,
        exponent
      ) != 0
    }
  }
}
