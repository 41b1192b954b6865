import FlywheelOptim
import Testing

@Suite("Formulas")
struct FormulaTests {
  private func value(_ symbol: Formula.Symbol) -> Double {
    switch symbol {
    case .learningRate: 0.1
    case .momentum: 0.9
    case .dampening: 0.25
    case .weightDecay: 5
    case .batchSize: 10
    case .trainingSize: 50_000
    case .beta1: 0.5
    case .beta2: 0.75
    case .alpha: 0.99
    case .epsilon: 1e-8
    case .centered: 1
    case .firstCorrection: 0.5
    case .secondCorrection: 0.25
    default: 0
    }
  }

  private static let cases: [(Formula, Double)] = [
    (.learningRate, 0.1),
    (1 - .dampening, 0.75),
    (-.learningRate * .weightDecay / .trainingSize, -0.00001),
    ((1 - .dampening) * .weightDecay, 3.75),
    (.momentum * .momentum + 3, 3.81),
    (.weightDecay / .batchSize, 0.5),
    (.squareRoot(.secondCorrection) / .firstCorrection, 1),
    (1 - .beta2, 0.25),
  ]

  @Test("A formula has the value that its symbols give it", arguments: cases)
  func evaluation(_ formula: Formula, _ expected: Double) {
    #expect(formula.evaluate(value) == expected)
  }

  @Test("What is put in first gives the same bits as what is put in last", arguments: cases)
  func substitution(_ formula: Formula, _ expected: Double) {
    for open in Formula.Symbol.allCases {
      let partial = formula.substituting { $0 == open ? nil : value($0) }
      #expect(partial.evaluate { $0 == open ? value($0) : .nan } == expected)
    }
    #expect(formula.substituting(value) == .constant(expected))
  }

  @Test("Formulas that say the same in the same way are equal, others are not")
  func equality() {
    #expect(1 - Formula.dampening == 1 - Formula.dampening)
    #expect(1 - Formula.dampening != 1 - Formula.momentum)
  }
}
