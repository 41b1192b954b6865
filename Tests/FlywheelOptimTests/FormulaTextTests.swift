import FlywheelOptim
import Testing

/// Formulas and steps as a person reads them.
@Suite("Formulas as text")
struct FormulaTextTests {
  @Test(
    "A formula is written without what says nothing",
    arguments: [
      (0, "0"), (3, "3"), (.constant(0.25), "0.25"), (.momentum, "mu"), (-.learningRate, "-lr"),
      (1 * .momentum + 0, "mu"), (0 * .momentum, "0"), (1 - .dampening, "1 - tau"),
      (-.learningRate * .weightDecay / .trainingSize, "-lr lambda/n"),
      (-(-.learningRate), "lr"), (2 * (3 * .momentum), "6 mu"), (.momentum * .momentum, "mu^2"),
      (.momentum - .momentum, "0"), (.momentum + .momentum, "2 mu"),
      (.momentum * (1 - .dampening), "(1 - tau) mu"), (1 - (1 - .dampening), "tau"),
      (-(1 + .momentum), "-(1 + mu)"), (-1 - .momentum, "-1 - mu"),
      (.momentum - 1, "mu - 1"), ((1 - .dampening) * .momentum / (1 - .dampening), "mu"),
      (.learningRate / (.learningRate * .momentum), "1/mu"),
      (.learningRate / .batchSize / .trainingSize, "lr/(m n)"),
      (
        .learningRate * .squareRoot(.secondCorrection) / .firstCorrection, "lr sqrt(c2)/c1"
      ),
      (.squareRoot(.momentum * .momentum), "mu"),
      (.squareRoot(.momentum) * .squareRoot(.momentum), "mu"),
      (.squareRoot(1 - .momentum), "sqrt(1 - mu)"),
      (1 / (1 + (.step - 1) * .learningRateDecay), "1/(1 + (t - 1) eta)"),
    ] as [(Formula, String)]
  )
  func text(_ formula: Formula, _ expected: String) {
    #expect(formula.description == expected)
  }

  @Test(
    "Expanding cancels what can cancel, and puts what is shared before brackets",
    arguments: [
      ((1 - .momentum) * (1 + .momentum), "1 - mu^2"),
      (
        .momentum * (1 - .learningRate * .weightDecay)
          + .learningRate * .momentum * .weightDecay, "mu"
      ),
      (.momentum * (1 - .learningRate * .weightDecay), "(1 - lr lambda) mu"),
      (-.learningRate - .learningRate * .momentum, "-(1 + mu) lr"),
      (
        1 + .momentum - (1 - .dampening) * .weightDecay * .learningRate,
        "1 + mu - (1 - tau) lr lambda"
      ),
    ] as [(Formula, String)]
  )
  func expanded(_ formula: Formula, _ expected: String) {
    #expect(formula.expanded.description == expected)
  }

  @Test("Simplified and expanded formulas keep their value", arguments: UInt64(0)..<300)
  func values(seed: UInt64) {
    var random = Randomness(state: seed)
    let formula = random.formula(depth: 5)
    for _ in 0..<4 {
      let values = Dictionary(
        uniqueKeysWithValues: Formula.Symbol.allCases.map { ($0, 0.5 + random.unit()) }
      )
      let value = { (formula: Formula) in formula.evaluate { values[$0] ?? 0 } }
      // Sums may cancel to less than they are made of: the error is that of the largest part.
      let size = 1e-12 * (1 + magnitude(formula) { values[$0] ?? 0 })
      let expected = value(formula)
      #expect(abs(value(formula.simplified) - expected) <= size, "\(formula)")
      #expect(abs(value(formula.expanded) - expected) <= size, "\(formula)")
    }
    #expect(formula.simplified.description == formula.description)
    #expect(formula.simplified.simplified == formula.simplified)
  }

  /// The value with every sum taken of magnitudes.
  private func magnitude(_ formula: Formula, _ value: (Formula.Symbol) -> Double) -> Double {
    func part(_ formula: Formula) -> Double { magnitude(formula, value) }
    return switch formula {
    case .constant(let number): abs(number)
    case .symbol(let symbol): value(symbol)
    case .sum(let left, let right): part(left) + part(right)
    case .product(let left, let right): part(left) * part(right)
    case .quotient(let left, let right): part(left) / abs(right.evaluate(value))
    case .squareRoot(let operand): part(operand).squareRoot()
    }
  }

