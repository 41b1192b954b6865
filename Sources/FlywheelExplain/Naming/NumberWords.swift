import FlywheelOptim

/// What a measured number may be made of: products of the numbers that a person knows.
struct NumberWords {
  /// The values of the letters that are known.
  let values: [Formula.Symbol: Double]

  /// A product of letters, how many factors it has, and its value.
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
    var factors: [(formula: Formula, value: Double, powers: ClosedRange<Int>)] = []
    func add(_ symbol: Formula.Symbol, _ powers: ClosedRange<Int>) {
      guard let value = values[symbol], value != 0, value != 1 else { return }
      factors.append((.symbol(symbol), value, powers))
    }
    add(.learningRate, 0...2)
    add(.momentum, 0...2)
    add(.weightDecay, 0...1)
    add(.batchSize, -1...1)
    add(.trainingSize, -1...0)
    if let momentum = values[.momentum], momentum != 0 {
      factors.append((1 - .momentum, 1 - momentum, 0...1))
      factors.append((1 + .momentum, 1 + momentum, 0...1))
    }
    var found = [1.0, 2].map { number in
      Candidate(formula: .constant(number), size: number == 1 ? 0 : 2, value: number)
    }
    for factor in factors {
      found = found.flatMap { candidate in
        factor.powers.map { power in
          var next = candidate
          next.size += abs(power)
          for _ in 0..<abs(power) {
            next.formula = power < 0 ? next.formula / factor.formula : next.formula * factor.formula
            next.value = power < 0 ? next.value / factor.value : next.value * factor.value
          }
          return next
        }
      }.filter { $0.size <= 4 }
    }
    candidates = found.sorted { $0.size < $1.size }
  }

  /// The products that a number cannot be told from, without their sign, the simplest first.
  ///
  /// - Parameters:
  ///   - estimate: The number.
  ///   - share: How much it may be off besides its error.
  /// - Returns: The formulas; none for what may be 0, or what is known too badly to say anything.
  func products(for estimate: Estimate, share: Double) -> [Formula] {
    let size = Estimate(abs(estimate.value), standardError: estimate.standardError)
    guard !estimate.isZero, estimate.standardError <= 0.01 * size.value else { return [] }
    let found = candidates.filter { size.isNear($0.value, share: share) }
    guard let simplest = found.first?.size else { return [] }
    return found.filter { $0.size <= simplest + (simplest == 0 ? 2 : 1) }.prefix(Self.limit)
      .map { $0.formula }
  }
}
