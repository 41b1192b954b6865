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
  ///
  /// A number that the one does not feel is the other's to decide, such as a penalty on biases only.
  func merging(_ biases: RuleComparison) -> (weights: RuleComparison, biases: RuleComparison)? {
    let isPossible = [conversion, biases.conversion].allSatisfy {
      if case .impossible = $0.verdict { false } else { true }
    }
    let (own, others) = (
      conversion.target.hyperparameters, biases.conversion.target.hyperparameters
    )
    var common = own
    for (name, value) in others.ordered {
      if conversion.free.contains(name) {
        common[name] = value
      } else if !biases.conversion.free.contains(name), own[name] != value {
        return nil
      }
    }
    guard isPossible else { return nil }
    var both = (weights: self, biases: biases)
    both.weights.needed = common
    both.biases.needed = common
    return both
  }
}
