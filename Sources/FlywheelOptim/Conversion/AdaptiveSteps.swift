/// The steps of an adaptive rule with one parameter's numbers, at any learning rate.
struct AdaptiveSteps {
  let rule: AdaptiveRule
  var numbers: Hyperparameters
  let sizes: TrainingSizes
  let isWeight: Bool

  /// The coefficients of a step.
  ///
  /// - Parameters:
  ///   - rate: The learning rate.
  ///   - step: How many steps were taken before.
  /// - Returns: The coefficients.
  func form(rate: Double, after step: Int) -> AdaptiveForm<Double> {
    var numbers = numbers
    numbers.learningRate = rate
    let (next, isTooLarge) = step.addingReportingOverflow(1)
    return rule.resolve(
      numbers,
      sizes: sizes,
      step: isTooLarge ? .max : next,
      isWeight: isWeight
    )
  }

  /// The coefficients once all bias corrections are 1, as if a learning rate that falls by itself had not
  /// begun to.
  func settled(rate: Double) -> AdaptiveForm<Double> {
    rule.prepare(numbers, sizes: sizes, isWeight: isWeight).map { formula in
      formula.evaluate { symbol in
        switch symbol {
        case .firstCorrection, .secondCorrection, .step: 1
        case .batchSize: Double(sizes.batch)
        default: rate
        }
      }
    }
  }

  /// Whether the velocity holds the learning rate.
  var holdsRate: Bool { rule.form.insideRate.mentions(.learningRate) }
}

extension AdaptiveSteps {
  /// Whether two rules make the same weights of any gradients but for their ε's, with the velocity scaled
  /// once.
  ///
  /// - Parameters:
  ///   - target: The other rule.
  ///   - steps: How many steps each has taken before.
  ///   - rates: The source's learning rates, which are gone through again and again.
  ///   - share: The target's rate over the source's.
  /// - Returns: Whether they do, as far as rounding lets it be told.
  func runs(
    as target: AdaptiveSteps,
    after steps: (source: Int, target: Int),
    rates: [Double],
    share: Double
  ) -> Bool {
    let offsets = [0, 1, 2, 3, 10, 100, 1000, 10_000]
    let pairs = offsets.enumerated().map { place, offset in
      let rate = rates[place % rates.count]
      return (
        source: form(rate: rate, after: Self.later(steps.source, by: offset)),
        target: target.form(rate: share * rate, after: Self.later(steps.target, by: offset))
      )
    }
    let scales = pairs.map { $0.source.rate / $0.target.rate }
    return pairs.allSatisfy { $0.source.steps(as: $0.target) }
      && (pairs.allSatisfy { $0.source.momentum == 0 }
        || scales.allSatisfy { AdaptiveForm.isNear($0, scales[0]) })
  }

  private static func later(_ step: Int, by offset: Int) -> Int {
    let (later, isTooLarge) = step.addingReportingOverflow(offset)
    return isTooLarge ? .max : later
  }
}

extension AdaptiveForm<Double> {
  /// Whether a step is the other's but for the ε's and the scale of the velocity.
  fileprivate func steps(as other: Self) -> Bool {
    let same: [(Self) -> Double] = [
      \.coupledDecay, \.firstKept, \.firstGain, \.secondKept, \.secondGain, \.firstShare,
      \.gradientShare, \.centering, \.maximum, \.momentum, \.shrink, { $0.insideRate * $0.rate },
    ]
    return same.allSatisfy { Self.isNear($0(self), $0(other)) }
  }

  /// Whether two numbers agree but for rounding.
  fileprivate static func isNear(_ left: Double, _ right: Double) -> Bool {
    abs(left - right) <= 1e-13 * Swift.max(abs(left), abs(right))
  }

  /// What the step divides by.
  var denominator: ErrorBound.Denominator {
    ErrorBound.Denominator(inside: epsilonInside, outside: epsilonOutside)
  }
}
