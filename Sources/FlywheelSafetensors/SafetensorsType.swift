import FlywheelCore

/// The types of elements that a safetensors file can have.
///
/// `safetensors/src/tensor.rs` has them in this order, from the least aligned on; writers put tensors of the
/// last first.
enum SafetensorsType: String, Sendable, CaseIterable {
  case bool = "BOOL"
  case float4 = "F4"
  case float6E2M3 = "F6_E2M3"
  case float6E3M2 = "F6_E3M2"
  case uint8 = "U8"
  case int8 = "I8"
  case float8E5M2 = "F8_E5M2"
  case float8E4M3 = "F8_E4M3"
  case float8E8M0 = "F8_E8M0"
  case float8E4M3FNUZ = "F8_E4M3FNUZ"
  case float8E5M2FNUZ = "F8_E5M2FNUZ"
  case int16 = "I16"
  case uint16 = "U16"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case int32 = "I32"
  case uint32 = "U32"
  case float32 = "F32"
  case complex64 = "C64"
  case float64 = "F64"
  case int64 = "I64"
  case uint64 = "U64"

  /// The number of bits of one element.
  var bitCount: Int {
    switch self {
    case .float4: 4
    case .float6E2M3, .float6E3M2: 6
    case .bool, .uint8, .int8, .float8E5M2, .float8E4M3, .float8E8M0, .float8E4M3FNUZ,
      .float8E5M2FNUZ:
      8
    case .int16, .uint16, .float16, .bfloat16: 16
    case .int32, .uint32, .float32: 32
    case .complex64, .float64, .int64, .uint64: 64
    }
  }

  /// What the elements are; nil if they have fewer than 8 bits.
  ///
  /// Those that Flywheel only carries have the names that PyTorch and `ml_dtypes` give them.
  var element: ElementType? {
    switch self {
    case .bool: .number(.bool)
    case .uint8: .number(.uint8)
    case .int8: .number(.int8)
    case .float8E5M2: .number(.float8E5M2)
    case .float8E4M3: .number(.float8E4M3FN)
    case .float8E8M0: .opaque(OpaqueType(name: "float8_e8m0fnu", byteCount: 1))
    case .float8E4M3FNUZ: .opaque(OpaqueType(name: "float8_e4m3fnuz", byteCount: 1))
    case .float8E5M2FNUZ: .opaque(OpaqueType(name: "float8_e5m2fnuz", byteCount: 1))
    case .int16: .number(.int16)
    case .uint16: .number(.uint16)
    case .float16: .number(.float16)
    case .bfloat16: .number(.bfloat16)
    case .int32: .number(.int32)
    case .uint32: .number(.uint32)
    case .float32: .number(.float32)
    case .complex64: .number(.complex64)
    case .float64: .number(.float64)
    case .int64: .number(.int64)
    case .uint64: .number(.uint64)
    case .float4, .float6E2M3, .float6E3M2: nil
    }
  }

  /// What the elements are.
  ///
  /// - Throws: `unsupported` if they have fewer than 8 bits.
  func readableElement() throws(FlywheelError) -> ElementType {
    guard let element else {
      throw FlywheelError(
        .unsupported,
        "The elements are of type \(rawValue), of which several share a byte: Flywheel only lists them. Convert "
          + "them with the program that wrote them, or leave them out."
      )
    }
    return element
  }

  /// The type of elements in a file; nil if there is none.
  init?(_ element: ElementType) {
    guard let type = Self.types[element] else { return nil }
    self = type
  }

  /// All types by their names, which takes less time than comparing one after the other.
  static let named = Dictionary(uniqueKeysWithValues: allCases.map { ($0.rawValue, $0) })

  private static let types = Dictionary(
    uniqueKeysWithValues: allCases.compactMap { type in type.element.map { ($0, type) } }
  )
}
