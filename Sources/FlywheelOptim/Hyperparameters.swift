/// The numbers and switches that a user sets for a group of parameters, in the words of their
/// framework.
///
/// What they mean is the rule's business: the same `weight_decay` is a gradient term in one rule and
/// is divided by the size of the training set in another. What is not set is off: a number is 0, a
/// switch is false.
public struct Hyperparameters: Sendable, Hashable {
  /// What is set, in no order.
  public private(set) var values: [Hyperparameter: Value]

  /// What a hyperparameter may be.
  public enum Value: Sendable, Hashable {
    /// A number.
    case number(Double)
    /// A switch.
    case flag(Bool)

    /// The number; of a switch 1 for on and 0 for off, as formulas take it.
    public var number: Double {
      switch self {
      case .number(let number): number
      case .flag(let flag): flag ? 1 : 0
      }
    }

    /// Whether it is as good as not set.
    public var isOff: Bool { number == 0 }
  }

  /// Creates a set of hyperparameters.
  ///
  /// - Parameter values: What is set.
  public init(_ values: [Hyperparameter: Value] = [:]) {
    self.values = values
  }

  /// Creates the hyperparameters of SGD; what is not given is off.
  public init(
    learningRate: Double,
    momentum: Double = 0,
    dampening: Double = 0,
    weightDecay: Double = 0,
    nesterov: Bool = false
  ) {
    self.init([
      .learningRate: .number(learningRate),
      .momentum: .number(momentum),
      .dampening: .number(dampening),
      .weightDecay: .number(weightDecay),
      .nesterov: .flag(nesterov),
    ])
  }

  /// What a hyperparameter is set to; nil if it is not set.
  public subscript(name: Hyperparameter) -> Value? {
    get { values[name] }
    set { values[name] = newValue }
  }

  /// The number that a hyperparameter stands for in formulas; 0 if it is not set.
  ///
  /// - Parameter name: The hyperparameter.
  /// - Returns: The number; of a switch 1 or 0.
  public func number(_ name: Hyperparameter) -> Double { values[name]?.number ?? 0 }

  /// What is set, the well-known names first, the others in alphabetical order.
  public var ordered: [(name: Hyperparameter, value: Value)] {
    let others = values.keys.filter { !Hyperparameter.wellKnown.contains($0) }
      .sorted { $0.rawValue < $1.rawValue }
    return (Hyperparameter.wellKnown + others).compactMap { name in
      values[name].map { (name, $0) }
    }
  }

  /// These with others put over them.
  ///
  /// - Parameter others: What wins where both are set.
  /// - Returns: The union.
  public func merging(_ others: Hyperparameters) -> Hyperparameters {
    Hyperparameters(values.merging(others.values) { $1 })
  }
}

extension Hyperparameters {
  /// The learning rate.
  public var learningRate: Double {
    get { number(.learningRate) }
    set { values[.learningRate] = .number(newValue) }
  }
  /// The momentum coefficient μ.
  public var momentum: Double { number(.momentum) }
  /// The dampening τ of PyTorch's SGD.
  public var dampening: Double { number(.dampening) }
  /// The weight decay λ.
  public var weightDecay: Double { number(.weightDecay) }
  /// Whether the step looks ahead along the buffer.
  public var nesterov: Bool { number(.nesterov) != 0 }
}
