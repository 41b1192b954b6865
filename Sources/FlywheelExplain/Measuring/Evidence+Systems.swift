extension Measurement.Evidence {
  /// The lines that such evidence lets us fit.
  var system: LineSystem {
    switch self {
    case .whole: .whole
    case .withoutGradient: .withoutGradient
    case .withoutVelocity: .withoutVelocity
    case .weightsOnly: .weightsOnly
    }
  }

  /// The alignments that such evidence can tell apart, the likelier ones first.
  ///
  /// Two may explain the same numbers. A buffer that is dumped between the lines also looks like a gradient
  /// dumped late to a weight that moves by its old buffer; a gradient that comes a step late, like a buffer
  /// dumped ahead. What stands first is then what people do.
  var alignments: [Alignment] {
    switch self {
    case .whole:
      [
        (0, 0), (0, -1), (1, 0), (-1, 0), (0, 1), (1, -1), (-1, -1), (1, 1), (-1, 1),
      ]
      .map { Alignment(gradientShift: $0, velocityShift: $1) }
    case .withoutGradient: [0, -1, 1].map { Alignment(velocityShift: $0) }
    case .withoutVelocity: [0, 1, -1].map { Alignment(gradientShift: $0) }
    case .weightsOnly: [Alignment()]
    }
  }

  /// The coefficient without which an alignment explains the numbers only by what lies a step further.
  var leading: Coefficient? {
    switch self {
    case .whole, .weightsOnly: nil
    case .withoutGradient: .d
    case .withoutVelocity: .q
    }
  }
}

extension Measurement.Evidence {
  /// The lines of a rule that keeps nothing from step to step, where the evidence hides what it keeps.
  var memorylessSystem: LineSystem? {
    switch self {
    case .whole, .withoutGradient: nil
    case .withoutVelocity: .withoutMemory
    case .weightsOnly: .shrinkage
    }
  }
}
