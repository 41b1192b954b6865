/// A complex number of two `Double`s, as an element of tensors.
public struct Complex128: TensorElement, Hashable {
  /// The real part, which comes first in memory.
  public var real: Double
  /// The imaginary part.
  public var imaginary: Double

  /// Creates a number from its parts.
  ///
  /// - Parameters:
  ///   - real: The real part.
  ///   - imaginary: The imaginary part.
  public init(real: Double, imaginary: Double) {
    self.real = real
    self.imaginary = imaginary
  }

  /// `complex128`.
  public static var dtype: DType { .complex128 }
}
