/// Finds the numbers of a rule with which the steps of a dump are what it makes of them.
struct AdaptiveSearch {
  var model: AdaptiveModel
  let rates: AdaptiveFit.Rates
  /// The numbers to find.
  let free: [AdaptiveQuantity]
  /// Whether the number of steps before the first dump is one of them.
  let isStepFree: Bool

  /// Below this, nothing is left to find.
  private static let good = 2.0
  /// Above this, the numbers are not near those of the dump, or the rule is another.
  private static let hopeless = 1000.0

  /// The best fit from some numbers on.
  ///
  /// - Parameter start: The numbers to begin with.
  /// - Returns: The fit.
  func best(from start: AdaptiveGuess) -> AdaptiveFit {
    var best = fit(start)
    if isStepFree { best = bestStep(best) }
    for _ in 0..<2 where best.deviation > Self.good {
      for quantity in free { best = usual(quantity, best) }
      if free.contains(.coupledDecay) { best = narrowed(.coupledDecay, best) }
      if isStepFree { best = bestStep(best) }
    }
    best = refined(best)
    guard isStepFree else { return best }
    let other = bestStep(best)
    return other.guess == best.guess ? best : refined(other)
  }

  /// A fit with all numbers given.
  func fit(_ guess: AdaptiveGuess) -> AdaptiveFit { AdaptiveFit(model, guess, rates: rates) }

  private func usual(_ quantity: AdaptiveQuantity, _ start: AdaptiveFit) -> AdaptiveFit {
    var best = start
    for value in quantity.usualValues where value != start.guess[quantity] {
      var guess = start.guess
      guess[quantity] = value
      let other = fit(guess)
      if other.misfit < best.misfit { best = other }
    }
    return best
  }

  /// The fit with a number to about a thousandth of itself.
  ///
  /// Where the decay turns a gradient around, its quotient jumps, so that slopes lead nowhere from afar.
  private func narrowed(_ quantity: AdaptiveQuantity, _ start: AdaptiveFit) -> AdaptiveFit {
    var best = start
    guard best.guess[quantity] > 0 else { return best }
    var factor = 2.0
    while factor > 1.001, best.deviation > Self.good {
      let tries = [factor, 1 / factor].map { factor in
        var guess = best.guess
        guess[quantity] *= factor
        return fit(guess)
      }
      if let other = tries.first(where: { $0.misfit < best.misfit }) {
        best = other
      } else {
        factor = factor.squareRoot()
      }
    }
    return best
  }

  private func bestStep(_ start: AdaptiveFit) -> AdaptiveFit {
    var best = start
    func attempt(_ step: Int) {
      guard step >= 0, step != best.guess.firstStep else { return }
      var guess = start.guess
      guess.firstStep = step
      let other = fit(guess)
      if other.misfit < best.misfit { best = other }
    }
    for step in sequence(first: 0, next: { $0 + max(1, $0 / 3) }).prefix(while: { $0 < 2_000_000 })
    {
      attempt(step)
    }
    var width = max(1, best.guess.firstStep / 5)
    // Where each step further leaves a little less, there is no number to find.
    for _ in 0..<100 where width >= 1 {
      let step = best.guess.firstStep
      attempt(step - width)
      attempt(step + width)
      if best.guess.firstStep == step { width /= 2 }
    }
    return best
  }
}

// MARK: - Refinement

extension AdaptiveSearch {
  /// A step along a number, small ones by their share in it.
  private func moved(_ guess: AdaptiveGuess, _ quantity: AdaptiveQuantity, by step: Double)
    -> AdaptiveGuess
  {
    var guess = guess
    let value = guess[quantity]
    let factor = step >= 0 ? 1 + step : 1 / (1 - step)
    guess[quantity] =
      switch quantity.scale {
      case .keeping: max(0, 1 - (1 - value) * factor)
      case .logarithmic: value * factor
      case .linear: max(0, value + step * unit(quantity))
      }
    return guess
  }

  /// How far a step of 1 goes along a number.
  private func unit(_ quantity: AdaptiveQuantity) -> Double {
    switch quantity {
    case .coupledDecay: model.sample.gradientSize / max(model.sample.weightSize, 1e-300)
    default: model.sample.gradientSize * model.sample.gradientSize
    }
  }

  private func isMovable(_ quantity: AdaptiveQuantity, in guess: AdaptiveGuess) -> Bool {
    quantity.scale != .logarithmic || guess[quantity] > 0
  }

