/// A small fact that a container states about a file or a tensor.
public enum AttributeValue: Sendable, Hashable {
  /// Text.
  case string(String)
  /// An integer.
  case integer(Int64)
  /// A floating-point number.
  case double(Double)
}
