public import FlywheelCheckpoint
import FlywheelConvert
import FlywheelCore
public import FlywheelOptim

/// How parameters' optimizer state on the second side is said in the convention of the first.
public struct StateTranslation: Sendable {
  /// The parameters that it is about, by the first side's names.
  public internal(set) var parameters: [String]
  /// The first side's numbers.
  public let first: ParameterGroup
  /// The second side's numbers, in its own convention.
  public let second: ParameterGroup
  /// The numbers of the second side in the first's convention, without those that nobody feels; nil if
  /// they cannot be said so.
  public let converted: Hyperparameters?
  /// How buffers are converted; nil if they are compared as they are, or not at all.
  public let conversion: RuleConversion?
  /// Whether both sides' rules, with their numbers, go on in the same way.
  public let isSameRule: Bool
  /// Why buffers cannot be compared; nil if they can.
  public let obstacle: String?

  /// What one parameter is on both sides.
  struct Subject: Hashable {
    var firstGroup: Int
    var secondGroup: Int
    var isWeight: Bool
    var hasBuffer: Bool
  }

  /// Finds out how to say the second side's state in the first side's convention.
  ///
  /// - Parameters:
  ///   - subject: What is to be said.
  ///   - first: The first side's state.
  ///   - second: The second side's state.
  ///   - tolerances: What numbers may differ by.
  /// - Throws: What `RuleConversion` throws.
  init(
    _ subject: Subject,
    _ first: Checkpoint,
    _ second: Checkpoint,
    _ tolerances: Tolerances
  ) throws(FlywheelError) {
    let (optimizer, other) = (first.optimizer, second.optimizer)
    parameters = []
    let group = other.groups[subject.secondGroup]
    (self.first, self.second) = (optimizer.groups[subject.firstGroup], group)
    let numbers = self.first.hyperparameters
    let isSameWords = optimizer.rule == other.rule && optimizer.gradient == other.gradient
    if isSameWords, Self.isSame(numbers, group.hyperparameters, tolerances) {
      (converted, conversion, isSameRule, obstacle) = (group.hyperparameters, nil, true, nil)
      return
    }
    let reason: String
    if let rule = UpdateRule.preset(optimizer.rule), let source = UpdateRule.preset(other.rule),
      optimizer.gradient == .mean, other.gradient == .mean
    {
      let use = RuleUse(
        rule: source,
        hyperparameters: group.hyperparameters,
        sizes: other.sizes ?? optimizer.sizes,
        isWeight: subject.isWeight
      )
      let isRateConstant = first.hasConstantRate && second.hasConstantRate
      let moment = ConversionMoment(
        step: other.step,
        hasBuffer: subject.hasBuffer,
        lastLearningRate: group.lastLearningRate,
        isRateConstant: isRateConstant
      )
      let asGiven = try RuleConversion(use, to: rule, with: numbers, at: moment)
      if asGiven.verdict.isExact(whenRateIsConstant: isRateConstant) {
        (converted, conversion, isSameRule, obstacle) = (numbers, asGiven, true, nil)
        return
      }
      // The same rule with other numbers: its buffers are what they are.
      if !isSameWords {
        let found = try RuleConversion(use, to: rule, at: moment)
        guard case .impossible(let words) = found.verdict else {
          var known = found.target.hyperparameters
          for name in found.free { known[name] = numbers[name] }
          let isSame =
            found.verdict.isExact(whenRateIsConstant: isRateConstant)
            && Self.isSame(numbers, known, tolerances)
          (converted, conversion, isSameRule, obstacle) = (known, found, isSame, nil)
          return
        }
        reason = words
      } else {
        reason = ""
      }
    } else {
      reason =
        optimizer.gradient == other.gradient
        ? "Flywheel does not know both rules, '\(optimizer.rule)' and '\(other.rule)'"
        : "one takes the mean of a mini-batch's gradients, the other their sum"
    }
    converted = isSameWords ? group.hyperparameters : nil
    conversion = nil
    isSameRule = false
    obstacle = isSameWords ? nil : reason
  }

  private static func isSame(
    _ first: Hyperparameters,
    _ second: Hyperparameters,
    _ tolerances: Tolerances
  ) -> Bool {
    first.values.count == second.values.count
      && first.values.allSatisfy { name, value in
        second[name].map { tolerances.allows(value.number, $0.number) } ?? false
      }
  }
}
