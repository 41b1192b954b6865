import FlywheelCore
import FlywheelOptim

/// The numbers of every step of a run: learning rates by the schedule, coefficients by the rule.
///
/// Only what changes from step to step is evaluated anew: a step may take no longer than this would.
struct StepNumbers {
  private let schedule: Schedule
  private let initialRates: [Double]
  private var prepared: Prepared
  private let prepare: (_ hasBuffers: Bool) -> Prepared
  private let corrections: (_ step: Int) -> [(first: Double, second: Double)]
  /// Which groups' momentum follows the learning rate, and where theirs lives; nil for those that do not.
  private let momentumCorrections: [LearningRatePlacement?]
  private var rule: ResolvedRule
  /// For what `rule` holds its numbers; nil before the first step.
  private var current: Circumstances?

  /// What the coefficients of an SGD-like step depend on.
  private struct Circumstances: Equatable {
    var factor: Double
    var hasBuffers: Bool
    var batch: Int
    /// Of the step before, where momentum follows them.
    var lastRates: [Double?]
  }

  /// Coefficients in what may change every step, laid out as `ResolvedRule` has them.
  private enum Prepared {
    case sgd([SGDForm<Formula>])
    case adaptive([AdaptiveForm<Formula>])
  }

  /// The numbers of a run.
  init(
    _ plan: OptimizerPlan,
    schedule: Schedule,
    clipping: GradientClipping?,
    sizes: TrainingSizes
  ) {
    let groups = plan.grouping.hyperparameters
    self.schedule = schedule
    initialRates = groups.map(\.learningRate)
    momentumCorrections = groups.map { group in
      guard case .sgd(let rule) = plan.rule, group.number(.momentumCorrection) != 0 else {
        return nil
      }
      return rule.form(group).learningRatePlacement
    }
    needsLastRates = momentumCorrections.contains { $0 != nil }
    corrections = { step in
      guard case .adaptive(let rule) = plan.rule else { return [] }
      return groups.map { rule.corrections($0, sizes: sizes, step: step) }
    }
    prepare = { hasBuffers in
      switch plan.rule {
      case .sgd(let rule):
        .sgd(
          groups.flatMap { group in
            [true, false].map {
              rule.prepare(group, sizes: sizes, hasBuffer: hasBuffers, isWeight: $0)
            }
          }
        )
      case .adaptive(let rule):
        .adaptive(
          groups.flatMap { group in
            [true, false].map { rule.prepare(group, sizes: sizes, isWeight: $0) }
          }
        )
      }
    }
    prepared = prepare(false)
    rule = ResolvedRule(forms: .sgd([]), clipping: clipping)
  }

  /// Whether a step depends on the learning rates of the one before.
  let needsLastRates: Bool

  /// The learning rate of each group, for the step that comes after so many.
  ///
  /// - Parameters:
  ///   - steps: How many steps are done.
  ///   - epochs: How many whole epochs are done.
  /// - Returns: The rates.
  func learningRates(afterSteps steps: Int, epochs: Int) -> [Double] {
    let factor = factor(steps, epochs)
    return initialRates.map { $0 * factor }
  }

  /// The coefficients of the step that comes after so many.
  ///
  /// - Parameters:
  ///   - steps: How many steps are done.
  ///   - epochs: How many whole epochs are done.
  ///   - hasBuffers: Whether parameters have buffers from a step before.
  ///   - batch: The size of this step's mini-batch.
  ///   - lastRates: The learning rate of each group in the last step, nil where there was none; empty
  ///     unless `needsLastRates`.
  /// - Throws: `unsupported` if momentum cannot follow the learning rates to or from 0.
  /// - Returns: The coefficients.
  mutating func rule(
    afterSteps steps: Int,
    epochs: Int,
    hasBuffers: Bool,
    batch: Int,
    lastRates: [Double?]
  ) throws(FlywheelError) -> ResolvedRule {
    let factor = factor(steps, epochs)
    let now = Circumstances(
      factor: factor,
      hasBuffers: hasBuffers,
      batch: batch,
      lastRates: lastRates
    )
    if current?.hasBuffers != hasBuffers { prepared = prepare(hasBuffers) }
    let isSame = current == now
    current = now
    switch prepared {
    case .sgd(let forms):
      guard !isSame else { return rule }
      rule.forms = .sgd(
        try forms.enumerated().map { place, form throws(FlywheelError) in
          try resolved(form, group: place / 2, now)
        }
      )
    case .adaptive(let forms):
      let corrections = corrections(steps + 1)
      rule.forms = .adaptive(
        forms.enumerated().map { place, form in
          let rate = initialRates[place / 2] * factor
          let correction = corrections[place / 2]
          return form.map { formula in
            formula.evaluate { symbol in
              switch symbol {
              case .firstCorrection: correction.first
              case .secondCorrection: correction.second
              case .batchSize: Double(batch)
              case .step: Double(steps + 1)
              default: rate
              }
            }
          }
        }
      )
    }
    return rule
  }

  /// The coefficients of a group's SGD-like step, as kernels take them.
  private func resolved(
    _ form: SGDForm<Formula>,
    group: Int,
    _ now: Circumstances
  ) throws(FlywheelError) -> SGDForm<Double> {
    let rate = initialRates[group] * now.factor
    var resolved = form.map { formula in
      formula.evaluate { $0 == .batchSize ? Double(now.batch) : rate }
    }.withoutOldBuffer
    if resolved.a != 0, let placement = momentumCorrections[group],
      now.lastRates.indices.contains(group), let last = now.lastRates[group]
    {
      resolved.a *= try placement.momentumCorrection(rate: rate, last: last)
    }
    return resolved
  }

  private func factor(_ steps: Int, _ epochs: Int) -> Double {
    schedule.factor(after: schedule.unit == .step ? steps : epochs)
  }
}
