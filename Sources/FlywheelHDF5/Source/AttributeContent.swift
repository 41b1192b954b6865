internal import FlywheelCore

/// What an attribute holds.
enum AttributeContent {
  /// A value that says of which type it is in the file: 64-bit scalars as numbers, others as tensors.
  case value(AttributeValue)
  /// Texts of a shape that a value does not keep.
  case texts([String], Shape)
  /// Something else, in words.
  case other(String)
}

extension AttributeContent {
  /// Tells of texts; those without axes are one.
  init(_ texts: [String], _ shape: Shape) {
    switch shape.rank {
    case 0: self = .value(.string(texts.first ?? ""))
    case 1: self = .value(.strings(texts))
    default: self = .texts(texts, shape)
    }
  }

  /// Tells of numbers; truth values that are neither true nor false are something else.
  ///
  /// - Parameter tensor: The numbers, in memory of their own.
  /// - Throws: As `Tensor.elements(as:)`.
  init(_ tensor: Tensor) throws(FlywheelError) {
    // PyTables has truth values as eight bits; to other programs those are not one value but eight.
    guard (try? tensor.checkTruthValues()) != nil else {
      self = .other("bytes that are neither true nor false")
      return
    }
    switch tensor.dtype {
    case .int64 where tensor.shape.rank == 0:
      self = .value(.integer(try tensor.elements(as: Int64.self)[0]))
    case .float64 where tensor.shape.rank == 0:
      self = .value(.double(try tensor.elements(as: Double.self)[0]))
    default: self = .value(.tensor(tensor))
    }
  }

  /// What keeps it from going into another file as it is, in words; nil if nothing does.
  var obstacle: String? {
    switch self {
    case .value: nil
    case .texts(_, let shape): "texts of shape \(shape)"
    case .other(let what): what
    }
  }

  /// The value with every number that 64 bits hold without loss as a number, and texts without their shape;
  /// nil if it is something else.
  var widened: AttributeValue? {
    switch self {
    case .value(.tensor(let tensor)) where tensor.shape.rank == 0: Self.widened(tensor)
    case .value(let value): value
    case .texts(let texts, _): .strings(texts)
    case .other: nil
    }
  }

  private static func widened(_ scalar: Tensor) -> AttributeValue {
    switch scalar.dtype {
    case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64:
      // The largest numbers of 64 bits without a sign do not fit, and stay what they are.
      if let number = try? scalar.converted(to: .int64).elements(as: Int64.self).first {
        return .integer(number)
      }
    case .float8E5M2, .float16, .bfloat16, .float32, .float64:
      if let number = try? scalar.converted(to: .float64).elements(as: Double.self).first {
        return .double(number)
      }
    case .bool, .float8E4M3FN, .complex64, .complex128: break
    }
    return .tensor(scalar)
  }
}
