import FlywheelCore
import FlywheelExplain
import FlywheelOptim
import Testing

@testable import FlywheelCLI

struct ExplainViewTests {
  static let torch = Hyperparameters(learningRate: 0.01, momentum: 0.9, weightDecay: 0.1)

  /// The question's code as dumps show it.
  func explanation(summed: Bool, declaration: Declaration = Declaration(batchSize: 32))
    -> Explanation
  {
    let kinds = [true, false].map { isWeight in
      let form = SGDForm<Double>(
        a: 0.9,
        b: summed ? 32 : 1,
        d: -0.01,
        h: isWeight ? -0.01 * 0.1 / 32 : 0
      ).normalForm
      let numbers: [(Coefficient, Double)] = [
        (.a, form.a), (.b, form.b), (.c, form.c), (.p, form.p), (.q, form.q), (.r, form.r),
      ]
      let fit = Measurement.Fit(residual: 1e-15, rounding: 1e-15, condition: 3)
      return Measurement(
        names: isWeight ? ["W1", "W2"] : ["b1", "b2"],
        isWeight: isWeight,
        evidence: .whole,
        coefficients: Dictionary(
          uniqueKeysWithValues: numbers.map { ($0, Estimate($1, standardError: 1e-16)) }
        ),
        fits: [.velocity: fit, .weight: fit],
        steps: [0, 1, 2],
        elementCount: 1000
      )
    }
    let measurement = DumpMeasurement(
      parameters: kinds,
      weights: kinds[0],
      biases: kinds[1],
      steps: []
    )
    return Explanation(
      measurement,
      declaration: declaration,
      against: (rule: .sgd(.pytorch), hyperparameters: Self.torch),
      notes: ["the first axis counts the steps: 4 of them"]
    )
  }

  @Test("Every line fits 80 columns", arguments: [false, true])
  func width(summed: Bool) {
    let lines = ExplainView.lines(explanation(summed: summed))
    let longest = lines.map(\.count).max() ?? 0
    #expect(longest <= 80 && lines.count > 20)
  }

  @Test(
    "A reader of the question is told what is wrong, and what to change",
    arguments: [false, true]
  )
  func question(summed: Bool) {
    let text = ExplainView.lines(explanation(summed: summed))
      .flatMap { $0.split(separator: " ") }.joined(separator: " ")
    let said = [
      "The momentum is PyTorch's", "the weight decay is decoupled", "biases are not decayed",
      "Not the same as pytorch(learning_rate=0.01, momentum=0.9, weight_decay=0.1)",
      "shrinks 356x less per step: 3.125e-05 against 0.01113",
      "weights W -= 0.01*v + 3.125e-05*W to W -= 0.01*v",
      "v' = 0.9 v + \(summed ? "32 g" : "g") w' = w - 0.01 v' - 3.125e-05 w",
    ]
    let ofSums = [
      "summed over the 32 samples", "in effect 0.32 instead of 0.01", "= 10 times that of it, 3.2",
      "divide dW and db by 32", "v = 0.9*v + dW to v = 0.9*v + dW/32 + 0.1*W",
    ]
    for part in said + (summed ? ofSums : ["v = 0.9*v + dW to v = 0.9*v + dW + 0.1*W"]) {
      #expect(text.contains(part), "\(part)")
    }
  }

  @Test("JSON has what the text has")
  func json() throws {
    let value = ExplainJSON.value(of: explanation(summed: true))
    let text = value.prettyText()
    for part in [
      "\"family\": \"sgd\"", "\"rule\": \"question_summed\"", "\"match\": \"numbers\"",
      "\"kind\": \"gradient_summed\"", "\"same\": false", "\"kind\": \"decay\"",
      "\"after\": \"v = 0.9*v + dW/32 + 0.1*W\"",
    ] {
      #expect(text.contains(part), "\(part)")
    }
  }
}
