import FlywheelCore

/// The types of elements that PyTorch saves, and how it names them.
///
/// `torch/storage.py` has the storages' names; types without a storage of their own are saved as untyped
/// bytes beside the name of their dtype (`_rebuild_tensor_v3` in `torch/_utils.py`).
struct TorchType: Sendable, Hashable {
  /// The name of the dtype in the module `torch`, such as `bfloat16`.
  let name: String
  /// The name of the storage class in the module `torch`, such as `BFloat16Storage`; nil if there is none.
  let storage: String?
  /// What the elements are.
  let element: ElementType
  /// The number of parts that each have a sign and an order of bytes: two of a complex number.
  let partCount: Int

  private init(_ name: String, _ storage: String?, _ dtype: DType) {
    self.name = name
    self.storage = storage
    element = .number(dtype)
    partCount = dtype.partCount
  }

  /// A type that Flywheel carries as bytes, under the name that PyTorch gives it.
  private init(_ name: String, bytes byteCount: Int, partCount: Int = 1) {
    self.name = name
    storage = nil
    element = .opaque(OpaqueType(name: name, byteCount: byteCount))
    self.partCount = partCount
  }

  /// The number of bytes of one part.
  var partByteCount: Int { element.byteCount / partCount }

  /// Whether a bit of each part is its sign.
  var hasSigns: Bool {
    switch element {
    case .number(let dtype): dtype.isFloatingPoint || dtype.kind == .complex
    case .opaque: partCount == 2
    }
  }

  /// All of them.
  static let all = [
    TorchType("float32", "FloatStorage", .float32),
    TorchType("float64", "DoubleStorage", .float64),
    TorchType("float16", "HalfStorage", .float16),
    TorchType("bfloat16", "BFloat16Storage", .bfloat16),
    TorchType("int64", "LongStorage", .int64),
    TorchType("int32", "IntStorage", .int32),
    TorchType("int16", "ShortStorage", .int16),
    TorchType("int8", "CharStorage", .int8),
    TorchType("uint8", "ByteStorage", .uint8),
    TorchType("bool", "BoolStorage", .bool),
    TorchType("complex64", "ComplexFloatStorage", .complex64),
    TorchType("complex128", "ComplexDoubleStorage", .complex128),
    TorchType("uint16", nil, .uint16),
    TorchType("uint32", nil, .uint32),
    TorchType("uint64", nil, .uint64),
    TorchType("float8_e4m3fn", nil, .float8E4M3FN),
    TorchType("float8_e5m2", nil, .float8E5M2),
    TorchType("float8_e4m3fnuz", bytes: 1),
    TorchType("float8_e5m2fnuz", bytes: 1),
    TorchType("float8_e8m0fnu", bytes: 1),
    TorchType("complex32", bytes: 4, partCount: 2),
  ]

  /// The type of bytes that nothing says a type of.
  static let byte = TorchType("uint8", "ByteStorage", .uint8)

  /// The type with the name of a dtype; nil if it is not known.
  static func named(_ name: String) -> TorchType? { all.first { $0.name == name } }

  /// The type whose storage class has a name; nil if there is none.
  static func storing(_ storage: String) -> TorchType? { all.first { $0.storage == storage } }

  /// The type of a dtype.
  static func of(_ dtype: DType) -> TorchType? { all.first { $0.element.dtype == dtype } }
}
