/// What the elements of an array in a file are: numbers that Flywheel computes with, or bytes that it
/// only carries.
public enum ElementType: Sendable, Hashable {
  /// A type that a `Tensor` can have.
  case number(DType)
  /// Elements that go from file to file unchanged: text, dates, records.
  case opaque(OpaqueType)

  /// The number of bytes of one element; 0 for empty texts.
  public var byteCount: Int {
    switch self {
    case .number(let dtype): dtype.byteCount
    case .opaque(let type): type.byteCount
    }
  }

  /// The type of a tensor's elements; nil if they are opaque.
  public var dtype: DType? {
    switch self {
    case .number(let dtype): dtype
    case .opaque: nil
    }
  }
}

extension ElementType: CustomStringConvertible {
  /// The name of the type, as numpy has it.
  public var description: String {
    switch self {
    case .number(let dtype): dtype.rawValue
    case .opaque(let type): type.name
    }
  }
}
