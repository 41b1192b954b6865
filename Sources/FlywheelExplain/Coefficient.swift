/// A number that dumped steps of an SGD-like trainer can show, by the letter that conventions give it.
public enum Coefficient: String, Sendable, Hashable, CaseIterable {
  // With weights, buffers and gradients: v' = a v + b g + c w and w' = w + p v + q g + r w.

  /// How much of the buffer is kept.
  case a
  /// How the gradient enters the buffer.
  case b
  /// How the weight enters the buffer.
  case c
  /// How the old buffer moves the weight.
  case p
  /// How the gradient moves the weight, through the new buffer and directly.
  case q
  /// How the weight moves itself, likewise.
  case r

  // With weights and buffers: w' = w + d v' + e v + h w.

  /// How the new buffer moves the weight.
  case d
  /// How the old buffer moves the weight besides.
  case e
  /// How the weight moves itself past the buffer.
  case h

  // With weights and gradients: w'' − w' = D (w' − w) − L w' + q g' + κ g; with weights alone, where the
  // gradient is known to be 0, D and L.

  /// How much of the last change goes on: the determinant of the transition of buffer and weight.
  case determinant = "D"
  /// What a weight loses besides: L = 1 − T + D.
  case loss = "L"
  /// How the gradient of the step before still moves the weight.
  case laggedGradient = "kappa"
}
