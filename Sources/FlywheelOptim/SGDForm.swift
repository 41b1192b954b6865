/// The seven coefficients of one step of any SGD-like rule with a buffer.
///
/// With gradient `g` of the mean mini-batch loss, weight `w` and buffer `v`:
///
///     v' = a v + b g + c w
///     w' = w + d v' + e v + f g + h w
///
/// Every SGD, momentum and Nesterov rule of the literature is such a form, whatever its buffer
/// holds and wherever its learning rate and weight decay enter. Seven letters are more than a step has
/// freedoms: `NormalForm` has v' put in, and `RunInvariants` is what no way of keeping a buffer can change.
public struct SGDForm<Coefficient: Sendable & Hashable & ExpressibleByIntegerLiteral>: Sendable,
  Hashable
{
  /// How much of the buffer is kept.
  public var a: Coefficient
  /// How the gradient enters the buffer.
  public var b: Coefficient
  /// How the weight enters the buffer: coupled weight decay.
  public var c: Coefficient
  /// How the new buffer moves the weight.
  public var d: Coefficient
  /// How the old buffer moves the weight.
  public var e: Coefficient
  /// How the gradient moves the weight directly: Nesterov's look-ahead.
  public var f: Coefficient
  /// How the weight shrinks directly: decoupled weight decay.
  public var h: Coefficient

  /// Creates a form from its coefficients; those that are not given are 0.
  public init(
    a: Coefficient = 0,
    b: Coefficient = 0,
    c: Coefficient = 0,
    d: Coefficient = 0,
    e: Coefficient = 0,
    f: Coefficient = 0,
    h: Coefficient = 0
  ) {
    self.a = a
    self.b = b
    self.c = c
    self.d = d
    self.e = e
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
      e: transform(e),
      f: transform(f),
      h: transform(h)
    )
  }
}

extension SGDForm<Double> {
  /// The step with v' put into the second line.
  public var normalForm: NormalForm {
    NormalForm(a: a, b: b, c: c, p: d * a + e, q: d * b + f, r: d * c + h)
  }

  /// The same step without `e`: the old buffer is told by the new one, v = (v' − b g − c w)/a.
  ///
  /// Kernels know this form only. A form with an `e` but no `a` keeps nothing of its buffer, and moves
  /// the weight by it all the same; no rule of the literature does, and it is returned as it is.
  public var withoutOldBuffer: SGDForm<Double> {
    guard e != 0, a != 0 else { return self }
    let share = e / a
    return SGDForm(a: a, b: b, c: c, d: d + share, f: f - share * b, h: h - share * c)
  }
}
