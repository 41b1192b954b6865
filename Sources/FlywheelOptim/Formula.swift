/// An expression in a step's hyperparameters: data that can be evaluated and compared.
///
/// Update rules are tables of formulas, so that a rule is a value and not a code path.
public indirect enum Formula: Sendable, Hashable {
  /// A number.
  case constant(Double)
  /// A hyperparameter or a size.
  case symbol(Symbol)
  /// The sum of two formulas.
  case sum(Formula, Formula)
  /// The product of two formulas.
  case product(Formula, Formula)
  /// The quotient of two formulas.
  case quotient(Formula, Formula)

  /// What a formula may speak of, in the letters of the literature.
  public enum Symbol: String, Sendable, Hashable, CaseIterable {
    /// The learning rate.
    case learningRate = "lr"
    /// The momentum coefficient μ.
    case momentum = "mu"
    /// The dampening τ.
    case dampening = "tau"
    /// The number that a user types as weight decay, λ.
    case weightDecay = "lambda"
    /// The size of the mini-batch.
    case batchSize = "m"
    /// The size of the training set.
    case trainingSize = "n"
  }

  /// The learning rate.
  public static let learningRate = Formula.symbol(.learningRate)
  /// The momentum coefficient μ.
  public static let momentum = Formula.symbol(.momentum)
  /// The dampening τ.
  public static let dampening = Formula.symbol(.dampening)
  /// The weight decay λ.
  public static let weightDecay = Formula.symbol(.weightDecay)
  /// The size of the mini-batch.
  public static let batchSize = Formula.symbol(.batchSize)
  /// The size of the training set.
  public static let trainingSize = Formula.symbol(.trainingSize)

  /// The value of the formula.
  ///
  /// - Parameter value: The value of each symbol.
  /// - Returns: The value.
  public func evaluate(_ value: (Symbol) -> Double) -> Double {
    switch self {
    case .constant(let number): number
    case .symbol(let symbol): value(symbol)
    case .sum(let left, let right): left.evaluate(value) + right.evaluate(value)
    case .product(let left, let right): left.evaluate(value) * right.evaluate(value)
    case .quotient(let left, let right): left.evaluate(value) / right.evaluate(value)
    }
  }
}

extension Formula: ExpressibleByIntegerLiteral {
  /// Creates a constant.
  ///
  /// - Parameter value: The number.
  public init(integerLiteral value: Int) {
    self = .constant(Double(value))
  }
}

extension Formula {
  /// The sum of two formulas.
  public static func + (left: Formula, right: Formula) -> Formula { .sum(left, right) }
  /// The difference of two formulas.
  public static func - (left: Formula, right: Formula) -> Formula { .sum(left, -right) }
  /// The product of two formulas.
  public static func * (left: Formula, right: Formula) -> Formula { .product(left, right) }
  /// The quotient of two formulas.
  public static func / (left: Formula, right: Formula) -> Formula { .quotient(left, right) }
  /// The formula with the other sign.
  public static prefix func - (operand: Formula) -> Formula { .product(-1, operand) }
}
