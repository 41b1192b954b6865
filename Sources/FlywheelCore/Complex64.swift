/// A complex number of two `Float`s, as an element of tensors.
public struct Complex64: TensorElement, Hashable {
  /// The real part, which comes first in memory.
  public var real: Float
  /// The imaginary part.
  public var imaginary: Float

  /// Creates a number from its parts.
  ///
  /// - Parameters:
  ///   - real: The real part.
  ///   - imaginary: The imaginary part.
  public init(real: Float, imaginary: Float) {
    self.real = real
    self.imaginary = imaginary
  }

  /// `complex64`.
  public static var dtype: DType { .complex64 }
}
