/// What the equations of a dump say under one rule: its numbers, and how well they fit.
struct AdaptiveFit {
  /// The equations.
  let model: AdaptiveModel
  /// How the learning rate goes from step to step.
  let rates: Rates
  /// The numbers.
  private(set) var guess: AdaptiveGuess
  /// The equations with these numbers, those that share a learning rate together.
  let blocks: [Block]
  /// Σ (residual / rounding)² over all equations.
  let misfit: Double
  /// How many equations say something.
  let rowCount: Int
  /// The places of the dumps that the steps begin at.
  let places: [Int]
  /// The largest √s.
  let largestRoot: Double
  private let targetSquare: Double
  private let roundingSquare: Double

  /// How the learning rate goes from step to step.
  enum Rates: Hashable {
    /// It stays, or follows a known law that the numbers do not hold, as a factor for each place.
    case known([Double]?)
    /// Each step has one of its own.
    case free
  }

  /// Equations that share a learning rate.
  struct Block {
    /// The left sides over their rounding.
    var target: [Double] = []
    /// The right sides, likewise.
    var columns: [[Double]] = [[], []]
    /// The coefficients: of the weights' equations the learning rate and the shrink.
    var solution = LeastSquares(columns: [], target: [])
  }

  /// Solves for the learning rate and the shrink.
  init(_ model: AdaptiveModel, _ guess: AdaptiveGuess, rates: Rates) {
    (self.model, self.guess, self.rates) = (model, guess, rates)
    let steps = model.steps(guess)
    places = steps.map(\.place)
    rowCount = steps.reduce(0) { $0 + $1.count }
    largestRoot = steps.map(\.largestRoot).max() ?? 0
    targetSquare = steps.reduce(0) { $0 + $1.targetSquare }
    roundingSquare = steps.reduce(0) { $0 + $1.roundingSquare }
    var blocks: [Block] = []
    for step in steps {
      if blocks.isEmpty || rates == .free { blocks.append(Block()) }
      var factor = 1.0
      if case .known(let law?) = rates, law.indices.contains(step.place) {
        factor = law[step.place]
      }
      let last = blocks.count - 1
      blocks[last].target += step.target
      for (place, column) in step.columns.enumerated() {
        let isScaled = factor != 1 && place == model.rateColumn
        blocks[last].columns[place] += isScaled ? column.map { factor * $0 } : column
      }
    }
    var misfit = 0.0
    for index in blocks.indices {
      let block = blocks[index]
      blocks[index].solution = LeastSquares(columns: block.columns, target: block.target)
      misfit += blocks[index].solution.residualSquare
    }
    self.blocks = blocks
    self.misfit = misfit
  }

  /// The fit of numbers that the trainer held rounded.
  ///
  /// - Parameter nominal: The numbers as they were given to it.
  /// - Returns: The same fit, under those numbers.
  func named(_ nominal: AdaptiveGuess) -> AdaptiveFit {
    var other = self
    other.guess = nominal
    return other
  }

  /// √(mean (residual/rounding)²): about 1 if the rule is right.
  var deviation: Double {
    rowCount == 0 ? .infinity : (misfit / Double(rowCount)).squareRoot()
  }

  /// √(Σ residual² / Σ of the left side²), as far as equations are alike.
  var fit: Measurement.Fit {
    let scale = targetSquare > 0 ? (roundingSquare / targetSquare).squareRoot() : 0
    return Measurement.Fit(
      residual: deviation * scale,
      rounding: scale,
      condition: blocks.map(\.solution.condition).max() ?? 1
    )
  }

  /// What one equation may be off for what all of a step are off together, such as a rounded learning rate.
  static let common = 0.02

  /// The standard deviation of an equation for errors: what is left of it, no less than rounding usually
  /// leaves, and what no number of equations averages out.
  var spread: Double {
    let own = max(deviation, 0.5)
    let shared = Self.common * Double(rowCount) / (Estimate.reach * Estimate.reach)
    return (own * own + shared).squareRoot()
  }

  /// What is left of the equations of a block, with what its coefficients make up taken away.
  static func residual(of block: Block, _ target: [Double]) -> [Double] {
    let solution = LeastSquares(columns: block.columns, target: target)
    return rest(of: target, block.columns, solution.coefficients)
  }

  /// A target without what columns with coefficients make up of it.
  static func rest(
    of target: [Double],
    _ columns: [[Double]],
    _ coefficients: [Double]
  ) -> [Double] {
    var rest = target
    for (column, coefficient) in zip(columns, coefficients) where coefficient != 0 {
      for index in rest.indices { rest[index] -= coefficient * column[index] }
    }
    return rest
  }
}
