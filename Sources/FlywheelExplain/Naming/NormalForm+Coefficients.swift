import FlywheelOptim

extension NormalForm {
  /// What a measurement of the form would show; nil if it has no such coefficient.
  ///
  /// Without gradients the gradient is told by the new buffer, g = (v' − a v − c w)/b, which only a form
  /// whose gradient enters its buffer allows.
  func coefficient(_ name: Coefficient) -> Double? {
    switch name {
    case .a: a
    case .b: b
    case .c: c
    case .p: p
    case .q: q
    case .r: r
    case .d: b == 0 ? nil : q / b
    case .e: b == 0 ? nil : p - q * a / b
    case .h: b == 0 ? nil : r - q * c / b
    case .determinant: invariants.determinant
    case .loss: -r * (1 - a) - p * c
    case .laggedGradient: invariants.laggedGradient
    }
  }
}
