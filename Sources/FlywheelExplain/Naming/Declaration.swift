public import FlywheelOptim

/// What a person says of a trainer, in the words of its code: the numbers that stand there, and the sizes.
///
/// A declared number is taken as given. What is not declared is solved for.
public struct Declaration: Sendable, Hashable {
  /// The learning rate, lr.
  public var learningRate: Double?
  /// The momentum coefficient μ.
  public var momentum: Double?
  /// The number that the code calls weight decay, λ.
  public var weightDecay: Double?
  /// The size of a mini-batch, m.
  public var batchSize: Int?
  /// The size of the training set, n.
  public var trainingSize: Int?
  /// Whether the dumped gradient is a sum over the mini-batch rather than a mean.
  public var isGradientSummed: Bool

  /// Creates a declaration; what is not given is not known.
  public init(
    learningRate: Double? = nil,
    momentum: Double? = nil,
    weightDecay: Double? = nil,
    batchSize: Int? = nil,
    trainingSize: Int? = nil,
    isGradientSummed: Bool = false
  ) {
    self.learningRate = learningRate
    self.momentum = momentum
    self.weightDecay = weightDecay
    self.batchSize = batchSize
    self.trainingSize = trainingSize
    self.isGradientSummed = isGradientSummed
  }
}

extension Declaration {
  /// The declared numbers that a rule takes.
  ///
  /// - Parameter rule: The rule.
  /// - Returns: Its learning rate, momentum and weight decay, as far as they are declared.
  public func numbers(of rule: UpdateRule) -> Hyperparameters {
    let taken = Set(rule.hyperparameters.map(\.name))
    let decay: Hyperparameter = taken.contains(.weightDecay) ? .weightDecay : .l2
    let all: [(Hyperparameter, Double?)] = [
      (.learningRate, learningRate), (.momentum, momentum), (decay, weightDecay),
    ]
    var numbers = Hyperparameters()
    for (name, value) in all where taken.contains(name) {
      if let value { numbers[name] = .number(value) }
    }
    return numbers
  }

  /// Whether any number is declared.
  var hasNumbers: Bool { learningRate != nil || momentum != nil || weightDecay != nil }
}
