import FlywheelCore
import FlywheelExplain
import FlywheelOptim
import Testing

struct MeasurementTests {
  /// A rule of the SGD family with its numbers.
  struct Use: Sendable, CustomTestStringConvertible {
    var rule: SGDRule
    var numbers: Hyperparameters

    var testDescription: String {
      "\(rule.name) \(numbers.ordered.map { "\($0.name.rawValue)=\($0.value.number)" })"
    }
  }

  static let uses: [Use] = UpdateRule.presets.flatMap { preset -> [Use] in
    guard case .sgd(let rule) = preset else { return [] }
    let choices: [Hyperparameter: [Double]] = [
      .learningRate: [0.05], .momentum: [0.9], .dampening: [0, 0.4], .weightDecay: [0.03],
      .l2: [0.02],
    ]
    var all = [Hyperparameters()]
    for definition in rule.hyperparameters {
      let values = choices[definition.name] ?? (definition.name == .nesterov ? [0, 1] : [])
      guard !values.isEmpty else { continue }
      all = all.flatMap { numbers in
        values.map { value in
          let isFlag = if case .flag = definition.fallback { true } else { false }
          return numbers.merging(
            Hyperparameters([definition.name: isFlag ? .flag(value != 0) : .number(value)])
          )
        }
      }
    }
    return all.compactMap { try? preset.completed($0) }.map { Use(rule: rule, numbers: $0) }
  }

  /// The true coefficients under some evidence.
  static func truth(
    _ form: SGDForm<Double>,
    _ evidence: Measurement.Evidence
  ) -> [Coefficient: Double] {
    let n = form.normalForm
    switch evidence {
    case .whole: return [.a: n.a, .b: n.b, .c: n.c, .p: n.p, .q: n.q, .r: n.r]
    case .withoutGradient:
      let d = n.q / n.b
      return [.d: d, .e: n.p - d * n.a, .h: n.r - d * n.c]
    case .withoutVelocity, .weightsOnly:
      let i = n.invariants
      // 1 − T + D, without the rounding of numbers near 1.
      let loss = -n.r * (1 - n.a) - n.p * n.c
      return [
        .determinant: i.determinant, .loss: loss, .q: i.gradient,
        .laggedGradient: i.laggedGradient,
      ]
    }
  }

  /// Checks each coefficient against the truth.
  static func check(
    _ measurement: Measurement?,
    _ form: SGDForm<Double>,
    _ tolerance: Double,
    isComplete: Bool = true
  ) throws {
    let measurement = try #require(measurement)
    let truth = truth(form, measurement.evidence)
    for (coefficient, value) in truth {
      guard let estimate = measurement.coefficients[coefficient] else {
        #expect(!isComplete, "\(coefficient) is not told")
        continue
      }
      let distance = abs(estimate.value - value)
      #expect(
        distance <= 5 * estimate.standardError,
        "\(coefficient) is \(value), measured \(estimate)"
      )
      #expect(
        estimate.standardError <= tolerance * max(1, abs(value)),
        "\(coefficient) \(estimate)"
      )
    }
    for (line, fit) in measurement.fits { #expect(fit.isExplained, "\(line) \(fit)") }
  }

  @Test(
    "The coefficients of every rule are found within their standard errors",
    arguments: uses,
    [DType.float64, .float32]
  )
  func rules(use: Use, dtype: DType) throws {
    var walk = RuleWalk(use.rule, use.numbers)
    walk.dtype = dtype
    let dump = try walk.dump()
    let keepsBuffer = use.rule.keepsBuffer(use.numbers)
    for (gradients, velocities) in [(true, true), (false, true), (true, false)]
    where keepsBuffer || !velocities {
      let measured = try DumpMeasurement(
        of: dump.keeping(gradients: gradients, velocities: velocities)
      )
      let tolerance = (dtype == .float64 ? 1e-12 : 2e-5) * (velocities ? 1 : 100)
      for measurement in [measured.weights, measured.biases] {
        let isWeight = measurement?.isWeight ?? false
        #expect(measurement?.alignment == Alignment())
        try Self.check(measurement, walk.form(3, isWeight, true), tolerance)
      }
    }
  }
}
