import FlywheelExplain
import FlywheelOptim
import Testing

struct RuleNamingTests {
  /// Every SGD-like preset with numbers, with its look-ahead and without.
  static let cases = UpdateRule.presets.flatMap { rule -> [(SGDRule, Hyperparameters)] in
    guard case .sgd(let sgd) = rule else { return [] }
    return (sgd.nesterovForm == nil ? [false] : [false, true]).map { looksAhead in
      var numbers = Hyperparameters()
      for definition in sgd.hyperparameters {
        switch definition.name {
        case .learningRate: numbers[.learningRate] = .number(0.02)
        case .momentum: numbers[.momentum] = .number(0.8)
        case .weightDecay:
          // Over the training set, a decay has to be large to be seen.
          numbers[.weightDecay] = .number(UpdateRule.sgd(sgd).mentions(.trainingSize) ? 500 : 0.1)
        case .nesterov: numbers[.nesterov] = .flag(looksAhead)
        default: break
        }
      }
      return (sgd, numbers)
    }
  }

  static let sizes = Declaration(batchSize: 32, trainingSize: 50_000)

  func name(
    of rule: SGDRule,
    _ numbers: Hyperparameters,
    in names: [RuleName]
  ) -> RuleName? {
    names.first { $0.rule == .sgd(rule) && $0.hyperparameters.nesterov == numbers.nesterov }
  }

  func isSame(_ found: Hyperparameters, _ numbers: Hyperparameters) -> Bool {
    found.ordered.allSatisfy { name, value in
      abs(value.number - numbers.number(name)) <= 1e-3 * abs(numbers.number(name))
    }
  }

  @Test("A rule is named by all six numbers, and its own numbers come out", arguments: cases)
  func exact(rule: SGDRule, numbers: Hyperparameters) throws {
    let measured = Measured.rule(rule, numbers)
    let naming = RuleNaming(measured, declaration: Self.sizes)
    let found = try #require(name(of: rule, numbers, in: naming.names))
    let hasNumbers = isSame(found.hyperparameters, numbers)
    #expect(found.match == .numbers && hasNumbers)
    let open = naming.names.flatMap { $0.match == .numbers ? $0.open : [] }
    #expect(open.isEmpty)
  }

  @Test("Noise within the errors does not hide a rule", arguments: cases)
  func noisy(rule: SGDRule, numbers: Hyperparameters) throws {
    let measured = Measured.rule(rule, numbers, error: 1e-6) { [1.5, -2, 0.5, -1, 2, 1][$0] }
    let naming = RuleNaming(measured, declaration: Self.sizes)
    let found = try #require(name(of: rule, numbers, in: naming.names))
    let hasNumbers = isSame(found.hyperparameters, numbers)
    #expect(found.match == .numbers && hasNumbers)
  }

  @Test("Without velocities a rule is named by its run", arguments: cases)
  func runs(rule: SGDRule, numbers: Hyperparameters) throws {
    let measured = Measured.rule(rule, numbers, evidence: .withoutVelocity)
    let naming = RuleNaming(measured, declaration: Self.sizes)
    let found = try #require(name(of: rule, numbers, in: naming.names))
    // A dampened velocity with a larger rate is the same run.
    let isDampened = found.hyperparameters.dampening != 0
    let hasNumbers = isDampened || isSame(found.hyperparameters, numbers)
    #expect(found.match == .run && hasNumbers)
  }
}
