/// Steps of some parameters taken together, in the columns of one system.
struct StepSet {
  let system: LineSystem
  /// The steps, in order.
  var steps: [StepEquations]

  /// Coefficients and fits.
  struct Result {
    var coefficients: [Coefficient: Estimate] = [:]
    var fits: [Measurement.Line: Measurement.Fit] = [:]
  }

  /// Puts the steps of several parameters together, place by place.
  init(_ system: LineSystem, _ parts: [[StepEquations]]) {
    self.system = system
    let grouped = Dictionary(grouping: parts.joined(), by: \.place)
    steps = grouped.keys.sorted().compactMap { place in
      let equations = grouped[place] ?? []
      guard let joined = Equations.joined(equations.map(\.equations)) else { return nil }
      return StepEquations(
        place: place,
        equations: joined,
        isNew: equations.allSatisfy(\.isNew)
      )
    }
  }

  /// The places of the steps.
  var places: [Int] { steps.map(\.place) }

  /// Each step by itself.
  var single: [StepSet] {
    steps.map { step in
      var one = self
      one.steps = [step]
      return one
    }
  }

  /// Without the steps before which the buffer was new, if they do not fit the others; whether any were
  /// left out.
  func withoutOddBeginnings() -> (set: StepSet, isShorter: Bool) {
    var later = self
    later.steps = steps.filter { !$0.isNew }
    guard later.steps.count < steps.count, let rest = later.result(), let all = result() else {
      return (self, false)
    }
    let isOdd = all.fits.contains { line, fit in
      guard let other = rest.fits[line] else { return false }
      return fit.residual > max(4 * other.residual, 16 * fit.rounding)
    }
    return isOdd ? (later, true) : (self, false)
  }

  /// What all steps together say; nil if they are too few.
  func result() -> Result? {
    guard let equations = Equations.joined(steps.map(\.equations)) else { return nil }
    var result = Result()
    for (index, row) in system.rows.enumerated() {
      guard
        let solution = equations.solution(
          unknowns: system.columns.count,
          target: system.columns.count + index,
          sharing: system.shared(row)
        )
      else { return nil }
      result.fits[row.line] = solution.fit
      for (unknown, estimate) in zip(row.unknowns, solution.estimates) {
        guard var estimate else { continue }
        if unknown.isNegative { estimate.value = -estimate.value }
        result.coefficients[unknown.coefficient] = estimate
      }
    }
    return result
  }

  /// How well the line that fits worst does if each step may have numbers of its own.
  ///
  /// - Returns: The fit; of all steps together, if a step by itself says too little; nil if they do even so.
  func stepwiseFit() -> Measurement.Fit? {
    let results = zip(steps, single).compactMap { step, one in one.result().map { (step, $0) } }
    let fits: [Measurement.Fit]
    if results.isEmpty {
      guard let result = result() else { return nil }
      fits = Array(result.fits.values)
    } else {
      fits = system.rows.enumerated().map { index, row in
        var (residual, rounding, total) = (0.0, 0.0, 0.0)
        for (step, result) in results {
          guard let fit = result.fits[row.line] else { continue }
          let weight = step.equations.squares(system.columns.count + index)
          residual += weight * fit.residual * fit.residual
          rounding += weight * fit.rounding * fit.rounding
          total += weight
        }
        let scale = total > 0 ? 1 / total : 0
        return Measurement.Fit(
          residual: (residual * scale).squareRoot(),
          rounding: (rounding * scale).squareRoot(),
          condition: 1
        )
      }
    }
    return fits.max { left, right in
      (left.isExplained ? 0 : 1, left.residual) < (right.isExplained ? 0 : 1, right.residual)
    }
  }
}
