/// What the numbers of an SGD-like rule come to, which is what one wants to compare.
public struct RunMeaning: Sendable, Hashable {
  /// What decides which weights come out.
  public let invariants: RunInvariants
  /// How much of the last step is kept, but for decay.
  public let momentum: Double
  /// How far a weight moves a step, in the end, for a steady gradient of 1, but for decay.
  public let steadyRate: Double
  /// The λ of the penalty λ/2 w² that is minimised together with the loss.
  public let penalty: Double
  /// What a weight without gradient loses a step; nil if it swings around 0.
  public let idleShrink: Double?

  /// Reads a form.
  ///
  /// - Parameters:
  ///   - form: The form.
  ///   - undecayed: The same without decay.
  public init(_ form: NormalForm, undecayed: NormalForm) {
    invariants = form.invariants
    momentum = undecayed.invariants.determinant
    steadyRate = undecayed.steadyRate
    penalty = form.penalty
    idleShrink = form.idleShrink
  }

  /// Reads a rule with numbers; nil for the Adam family, and where a size is not known.
  ///
  /// - Parameter use: The rule.
  public init?(_ use: RuleUse) {
    guard case .sgd(let rule) = use.rule, let sizes = use.sizes else { return nil }
    func form(_ hyperparameters: Hyperparameters) -> NormalForm {
      rule.resolve(hyperparameters, sizes: sizes, hasBuffer: true, isWeight: use.isWeight)
        .normalForm
    }
    var free = use.hyperparameters
    for name in [Hyperparameter.weightDecay, .l2, .biasL2] where free[name] != nil {
      free[name] = .number(0)
    }
    self.init(form(use.hyperparameters), undecayed: form(free))
  }

  /// Whether the step looks ahead along its buffer.
  public var looksAhead: Bool { invariants.laggedGradient != 0 }

  /// Something that a person sees differ between two rules.
  public enum Difference: Sendable, Hashable {
    /// How far a steady gradient moves a weight.
    case steadyRate(Double, Double)
    /// How much of the last step goes on.
    case momentum(Double, Double)
    /// Only one looks ahead: whether it is the first.
    case lookAhead(isFirst: Bool)
    /// How much a weight without gradient shrinks.
    case idleShrink(Double, Double)
    /// A weight without gradient swings around 0 in one only: whether it is the first.
    case swinging(isFirst: Bool)
  }

  /// What a person sees differ.
  ///
  /// - Parameters:
  ///   - other: The second rule.
  ///   - share: What part of a number is no difference.
  /// - Returns: The differences, the learning rate's first.
  public func differences(from other: RunMeaning, beyond share: Double = 1e-9) -> [Difference] {
    let isOther = { (left: Double, right: Double) in
      abs(left - right) > share * max(abs(left), abs(right))
    }
    var found: [Difference] = []
    if isOther(steadyRate, other.steadyRate) {
      found.append(.steadyRate(steadyRate, other.steadyRate))
    }
    if isOther(momentum, other.momentum) { found.append(.momentum(momentum, other.momentum)) }
    if looksAhead != other.looksAhead { found.append(.lookAhead(isFirst: looksAhead)) }
    switch (idleShrink, other.idleShrink) {
    case (let left?, let right?) where isOther(left, right):
      found.append(.idleShrink(left, right))
    case (nil, _?): found.append(.swinging(isFirst: true))
    case (_?, nil): found.append(.swinging(isFirst: false))
    default: break
    }
    return found
  }
}
