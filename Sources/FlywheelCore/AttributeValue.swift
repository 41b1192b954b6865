/// A small fact that a container states about a file or a tensor.
public enum AttributeValue: Sendable {
  /// Text.
  case string(String)
  /// An integer.
  case integer(Int64)
  /// A floating-point number.
  case double(Double)
  /// Texts in row-major order.
  case strings([String])
  /// Numbers that are more than one, or of a type that the cases above cannot hold.
  case tensor(Tensor)
}

extension AttributeValue: Hashable {
  /// Whether both say the same: the same kind, and equal values; numbers and tensors bit for bit, so that
  /// a NaN equals itself.
  public static func == (left: AttributeValue, right: AttributeValue) -> Bool {
    switch (left, right) {
    case (.string(let left), .string(let right)): left == right
    case (.integer(let left), .integer(let right)): left == right
    case (.double(let left), .double(let right)): left.bitPattern == right.bitPattern
    case (.strings(let left), .strings(let right)): left == right
    case (.tensor(let left), .tensor(let right)):
      left.dtype == right.dtype && left.shape == right.shape
        && contents(left) == contents(right)
    default: false
    }
  }

  /// Feeds what equality looks at.
  public func hash(into hasher: inout Hasher) {
    switch self {
    case .string(let text): hasher.combine(text)
    case .integer(let number): hasher.combine(number)
    case .double(let number): hasher.combine(number.bitPattern)
    case .strings(let texts): hasher.combine(texts)
    case .tensor(let tensor):
      hasher.combine(tensor.dtype)
      hasher.combine(tensor.shape)
      hasher.combine(tensor.crc32)
    }
  }

  private static func contents(_ tensor: Tensor) -> [UInt8] {
    unsafe tensor.bytes.withUnsafeBytes { unsafe Array($0) }
  }
}

extension AttributeValue {
  /// Whether both say the same, whatever the types of their numbers are.
  package func saysTheSame(as other: AttributeValue) -> Bool {
    switch (widened, other.widened) {
    case (.double(let left), .double(let right)):
      left == right || left.bitPattern == right.bitPattern
    case (let left, let right): left == right
    }
  }

  /// The value with one real number in 64 bits, if they hold it.
  private var widened: AttributeValue {
    guard case .tensor(let tensor) = self, tensor.shape.rank == 0 else { return self }
    switch tensor.dtype.kind {
    case .signedInteger, .unsignedInteger:
      let number = try? tensor.converted(to: .int64).elements(as: Int64.self)[0]
      return number.map { .integer($0) } ?? self
    case .floatingPoint:
      let number = try? tensor.converted(to: .float64).elements(as: Double.self)[0]
      return number.map { .double($0) } ?? self
    case .bool, .complex: return self
    }
  }
}