  /// How the right sides change with a number, with the learning rates and shrinks of a fit.
  private func slope(_ fit: AdaptiveFit, _ quantity: AdaptiveQuantity) -> [[Double]]? {
    let width = 1e-4
    let sides = [-width, width].map { side in
      AdaptiveFit(model, moved(fit.guess, quantity, by: side), rates: rates).blocks
    }
    let distance =
      quantity.scale == .linear && fit.guess[quantity] < width * unit(quantity)
      ? width + fit.guess[quantity] / unit(quantity) : 2 * width
    guard sides.allSatisfy({ $0.count == fit.blocks.count }) else { return nil }
    return fit.blocks.indices.map { index in
      let coefficients = fit.blocks[index].solution.coefficients
      let (left, right) = (sides[0][index].columns, sides[1][index].columns)
      let targets = (sides[0][index].target, sides[1][index].target)
      return fit.blocks[index].target.indices.map { row in
        var sum = targets.0[row] - targets.1[row]
        for (place, coefficient) in coefficients.enumerated() {
          sum += coefficient * (right[place][row] - left[place][row])
        }
        return sum / distance
      }
    }
  }

  /// The slopes of all numbers, without what learning rates and shrinks could make up of them.
  private func slopes(_ fit: AdaptiveFit) -> (quantities: [AdaptiveQuantity], columns: [[Double]]) {
    var found: (quantities: [AdaptiveQuantity], columns: [[Double]]) = ([], [])
    for quantity in free where isMovable(quantity, in: fit.guess) {
      guard let slope = slope(fit, quantity) else { continue }
      found.quantities.append(quantity)
      found.columns.append(
        zip(fit.blocks, slope).flatMap { AdaptiveFit.residual(of: $0, $1) }
      )
    }
    return found
  }

  /// The fit with the numbers moved to where the least is left, after Levenberg and Marquardt.
  func refined(_ start: AdaptiveFit) -> AdaptiveFit {
    guard !free.isEmpty, start.rowCount > 0 else { return start }
    var best = start
    var damping = 1e-4
    for _ in 0..<40 {
      let (quantities, columns) = slopes(best)
      guard !quantities.isEmpty else { return best }
      let residual = best.blocks.flatMap { block in
        AdaptiveFit.rest(of: block.target, block.columns, block.solution.coefficients)
      }
      var isBetter = false
      var gain = 0.0
      while damping < 1e8, !isBetter {
        let lengths = columns.map { column in column.reduce(0) { $0 + $1 * $1 }.squareRoot() }
        let padded = columns.indices.map { index in
          columns[index]
            + columns.indices.map { $0 == index ? damping.squareRoot() * lengths[index] : 0 }
        }
        let step = LeastSquares(
          columns: padded,
          target: residual + [Double](repeating: 0, count: columns.count)
        )
        var guess = best.guess
        for (quantity, size) in zip(quantities, step.coefficients) {
          guess = moved(guess, quantity, by: max(-3, min(3, size)))
        }
        let other = fit(guess)
        if other.misfit < best.misfit {
          gain = (best.misfit - other.misfit) / best.misfit
          best = other
          isBetter = true
          damping = max(1e-12, damping / 10)
        } else {
          damping *= 10
        }
      }
      // Far from what rounding explains, the last percents are not worth the time.
      if !isBetter || gain < (best.deviation > Self.hopeless ? 0.05 : 1e-6) { break }
    }
    return best
  }

  /// The numbers of a fit with their errors, the learning rate and the shrink among them.
  func estimates(_ fit: AdaptiveFit) -> [AdaptiveQuantity: Estimate] {
    let roundoff = model.sample.bufferRoundoff
    let (quantities, columns) = slopes(fit)
    let solution = LeastSquares(
      columns: columns,
      target: columns.first.map { $0.map { _ in 0 } } ?? []
    )
    var estimates: [AdaptiveQuantity: Estimate] = [:]
    for (place, quantity) in quantities.enumerated() {
      let value = fit.guess[quantity]
      let error = solution.standardError(place, deviation: fit.spread)
      let unit =
        switch quantity.scale {
        case .keeping: 1 - value
        case .logarithmic: value
        case .linear: unit(quantity)
        }
      estimates[quantity] = Estimate(value, standardError: error * unit).held(in: roundoff)
    }
    guard fit.blocks.count == 1, let block = fit.blocks.first else { return estimates }
    let slopes = quantities.compactMap { slope(fit, $0)?.first }
    let whole = LeastSquares(columns: block.columns + slopes, target: block.target)
    let names: [AdaptiveQuantity] =
      model.isOfMomentum ? [.momentum, .insideRate] : [.learningRate, .shrink]
    for (place, name) in names.enumerated() {
      estimates[name] = Estimate(
        block.solution.coefficients[place],
        standardError: whole.standardError(place, deviation: fit.spread)
      ).held(in: roundoff)
    }
    return estimates
  }
}

extension AdaptiveSample {
  /// √(mean g²).
  var gradientSize: Double { Self.size(gradients.compactMap(\.self)) }
  /// √(mean w²).
  var weightSize: Double { Self.size(weights) }

  private static func size(_ rows: [[Double]]) -> Double {
    let squares = rows.map { $0.reduce(0) { $0 + $1 * $1 } }
    let count = rows.reduce(0) { $0 + $1.count }
    return count == 0 ? 0 : (squares.reduce(0, +) / Double(count)).squareRoot()
  }
}
