package import CFlywheelKernels

/// The steps that take elements of one dtype to another.
///
/// Every number goes through one of four types that hold all numbers of several dtypes, so that a new
/// dtype needs steps to and from one of them only.
package enum ConversionRoute {
  private enum Hub { case int64, uint64, float32, float64 }

  /// The steps from one dtype to another one.
  ///
  /// Not both are complex: those are converted part by part. A `bool` is the number in its byte.
  package static func steps(from source: DType, to target: DType) -> [fw_step] {
    if target == .bool { return [truth(of: source)] }
    let (entry, first) = entry(from: source)
    let (exit, last) = exit(to: target)
    return entry + between(first, last, isRoundedAgain: target.part != .float32) + exit
  }

  /// The steps to the float64 whose statistics are an element's: its value, or the absolute value
  /// of a complex number.
  static func statisticsSteps(from source: DType) -> [fw_step] {
    switch source {
    case .float64: []
    case .complex64: [fw_complex64_size_to_float64]
    case .complex128: [fw_complex128_size_to_float64]
    default: steps(from: source, to: .float64)
    }
  }

  private static func entry(from source: DType) -> ([fw_step], Hub) {
    switch source {
    case .int8: ([fw_int8_to_int64], .int64)
    case .int16: ([fw_int16_to_int64], .int64)
    case .int32: ([fw_int32_to_int64], .int64)
    case .int64: ([], .int64)
    case .bool, .uint8: ([fw_uint8_to_int64], .int64)
    case .uint16: ([fw_uint16_to_int64], .int64)
    case .uint32: ([fw_uint32_to_int64], .int64)
    case .uint64: ([], .uint64)
    case .float8E4M3FN: ([fw_float8_e4m3fn_to_float32], .float32)
    case .float8E5M2: ([fw_float8_e5m2_to_float32], .float32)
    case .float16: ([fw_float16_to_float32], .float32)
    case .bfloat16: ([fw_bfloat16_to_float32], .float32)
    case .float32: ([], .float32)
    case .float64: ([], .float64)
    case .complex64: ([fw_complex64_to_float32], .float32)
    case .complex128: ([fw_complex128_to_float64], .float64)
    }
  }

  private static func exit(to target: DType) -> ([fw_step], Hub) {
    switch target {
    case .bool: ([], .int64)
    case .int8: ([fw_int64_to_int8], .int64)
    case .int16: ([fw_int64_to_int16], .int64)
    case .int32: ([fw_int64_to_int32], .int64)
    case .int64: ([], .int64)
    case .uint8: ([fw_int64_to_uint8], .int64)
    case .uint16: ([fw_int64_to_uint16], .int64)
    case .uint32: ([fw_int64_to_uint32], .int64)
    case .uint64: ([], .uint64)
    case .float8E4M3FN: ([fw_float32_to_float8_e4m3fn], .float32)
    case .float8E5M2: ([fw_float32_to_float8_e5m2], .float32)
    case .float16: ([fw_float32_to_float16], .float32)
    case .bfloat16: ([fw_float32_to_bfloat16], .float32)
    case .float32: ([], .float32)
    case .float64: ([], .float64)
    case .complex64: ([fw_float32_to_complex64], .float32)
    case .complex128: ([fw_float64_to_complex128], .float64)
    }
  }

  /// The steps between two hubs; what a later step rounds again must be rounded to odd before.
  private static func between(_ first: Hub, _ last: Hub, isRoundedAgain: Bool) -> [fw_step] {
    let narrow = isRoundedAgain ? fw_float64_to_odd_float32 : fw_float64_to_float32
    return switch (first, last) {
    case (.int64, .int64), (.uint64, .uint64), (.float32, .float32), (.float64, .float64): []
    case (.int64, .uint64): [fw_int64_to_uint64]
    case (.int64, .float32): [fw_int64_to_odd_float64, narrow]
    case (.int64, .float64): [fw_int64_to_float64]
    case (.uint64, .int64): [fw_uint64_to_int64]
    case (.uint64, .float32): [fw_uint64_to_odd_float64, narrow]
    case (.uint64, .float64): [fw_uint64_to_float64]
    case (.float32, .int64): [fw_float32_to_float64, fw_float64_to_int64]
    case (.float32, .uint64): [fw_float32_to_float64, fw_float64_to_uint64]
    case (.float32, .float64): [fw_float32_to_float64]
    case (.float64, .int64): [fw_float64_to_int64]
    case (.float64, .uint64): [fw_float64_to_uint64]
    case (.float64, .float32): [narrow]
    }
  }

  /// The step to whether an element is something else than zero.
  private static func truth(of source: DType) -> fw_step {
    switch source {
    case .bool, .int8, .uint8: fw_integer8_to_bool
    case .int16, .uint16: fw_integer16_to_bool
    case .int32, .uint32: fw_integer32_to_bool
    case .int64, .uint64: fw_integer64_to_bool
    case .float8E4M3FN, .float8E5M2: fw_float8_to_bool
    case .float16, .bfloat16: fw_half_to_bool
    case .float32: fw_float32_to_bool
    case .float64: fw_float64_to_bool
    case .complex64: fw_complex64_to_bool
    case .complex128: fw_complex128_to_bool
    }
  }
}
