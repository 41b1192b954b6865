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
  /// The square root of a formula.
  case squareRoot(Formula)

  /// What a formula may speak of, in the letters of the literature.
  public enum Symbol: String, Sendable, Hashable, CaseIterable {
    /// The learning rate.
    case learningRate = "lr"
    /// The momentum coefficient μ.
    case momentum = "mu"
    /// The dampening τ.
    case dampening = "tau"
    /// What the first moment keeps, β₁.
    case beta1 = "b1"
    /// What the second moment keeps, β₂.
    case beta2 = "b2"
    /// What RMSprop's mean of squares keeps, α.
    case alpha
    /// What keeps a denominator from zero, ε.
    case epsilon = "eps"
    /// The number that a user types as weight decay, λ.
    case weightDecay = "lambda"
    /// The coefficient of a penalty λ Σ w²: of weights or of biases, whichever the parameter is.
    case l2
    /// What is added to the corrected second moment under the root.
    case epsilonRoot = "eps_root"
    /// How fast Adagrad's learning rate falls, η.
    case learningRateDecay = "eta"
    /// What Adagrad's sum of squares starts from.
    case initialAccumulator = "s0"
    /// The number of the step, from 1.
    case step = "t"
    /// 1 if the step climbs, else 0.
    case maximize
    /// 1 if RMSprop divides by the deviation, else 0.
    case centered
    /// 1 if Adam divides by the largest second moment so far, else 0.
    case amsgrad
    /// The bias correction of the first moment at step t, c₁ = 1 − β₁ᵗ.
    case firstCorrection = "c1"
    /// The bias correction of the second moment at step t, c₂ = 1 − β₂ᵗ.
    case secondCorrection = "c2"
    /// The size of the mini-batch.
    case batchSize = "m"
    /// The size of the training set.
    case trainingSize = "n"

    /// The hyperparameter that the symbol stands for; nil for what follows from step and data.
    public var hyperparameter: Hyperparameter? {
      switch self {
      case .learningRate: .learningRate
      case .momentum: .momentum
      case .dampening: .dampening
      case .beta1: .beta1
      case .beta2: .beta2
      case .alpha: .alpha
      case .epsilon: .epsilon
      case .weightDecay: .weightDecay
      case .l2: .l2
      case .epsilonRoot: .epsilonRoot
      case .learningRateDecay: .learningRateDecay
      case .initialAccumulator: .initialAccumulator
      case .maximize: .maximize
      case .centered: .centered
      case .amsgrad: .amsgrad
      case .firstCorrection, .secondCorrection, .step, .batchSize, .trainingSize: nil
      }
    }
  }

  /// The learning rate.
  public static let learningRate = Formula.symbol(.learningRate)
  /// The momentum coefficient μ.
  public static let momentum = Formula.symbol(.momentum)
  /// The dampening τ.
  public static let dampening = Formula.symbol(.dampening)
  /// What the first moment keeps, β₁.
  public static let beta1 = Formula.symbol(.beta1)
  /// What the second moment keeps, β₂.
  public static let beta2 = Formula.symbol(.beta2)
  /// What RMSprop's mean of squares keeps, α.
  public static let alpha = Formula.symbol(.alpha)
  /// What keeps a denominator from zero, ε.
  public static let epsilon = Formula.symbol(.epsilon)
  /// The weight decay λ.
  public static let weightDecay = Formula.symbol(.weightDecay)
  /// The coefficient of a penalty λ Σ w².
  public static let l2 = Formula.symbol(.l2)
  /// What is added to the corrected second moment under the root.
  public static let epsilonRoot = Formula.symbol(.epsilonRoot)
  /// How fast Adagrad's learning rate falls, η.
  public static let learningRateDecay = Formula.symbol(.learningRateDecay)
  /// What Adagrad's sum of squares starts from.
  public static let initialAccumulator = Formula.symbol(.initialAccumulator)
  /// The number of the step, from 1.
  public static let step = Formula.symbol(.step)
  /// 1 if the step climbs, else 0.
  public static let maximize = Formula.symbol(.maximize)
  /// 1 if RMSprop divides by the deviation, else 0.
  public static let centered = Formula.symbol(.centered)
  /// 1 if Adam divides by the largest second moment so far, else 0.
  public static let amsgrad = Formula.symbol(.amsgrad)
  /// The bias correction of the first moment, c₁ = 1 − β₁ᵗ.
  public static let firstCorrection = Formula.symbol(.firstCorrection)
  /// The bias correction of the second moment, c₂ = 1 − β₂ᵗ.
  public static let secondCorrection = Formula.symbol(.secondCorrection)
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
    case .squareRoot(let operand): operand.evaluate(value).squareRoot()
    }
  }
}

extension Formula {
  /// The formula with what is known put in, and whatever can be computed then computed.
  ///
  /// - Parameter value: The value of a symbol; nil for one that stays open.
  /// - Returns: A formula that evaluates to the same bits.
  public func substituting(_ value: (Symbol) -> Double?) -> Formula {
    switch self {
    case .constant: self
    case .symbol(let symbol): value(symbol).map { .constant($0) } ?? self
    case .sum(let left, let right):
      Formula.sum(left.substituting(value), right.substituting(value)).folded
    case .product(let left, let right):
      Formula.product(left.substituting(value), right.substituting(value)).folded
    case .quotient(let left, let right):
      Formula.quotient(left.substituting(value), right.substituting(value)).folded
    case .squareRoot(let operand): Formula.squareRoot(operand.substituting(value)).folded
    }
  }

  /// The constant that the formula is, if its operands are.
  private var folded: Formula {
    switch self {
    case .sum(.constant, .constant), .product(.constant, .constant),
      .quotient(.constant, .constant), .squareRoot(.constant):
      .constant(evaluate { _ in .nan })
    default: self
    }
  }
}

extension Formula {
  /// Whether the formula speaks of a symbol.
  ///
  /// - Parameter symbol: The symbol.
  /// - Returns: Whether it occurs.
  public func mentions(_ symbol: Symbol) -> Bool {
    switch self {
    case .constant: false
    case .symbol(let own): own == symbol
    case .sum(let left, let right), .product(let left, let right), .quotient(let left, let right):
      left.mentions(symbol) || right.mentions(symbol)
    case .squareRoot(let operand): operand.mentions(symbol)
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
