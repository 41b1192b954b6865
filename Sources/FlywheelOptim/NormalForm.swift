/// One step of an SGD-like rule as a linear map of buffer, gradient and weight: what a least-squares fit
/// of dumped steps sees.
///
///     v' = a v + b g + c w
///     w' = w + p v + q g + r w
///
/// A buffer may be kept in another way, v~ = s v + k w, without any weight ever noticing: `keeping` is
/// the form of that, and `invariants` are the four numbers that it leaves alone.
public struct NormalForm: Sendable, Hashable {
  /// How much of the buffer is kept.
  public var a: Double
  /// How the gradient enters the buffer.
  public var b: Double
  /// How the weight enters the buffer.
  public var c: Double
  /// How the buffer moves the weight.
  public var p: Double
  /// How the gradient moves the weight.
  public var q: Double
  /// How the weight moves itself.
  public var r: Double

  /// Creates a form from its coefficients.
  public init(a: Double, b: Double, c: Double, p: Double, q: Double, r: Double) {
    self.a = a
    self.b = b
    self.c = c
    self.p = p
    self.q = q
    self.r = r
  }

  /// What decides which weights come out.
  public var invariants: RunInvariants {
    RunInvariants(
      trace: a + 1 + r,
      determinant: a * (1 + r) - p * c,
      gradient: q,
      laggedGradient: p * b - q * a
    )
  }

  /// The form of the same run for a buffer that is kept as a map makes it.
  ///
  /// - Parameter map: The new buffer, s v + k w; its scale is not 0.
  /// - Returns: The form: a~ = a + k p/s, b~ = s b + k q, c~ = s c + k(1 + r − a) − k² p/s, p~ = p/s,
  ///   q~ = q, r~ = r − k p/s.
  public func keeping(_ map: BufferMap) -> NormalForm {
    let (s, k) = (map.scale, map.weightShare)
    let turned = k * p / s
    return NormalForm(
      a: a + turned,
      b: s * b + k * q,
      c: s * c + k * (1 + r - a) - k * turned,
      p: p / s,
      q: q,
      r: r - turned
    )
  }
}
