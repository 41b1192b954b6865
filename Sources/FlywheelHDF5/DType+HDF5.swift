internal import CFlywheelHDF5
internal import FlywheelCore

extension DType {
  /// The dtype of elements in a file; nil if they are none that Flywheel reads.
  init?(_ element: fw_h5_element) {
    guard let dtype = Self.allCases.first(where: { $0.element == element }) else { return nil }
    self = dtype
  }

  /// What the C side calls it.
  var element: fw_h5_element {
    switch self {
    case .bool: FW_H5_BOOL
    case .int8: FW_H5_INT8
    case .int16: FW_H5_INT16
    case .int32: FW_H5_INT32
    case .int64: FW_H5_INT64
    case .uint8: FW_H5_UINT8
    case .uint16: FW_H5_UINT16
    case .uint32: FW_H5_UINT32
    case .uint64: FW_H5_UINT64
    case .float8E4M3FN: FW_H5_FLOAT8_E4M3FN
    case .float8E5M2: FW_H5_FLOAT8_E5M2
    case .float16: FW_H5_FLOAT16
    case .bfloat16: FW_H5_BFLOAT16
    case .float32: FW_H5_FLOAT32
    case .float64: FW_H5_FLOAT64
    case .complex64: FW_H5_COMPLEX64
    case .complex128: FW_H5_COMPLEX128
    }
  }

  /// Whether files hold it as opaque bytes with an attribute `dtype` that names it, as Keras does.
  var isNamedByAttribute: Bool {
    switch self {
    case .bfloat16, .float8E4M3FN, .float8E5M2: true
    default: false
    }
  }

  /// The alignment that a typed view of elements needs; complex numbers are pairs.
  var alignment: Int { kind == .complex ? byteCount / 2 : byteCount }
}
