import FlywheelOptim

/// Finds the numbers with which a rule makes what was measured, if there are any.
///
/// The rule's own formulas are solved by Gauss and Newton's method, each coefficient weighed by its error.
struct RuleFit {
  let rule: SGDRule
  /// The numbers and switches that are insisted on.
  let fixed: Hyperparameters
  /// The numbers to find.
  let unknown: [Hyperparameter]
  /// Whether the dampening is the momentum.
  var isDampeningMomentum = false
  /// Whether biases have no decay though the rule decays all.
  var areBiasesUndecayed = false
  let sizes: TrainingSizes
  let targets: [Target]

  /// A coefficient that is to come out.
  struct Target {
    let isWeight: Bool
    let name: Coefficient
    let estimate: Estimate
    /// How much the coefficient may be off besides its error.
    let share: Double

    /// What a residual is measured in.
    var unit: Double {
      max(estimate.standardError + share * abs(estimate.value) / Estimate.reach, 1e-18)
    }

    func accepts(_ number: Double) -> Bool { estimate.isNear(number, share: share) }
  }

  /// The numbers found.
  struct Solution {
    let hyperparameters: Hyperparameters
    /// The numbers that nothing measured depends on.
    let open: [Hyperparameter]
  }

  /// The decays there are.
  static let decays: [Hyperparameter] = [.weightDecay, .l2, .biasL2]

  /// The numbers; nil if none make what was measured.
  var solution: Solution? {
    for start in starts {
      guard let found = solve(from: start) else { continue }
      let snapped = zip(found.values, found.reaches).map { value, reach in
        abs(value) <= reach ? 0 : value.shortest(within: reach)
      }
      for values in [snapped, found.values] {
        let numbers = hyperparameters(values)
        guard (try? UpdateRule.sgd(rule).validate(numbers)) != nil, isAccepted(values) else {
          continue
        }
        return Solution(hyperparameters: numbers, open: found.open)
      }
    }
    return nil
  }

  /// The numbers of biases.
  func ofBiases(_ numbers: Hyperparameters) -> Hyperparameters {
    guard areBiasesUndecayed else { return numbers }
    var others = numbers
    for name in Self.decays where numbers[name] != nil { others[name] = .number(0) }
    return others
  }

  private func isAccepted(_ values: [Double]) -> Bool {
    guard let made = predictions(values) else { return false }
    return zip(targets, made).allSatisfy { $0.accepts($1) }
  }

  private func hyperparameters(_ values: [Double]) -> Hyperparameters {
    var numbers = fixed
    for (name, value) in zip(unknown, values) { numbers[name] = .number(value) }
    if isDampeningMomentum { numbers[.dampening] = .number(numbers.momentum) }
    return numbers
  }

  /// What the rule makes; nil if it has no such coefficient.
  private func predictions(_ values: [Double]) -> [Double]? {
    let numbers = hyperparameters(values)
    let ofBiases = ofBiases(numbers)
    let forms = [true, false].map { isWeight in
      rule.resolve(
        isWeight ? numbers : ofBiases,
        sizes: sizes,
        hasBuffer: true,
        isWeight: isWeight
      ).normalForm
    }
    var made: [Double] = []
    for target in targets {
      guard let number = forms[target.isWeight ? 0 : 1].coefficient(target.name), number.isFinite
      else { return nil }
      made.append(number)
    }
    return made
  }

  /// Where the search begins: momenta that the coefficients suggest, each with the learning rate that fits.
  private var starts: [[Double]] {
    let first = { (name: Coefficient) in targets.first { $0.name == name }?.estimate.value }
    let seen = [first(.a), first(.determinant)].compactMap(\.self).filter { $0 >= 0 && $0 < 1 }
    return (seen.isEmpty ? [0.9, 0.5] : seen).map { momentum in
      let start = { (rate: Double) in
        unknown.map { name in
          switch name {
          case .learningRate: rate
          case .momentum: momentum
          case .dampening: 1 - abs(first(.b) ?? 1)
          default: 0.0
          }
        }
      }
      return start(rate(start))
    }
  }

  /// The learning rate at which the gradient moves the weight as it was seen to.
  private func rate(_ start: (Double) -> [Double]) -> Double {
    guard let target = targets.first(where: { $0.name == .q || $0.name == .d }),
      let index = targets.firstIndex(where: { $0.name == target.name }),
      let made = predictions(start(1))?[index], made != 0
    else { return 0.01 }
    return max(target.estimate.value / made, 1e-12)
  }

  private func solve(
    from start: [Double]
  ) -> (values: [Double], reaches: [Double], open: [Hyperparameter])? {
    var values = start
    var step: LeastSquaresStep?
    guard var cost = residuals(values)?.cost else { return nil }
    for _ in 0..<20 {
      guard let found = gaussNewtonStep(values) else { return nil }
      step = found
      var share = 1.0
      var isBetter = false
      while share > 0.1, !isBetter {
        let next = zip(values, found.step).map { $0 - share * $1 }
        if let reached = residuals(next)?.cost, reached < cost {
          isBetter = cost - reached > 1e-6 * cost
          (values, cost) = (next, reached)
          if !isBetter { break }
        }
        share /= 2
      }
      if !isBetter { break }
    }
    guard let step else { return nil }
    let reaches = zip(step.deviations, values).map { Estimate.reach * $0 + 1e-12 * abs($1) }
    return (values, reaches, step.open.map { unknown[$0] })
  }

  private func residuals(_ values: [Double]) -> (each: [Double], cost: Double)? {
    guard let made = predictions(values) else { return nil }
    let each = zip(targets, made).map { ($1 - $0.estimate.value) / $0.unit }
    let cost = each.reduce(0) { $0 + $1 * $1 }
    return cost.isFinite ? (each, cost) : nil
  }

  private func gaussNewtonStep(_ values: [Double]) -> LeastSquaresStep? {
    guard let here = residuals(values)?.each else { return nil }
    var columns: [[Double]] = []
    for (place, value) in values.enumerated() {
      let width = 1e-6 * max(abs(value), 1e-3)
      var (above, below) = (values, values)
      above[place] += width
      below[place] -= width
      guard let up = predictions(above), let down = predictions(below) else { return nil }
      columns.append(
        zip(zip(up, down), targets).map { made, target in
          let change = made.0 - made.1
          // What only rounding changes does not depend on the number.
          let isNoise = abs(change) <= 1e-14 * max(abs(made.0), abs(made.1))
          return isNoise ? 0 : change / (2 * width * target.unit)
        }
      )
    }
    return LeastSquaresStep(columns: columns, residuals: here)
  }
}
