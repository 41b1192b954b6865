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
