import FlywheelOptim

/// What a measured number may be made of: products of the numbers that a person knows.
struct NumberWords {
  /// The values of the letters that are known.
  let values: [Formula.Symbol: Double]

  /// Something to multiply by, so often.
  private struct Factor {
    var formula: Formula
    var value: Double
    var powers: ClosedRange<Int>
    var isPlain: Bool
  }

  /// A product of letters, how far-fetched it is, and its value.
  private struct Candidate {
    var formula: Formula
    var size: Int
    var value: Double
  }

  private let candidates: [Candidate]

  /// How many products are told at most.
  private static let limit = 4

  init(_ values: [Formula.Symbol: Double]) {
    self.values = values
    var factors: [Factor] = []
    func add(_ symbol: Formula.Symbol, _ powers: ClosedRange<Int>) {
      guard let value = values[symbol], value != 0, value != 1 else { return }
      factors.append(Factor(formula: .symbol(symbol), value: value, powers: powers, isPlain: true))
    }
    add(.learningRate, 0...2)
    add(.momentum, 0...2)
    add(.weightDecay, 0...1)
    add(.batchSize, -1...1)
    add(.trainingSize, -1...0)
    if let momentum = values[.momentum], momentum != 0 {
      for (formula, value) in [(1 - .momentum, 1 - momentum), (1 + .momentum, 1 + momentum)] {
        factors.append(Factor(formula: formula, value: value, powers: 0...1, isPlain: false))
      }
    }
    var found = [1.0, 2].map { number in
      Candidate(formula: .constant(number), size: number == 1 ? 0 : 4, value: number)
    }
    for factor in factors {
      found = found.flatMap { candidate in
        factor.powers.map { power in
          var next = candidate
          // A plain letter is likelier than one that is taken from 1.
          next.size += abs(power) * (factor.isPlain ? 2 : 3)
          for _ in 0..<abs(power) {
            next.formula = power < 0 ? next.formula / factor.formula : next.formula * factor.formula
            next.value = power < 0 ? next.value / factor.value : next.value * factor.value
          }
          return next
        }
      }.filter { $0.size <= 9 }
    }
    candidates = found.sorted { $0.size < $1.size }
  }

  /// The products that a number cannot be told from, without their sign, the simplest first.
  ///
  /// - Parameters:
  ///   - estimate: The number.
  ///   - share: How much it may be off besides its error.
  ///   - isDecay: Whether the number is of a weight decay, so that products with λ are likelier; else they are
  ///     less likely.
  /// - Returns: The formulas; none for what may be 0, or what is known too badly to say anything.
  func products(for estimate: Estimate, share: Double, isDecay: Bool = false) -> [Formula] {
    let size = Estimate(abs(estimate.value), standardError: estimate.standardError)
    guard !estimate.isZero, estimate.standardError <= 0.01 * size.value else { return [] }
    let all = candidates.filter { size.isNear($0.value, share: share) }
    let likely = all.filter { $0.formula.mentions(.weightDecay) == isDecay }
    let found = likely.isEmpty ? all : likely
    guard let simplest = found.first?.size else { return [] }
    return found.filter { $0.size <= simplest + (simplest == 0 ? 5 : 2) }.prefix(Self.limit)
      .map { $0.formula }
  }
}
