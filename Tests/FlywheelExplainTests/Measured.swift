import FlywheelExplain
import FlywheelOptim

/// Measurements as dumps would give them, made of forms.
enum Measured {
  /// What a form shows.
  ///
  /// - Parameters:
  ///   - form: The form of a step.
  ///   - isWeight: Whether it is of weights.
  ///   - evidence: What was dumped.
  ///   - error: The standard error of each coefficient, in parts of it; of 0 it is that of 1e-3.
  ///   - shift: How many standard errors each coefficient is off, by its place.
  /// - Returns: The measurement of two parameters.
  static func kind(
    _ form: SGDForm<Double>,
    isWeight: Bool,
    evidence: Measurement.Evidence = .whole,
    error: Double = 1e-14,
    shift: (Int) -> Double = { _ in 0 }
  ) -> Measurement {
    let form = form.normalForm
    let (run, b) = (form.invariants, form.b)
    let all: [(Coefficient, Double)] =
      switch evidence {
      case .whole:
        [
          (.a, form.a), (.b, form.b), (.c, form.c), (.p, form.p), (.q, form.q), (.r, form.r),
        ]
      case .withoutGradient:
        [(.d, form.q / b), (.e, form.p - form.q * form.a / b), (.h, form.r - form.q * form.c / b)]
      case .withoutVelocity:
        [
          (.determinant, run.determinant), (.loss, 1 - run.trace + run.determinant),
          (.q, run.gradient), (.laggedGradient, run.laggedGradient),
        ]
      case .weightsOnly:
        [(.determinant, run.determinant), (.loss, 1 - run.trace + run.determinant)]
      }
    var coefficients: [Coefficient: Estimate] = [:]
    for (place, (name, value)) in all.enumerated() {
      // What is made by subtracting is 1e-17 where it should be 0.
      let own = error * max(abs(value), 1e-3)
      coefficients[name] = Estimate(value + shift(place) * own, standardError: own)
    }
    let fit = Measurement.Fit(residual: error, rounding: error, condition: 3)
    return Measurement(
      names: isWeight ? ["W1", "W2"] : ["b1", "b2"],
      isWeight: isWeight,
      evidence: evidence,
      coefficients: coefficients,
      fits: [.velocity: fit, .weight: fit],
      steps: [0, 1, 2],
      elementCount: 1000
    )
  }

  /// What weights and biases show.
  static func dump(
    weights: SGDForm<Double>?,
    biases: SGDForm<Double>?,
    evidence: Measurement.Evidence = .whole,
    error: Double = 1e-14,
    shift: (Int) -> Double = { _ in 0 }
  ) -> DumpMeasurement {
    let kinds = [(weights, true), (biases, false)].map { form, isWeight in
      form.map {
        kind($0, isWeight: isWeight, evidence: evidence, error: error, shift: shift)
      }
    }
    return DumpMeasurement(
      parameters: kinds.compactMap(\.self),
      weights: kinds[0],
      biases: kinds[1],
      steps: []
    )
  }

  /// What a preset with numbers shows.
  static func rule(
    _ rule: SGDRule,
    _ numbers: Hyperparameters,
    sizes: TrainingSizes = TrainingSizes(batch: 32, training: 50_000),
    evidence: Measurement.Evidence = .whole,
    error: Double = 1e-14,
    shift: (Int) -> Double = { _ in 0 }
  ) -> DumpMeasurement {
    let forms = [true, false].map {
      rule.resolve(numbers, sizes: sizes, hasBuffer: true, isWeight: $0)
    }
    return dump(
      weights: forms[0],
      biases: forms[1],
      evidence: evidence,
      error: error,
      shift: shift
    )
  }
}
