import FlywheelCore

/// Elements by their bits, for tests.
struct Patterns {
  let dtype: DType
  /// One for each element, or one for each part of a complex number.
  var bits: [UInt64]

  /// The elements as a tensor, at an address that may suit no type.
  func tensor(misalignedBy offset: Int = 0) throws -> Tensor {
    let width = dtype.part.byteCount
    var bytes = [UInt8](repeating: 0xEE, count: offset)
    for pattern in bits {
      for byte in 0..<width { bytes.append(UInt8(pattern >> (8 * byte) & 0xFF)) }
    }
    return try Tensor(
      dtype: dtype,
      shape: Shape(vector: bits.count / dtype.partCount),
      storage: try Tensor(vector: bytes).storage,
      byteOffset: offset
    )
  }

  /// The numbers, or the parts of complex ones, as float64.
  func doubles() throws -> [Double] {
    try Patterns(dtype: dtype.part, bits: bits).tensor().converted(to: .float64).elements()
  }

  /// The integers; of floats there are none.
  var integers: [Int128] {
    let width = 8 * dtype.byteCount
    return bits.map { pattern in
      dtype.kind == .signedInteger && pattern >> (width - 1) & 1 == 1
        ? Int128(pattern) - Int128(1) << width : Int128(pattern)
    }
  }

  /// Any bits at all, with some that are special: zeros, the smallest and the largest numbers, infinities,
  /// NaNs; integers around zero and at their ends.
  static func random(_ dtype: DType, count: Int, from generator: inout Philox) -> Patterns {
    let width = 8 * dtype.part.byteCount
    let mask: UInt64 = width == 64 ? .max : 1 << width - 1
    let end = infinity(of: dtype.part) ?? mask >> 1
    let special = [0, 1, 2, end - 1, end, end + 1, mask >> 1].map { $0 & mask }
    let bits = (0..<count * dtype.partCount).map { _ -> UInt64 in
      let number = generator.next()
      guard dtype != .bool else { return number & 1 }
      guard number % 8 == 0 else { return number >> 8 & mask }
      let sign = number >> 8 & 1 << UInt64(width - 1)
      return (special[Int(number >> 16 % UInt64(special.count))] | sign << UInt64(width - 1)) & mask
    }
    return Patterns(dtype: dtype, bits: bits)
  }

  /// The same with a few patterns moved by a few.
  func disturbed(by generator: inout Philox) -> Patterns {
    guard dtype != .bool else { return self }
    let width = 8 * dtype.part.byteCount
    let mask: UInt64 = width == 64 ? .max : 1 << width - 1
    let moved = bits.map { pattern in
      generator.next() % 4 == 0 ? (pattern &+ generator.next() % 7 &- 3) & mask : pattern
    }
    return Patterns(dtype: dtype, bits: moved)
  }

  /// The first positive pattern that is no finite number.
  static func infinity(of dtype: DType) -> UInt64? {
    switch dtype {
    case .float8E4M3FN: 0x7F
    case .float8E5M2: 0x7C
    case .float16: 0x7C00
    case .bfloat16: 0x7F80
    case .float32: UInt64(Float.infinity.bitPattern)
    case .float64: Double.infinity.bitPattern
    default: nil
    }
  }
}
