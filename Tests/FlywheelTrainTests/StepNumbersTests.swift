import FlywheelCore
import FlywheelOptim
import Testing

@testable import FlywheelTrain

/// What is brought up to date from step to step against what is resolved from scratch.
@Suite("The numbers of a step")
struct StepNumbersTests {
  private static let sizes = TrainingSizes(batch: 5, training: 20)

  private static let schedules: [Schedule] = [
    .constant, Schedule(shape: .step(every: 2, factor: 0.5), unit: .epoch),
    Schedule(shape: .cosine(over: 9, end: 0.1), unit: .step, warmup: .init(over: 3, start: 0)),
  ]

  @Test("They are those that each rule resolves", arguments: UpdateRule.presets, schedules)
  func numbers(rule: UpdateRule, schedule: Schedule) throws {
    var configuration = try TrainingConfiguration()
    // Whatever number can be a decay is one, another one for biases.
    let decays = rule.hyperparameters.map(\.name)
      .filter { [.weightDecay, .l2, .biasL2].contains($0) }
    try configuration.use(
      rule,
      Hyperparameters(Dictionary(uniqueKeysWithValues: decays.map { ($0, .number(0.25)) }))
    )
    var override = Hyperparameters(learningRate: 0.5).values.filter { $0.key == .learningRate }
    for name in decays { override[name] = .number(0.125) }
    configuration.groups = [
      ParameterGroupOverride(parameters: ["*.bias"], hyperparameters: Hyperparameters(override))
    ]
    configuration.schedule = schedule
    let plan = try OptimizerPlan(configuration)
    var numbers = StepNumbers(
      plan,
      schedule: schedule,
      clipping: configuration.clipping,
      sizes: Self.sizes
    )
    for step in 0..<20 {
      let epochs = step / 4
      // The last batch of an epoch is short.
      let batch = step % 4 == 3 ? 2 : Self.sizes.batch
      let found = try numbers.rule(
        afterSteps: step,
        epochs: epochs,
        hasBuffers: step > 0,
        batch: batch,
        lastRates: []
      )
      let factor = schedule.factor(after: schedule.unit == .step ? step : epochs)
      let groups = plan.grouping.hyperparameters.map { group in
        var group = group
        group.learningRate *= factor
        return group
      }
      #expect(
        numbers.learningRates(afterSteps: step, epochs: epochs) == groups.map(\.learningRate)
      )
      let kinds = groups.flatMap { group in [(group, true), (group, false)] }
      switch (rule, found.forms) {
      case (.sgd(let rule), .sgd(let forms)):
        let expected = kinds.map { group, isWeight in
          rule.resolve(
            group,
            sizes: Self.sizes,
            batch: batch,
            hasBuffer: step > 0,
            isWeight: isWeight
          )
          .withoutOldBuffer
        }
        #expect(forms == expected)
      case (.adaptive(let rule), .adaptive(let forms)):
        let expected = kinds.map { group, isWeight in
          rule.resolve(
            group,
            sizes: Self.sizes,
            batch: batch,
            step: step + 1,
            isWeight: isWeight
          )
        }
        #expect(forms == expected)
      default: Issue.record("another family of rules")
      }
    }
  }

  @Test(
    "Momentum that follows the rate makes the run of the other placement",
    arguments: [("pytorch", "nielsen"), ("nielsen", "pytorch"), ("keras", "pytorch")],
    [false, true]
  )
  func momentumCorrection(rules: (String, String), nesterov: Bool) throws {
    guard !nesterov || rules != ("pytorch", "nielsen") && rules.0 != "nielsen" else { return }
    let schedule = Schedule(shape: .cosine(over: 9, end: 0.1), unit: .step)
    let (other, corrected, plain) = (
      try weights(rules.1, schedule, corrected: false, nesterov: nesterov),
      try weights(rules.0, schedule, corrected: true, nesterov: nesterov),
      try weights(rules.0, schedule, corrected: false, nesterov: nesterov)
    )
    for (expected, found) in zip(other, corrected) { #expect(abs(expected - found) < 1e-14) }
    // Left alone it is another run.
    #expect(zip(other, plain).contains { abs($0 - $1) > 1e-3 })
  }

  @Test(
    "Momentum follows a rate from 0 where the velocity does not hold it, and to 0 where it does",
    arguments: [("pytorch", "nielsen", fromZero), ("nielsen", "pytorch", toZero)]
  )
  func momentumAtRateOfZero(rule: String, other: String, schedule: Schedule) throws {
    let expected = try weights(other, schedule, corrected: false)
    let found = try weights(rule, schedule, corrected: true)
    for (expected, found) in zip(expected, found) { #expect(abs(expected - found) < 1e-14) }
    #expect(Set(expected).count >= 4)
  }

  @Test(
    "Where no momentum can follow the rate the step is refused, naming both rates",
    arguments: [
      ("nielsen", fromZero, "from 0.0 to 0.125"), ("pytorch", toZero, "from 0.0625 to 0.0"),
    ]
  )
  func unreachableMomentum(rule: String, schedule: Schedule, rates: String) throws {
    let error = #expect(throws: FlywheelError.self) {
      _ = try weights(rule, schedule, corrected: true)
    }
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains(rates) == true)
    #expect(throws: Never.self) { try weights(rule, schedule, corrected: true, momentum: 0) }
  }

  private static let fromZero = Schedule(
    shape: .constant,
    unit: .step,
    warmup: .init(over: 2, start: 0)
  )
  private static let toZero = Schedule(shape: .linear(over: 4, end: 0), unit: .step)

  /// Where a weight is after each of twenty steps.
  private func weights(
    _ name: String,
    _ schedule: Schedule,
    corrected: Bool,
    momentum: Double = 0.9,
    nesterov: Bool = false
  ) throws -> [Double] {
    var configuration = try TrainingConfiguration()
    var given: [Hyperparameter: Hyperparameters.Value] = [
      .learningRate: .number(0.25), .momentum: .number(momentum),
      .momentumCorrection: .flag(corrected),
    ]
    if nesterov { given[.nesterov] = .flag(true) }
    try configuration.use(try UpdateRule.named(name), Hyperparameters(given))
    let plan = try OptimizerPlan(configuration)
    var numbers = StepNumbers(plan, schedule: schedule, clipping: nil, sizes: Self.sizes)
    var (w, v) = (0.7, 0.0)
    return try (0..<20).map { step in
      let rule = try numbers.rule(
        afterSteps: step,
        epochs: 0,
        hasBuffers: step > 0,
        batch: Self.sizes.batch,
        lastRates: step == 0 ? [] : numbers.learningRates(afterSteps: step - 1, epochs: 0)
      )
      guard case .sgd(let forms) = rule.forms else { throw CancellationError() }
      let (form, g) = (forms[0], w + 0.1)
      v = form.a * v + form.b * g + form.c * w
      w += form.d * v + form.f * g + form.h * w
      return w
    }
  }
}
