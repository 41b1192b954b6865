import FlywheelOptim

/// Numbers that a step of an Adam-like rule may have been taken with, at a learning rate of 1.
struct AdaptiveGuess: Sendable, Hashable {
  /// What is known or tried; what is not here is 0.
  var values: [AdaptiveQuantity: Double] = [:]
  /// How many steps came before the first dump.
  var firstStep = 0
  /// What the gradient is multiplied by before anything else is done with it.
  var gradientScale = 1.0

  subscript(_ quantity: AdaptiveQuantity) -> Double {
    get { values[quantity] ?? 0 }
    set { values[quantity] = newValue }
  }

  /// These numbers as a trainer in single precision multiplies by them.
  var held: AdaptiveGuess {
    var other = self
    for (quantity, value) in values where quantity.scale == .keeping {
      other[quantity] = Double(Float(value))
    }
    return other
  }

  /// The coefficients of a step.
  ///
  /// - Parameters:
  ///   - shape: The rule without its decay.
  ///   - place: The place of the dump that the step begins at.
  ///   - batch: The size of a mini-batch, if it is known.
  /// - Returns: The numbers, for a learning rate of 1.
  func form(_ shape: AdaptiveShape, place: Int, batch: Int?) -> AdaptiveForm<Double> {
    let step = firstStep + place + 1
    let count = shape.correctionCount == .steps ? step : step * min(batch ?? 1, 1 << 20)
    var form = shape.form.map { formula in
      formula.evaluate { symbol in
        switch symbol {
        case .learningRate: 1
        case .firstCorrection: AdaptiveRule.correction(self[.beta1], step: count)
        case .secondCorrection: AdaptiveRule.correction(self[.beta2], step: count)
        case .step: Double(step)
        case .batchSize: Double(batch ?? 1)
        default: AdaptiveQuantity.of(symbol).map { self[$0] } ?? 0
        }
      }
    }
    form.coupledDecay = self[.coupledDecay]
    return form
  }
}

extension AdaptiveQuantity {
  private static let bySymbol = Dictionary(
    allCases.compactMap { quantity in quantity.symbol.map { ($0, quantity) } },
    uniquingKeysWith: { first, _ in first }
  )

  /// What a letter of a formula stands for; nil for a switch, a size or a count.
  static func of(_ symbol: Formula.Symbol) -> AdaptiveQuantity? { bySymbol[symbol] }
}
