/// The six coefficients of one step of any SGD-like rule with a buffer.
///
/// With gradient `g` of the mean mini-batch loss, weight `w` and buffer `v`:
///
///     v' = a v + b g + c w
///     w' = w + d v' + f g + h w
///
/// Every SGD, momentum and Nesterov rule of the literature is such a form, whatever its buffer
/// holds and wherever its learning rate and weight decay enter. The letters are those of the family
/// that has a seventh, `e v` in the second line, which these rules do without; with `v'` put in, the
/// second line reads `w' = w + p v + q g + r w`, where p = d a, q = d b + f and r = d c + h.
public struct SGDForm<Coefficient: Sendable & Hashable>: Sendable, Hashable {
  /// How much of the buffer is kept.
  public var a: Coefficient
  /// How the gradient enters the buffer.
  public var b: Coefficient
  /// How the weight enters the buffer: coupled weight decay.
  public var c: Coefficient
  /// How the new buffer moves the weight.
  public var d: Coefficient
  /// How the gradient moves the weight directly: Nesterov's look-ahead.
  public var f: Coefficient
  /// How the weight shrinks directly: decoupled weight decay.
  public var h: Coefficient

  /// Creates a form from its coefficients.
  public init(
    a: Coefficient,
    b: Coefficient,
    c: Coefficient,
    d: Coefficient,
    f: Coefficient,
    h: Coefficient
  ) {
    self.a = a
    self.b = b
    self.c = c
    self.d = d
    self.f = f
    self.h = h
  }

  /// The form with each coefficient transformed.
  ///
  /// - Parameter transform: What becomes of a coefficient.
  /// - Returns: The transformed form.
  public func map<Other>(_ transform: (Coefficient) -> Other) -> SGDForm<Other> {
    SGDForm<Other>(
      a: transform(a),
      b: transform(b),
      c: transform(c),
      d: transform(d),
      f: transform(f),
      h: transform(h)
    )
  }
}