  @Test(
    "Steps of the SGD family read as their sources have them",
    arguments: [
      (
        SGDForm(a: .momentum, b: -.learningRate, d: 1, h: -.learningRate * .weightDecay),
        ["v' = mu v - lr g", "w' = w + v' - lr lambda w"],
        ["1 + mu - lr lambda", "(1 - lr lambda) mu", "-lr", "0"]
      ),
      (
        SGDForm(
          a: .momentum,
          b: 1 - .dampening,
          c: (1 - .dampening) * .weightDecay,
          d: -.learningRate
        ),
        ["v' = mu v + (1 - tau) (g + lambda w)", "w' = w - lr v'"],
        ["1 + mu - (1 - tau) lr lambda", "mu", "-(1 - tau) lr", "0"]
      ),
      (
        SGDForm(a: .momentum, b: 1, c: .weightDecay, d: -.learningRate),
        ["v' = mu v + g + lambda w", "w' = w - lr v'"],
        ["1 + mu - lr lambda", "mu", "-lr", "0"]
      ),
      (
        SGDForm(
          a: .momentum,
          b: -.learningRate,
          c: -.learningRate * .weightDecay / .trainingSize,
          d: 1
        ),
        ["v' = mu v - lr (g + (lambda/n) w)", "w' = w + v'"],
        ["1 + mu - lr lambda/n", "mu", "-lr", "0"]
      ),
      (
        SGDForm(
          a: .momentum,
          b: 1,
          c: .weightDecay,
          d: -.learningRate * .momentum,
          f: -.learningRate,
          h: -.learningRate * .weightDecay
        ),
        ["v' = mu v + g + lambda w", "w' = w - lr mu v' - lr (g + lambda w)"],
        [
          "1 + mu - (1 + mu) lr lambda", "(1 - lr lambda) mu", "-(1 + mu) lr", "lr mu",
        ]
      ),
      (
        SGDForm(
          a: .momentum,
          b: .learningRate,
          c: .learningRate * .weightDecay,
          d: -(1 + .momentum),
          e: .momentum
        ),
        ["v' = mu v + lr (g + lambda w)", "w' = w - (1 + mu) v' + mu v"],
        [
          "1 + mu - (1 + mu) lr lambda", "(1 - lr lambda) mu", "-(1 + mu) lr", "lr mu",
        ]
      ),
      (
        SGDForm(f: -.learningRate, h: -.learningRate * .weightDecay / .trainingSize),
        ["w' = w - lr (g + (lambda/n) w)"],
        ["1 - lr lambda/n", "0", "-lr", "0"]
      ),
    ] as [(SGDForm<Formula>, [String], [String])]
  )
  func steps(form: SGDForm<Formula>, equations: [String], invariants: [String]) {
    #expect(form.equations == equations)
    let found = form.invariants
    let all = [found.trace, found.determinant, found.gradient, found.laggedGradient]
    #expect(all.map(\.description) == invariants)
  }

  @Test("Steps of the Adam family read as their sources have them")
  func adaptiveSteps() throws {
    #expect(
      UpdateRule.adaptive(.adam).equations() == [
        "G = g + lambda w", "m1' = b1 m1 + (1 - b1) G", "s' = b2 s + (1 - b2) G^2",
        "u = m1'/(sqrt(s') + eps sqrt(c2))", "w' = w - (lr sqrt(c2)/c1) u",
      ]
    )
    #expect(
      UpdateRule.adaptive(.adamw).equations(with: [.amsgrad]) == [
        "m1' = b1 m1 + (1 - b1) g", "s' = b2 s + (1 - b2) g^2", "x' = max(x, s')",
        "u = m1'/(sqrt(x') + eps sqrt(c2))", "w' = w - (lr sqrt(c2)/c1) u - lr lambda w",
      ]
    )
    let mlx = UpdateRule.adaptive(.mlxAdam)
    #expect(mlx.equations().last == "w' = w - lr u")
    #expect(mlx.equations(with: [.biasCorrection]).last == "w' = w - (lr sqrt(c2)/c1) u")
    #expect(
      UpdateRule.adaptive(.rmsprop).equations(with: [.centered]) == [
        "G = g + lambda w", "s' = alpha s + (1 - alpha) G^2", "a' = alpha a + (1 - alpha) G",
        "u = G/(sqrt(s' - a'^2) + eps)", "v' = mu v + u", "w' = w - lr v'",
      ]
    )
  }

  @Test("Invariants in letters are those in numbers", arguments: UpdateRule.presets)
  func invariants(rule: UpdateRule) {
    guard case .sgd(let rule) = rule else { return }
    var random = Randomness(state: 7)
    for switches in [[], [.nesterov]] as [Set<Hyperparameter>] {
      let form = rule.form(with: switches)
      let values = Dictionary(
        uniqueKeysWithValues: Formula.Symbol.allCases.map { ($0, 0.1 + 0.8 * random.unit()) }
      )
      let value = { (formula: Formula) in formula.evaluate { values[$0] ?? 0 } }
      let expected = form.map(value).normalForm.invariants
      let found = form.invariants
      for (formula, number) in [
        (found.trace, expected.trace), (found.determinant, expected.determinant),
        (found.gradient, expected.gradient), (found.laggedGradient, expected.laggedGradient),
      ] {
        #expect(abs(value(formula) - number) < 1e-13, "\(rule.name): \(formula)")
      }
    }
  }
}

/// Random formulas, the same ones each time.
private struct Randomness {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }

  mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  mutating func formula(depth: Int) -> Formula {
    let symbols: [Formula] = [.learningRate, .momentum, .weightDecay, .batchSize]
    let choice = depth == 0 ? next() % 2 : next() % 7
    switch choice {
    case 0: return symbols[Int(next() % 4)]
    case 1: return .constant(Double(next() % 4))
    case 2: return formula(depth: depth - 1) + formula(depth: depth - 1)
    case 3: return formula(depth: depth - 1) - formula(depth: depth - 1)
    case 4: return formula(depth: depth - 1) * formula(depth: depth - 1)
    // What is divided by and what a root is taken of are above 0.
    case 5: return formula(depth: depth - 1) / (1 + symbols[Int(next() % 4)])
    default: return .squareRoot(symbols[Int(next() % 4)] * .momentum)
    }
  }
}
