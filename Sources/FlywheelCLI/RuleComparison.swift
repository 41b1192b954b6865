import FlywheelCore
import FlywheelOptim

/// Two rules with numbers, held against each other for weights or for biases.
///
/// Are they the same run, and if not, what would the second have to be?
struct RuleComparison {
  /// The two uses.
  let first: RuleUse
  let second: RuleUse
  /// The second with its own numbers, from the first step on.
  let asGiven: RuleConversion
  /// The second with the numbers that it would need, for a run that has begun.
  let conversion: RuleConversion
  /// The numbers of the second that it takes.
  private(set) var needed: Hyperparameters

  init(_ first: RuleUse, _ second: RuleUse) throws(FlywheelError) {
    (self.first, self.second) = (first, second)
    asGiven = try RuleConversion(
      first,
      to: second.rule,
      with: second.hyperparameters,
      at: ConversionMoment(step: 0, hasBuffer: false)
    )
    conversion = try RuleConversion(
      first,
      to: second.rule,
      at: ConversionMoment(step: 1, hasBuffer: true)
    )
    needed = conversion.target.hyperparameters
  }

  /// Whether both make the same weights of the same gradients, from the first step on, as they are.
  ///
  /// A second one that would have to begin with a buffer or with another step count is not as it is.
  var isSame: Bool {
    asGiven.verdict.isExact(whenRateIsConstant: true) && asGiven.buffers.isEmpty
      && asGiven.step == 0
  }

  /// Both with one set of numbers to go on with, if one does for weights and for biases.
  func merging(_ biases: RuleComparison) -> (weights: RuleComparison, biases: RuleComparison)? {
    guard let common = conversion.numbers(with: biases.conversion) else { return nil }
    var both = (weights: self, biases: biases)
    both.weights.needed = common
    both.biases.needed = common
    return both
  }
}
