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
    let places = Set(parts.joined().map(\.place)).sorted()
    steps = places.compactMap { place in
      let equations = parts.compactMap { part in part.first { $0.place == place } }
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

  /// One of the steps.
  subscript(place: Int) -> StepSet {
    var one = self
    one.steps = steps.filter { $0.place == place }
    return one
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

  /// How well the lines fit if each step may have numbers of its own.
  struct StepwiseFit {
    /// The residual of the line that fits worst.
    var residual = 0.0
    /// Whether no line has more left than rounding explains.
    var isExplained = true

    /// Adds a line that has a residual, and another one that rounding alone would leave.
    mutating func add(_ fit: Measurement.Fit) {
      residual = max(residual, fit.residual)
      isExplained = isExplained && fit.isExplained
    }
  }

  /// How well the lines fit if each step may have numbers of its own; taken together, if a step by itself
  /// says too little; nil if they do even so.
  func stepwiseFit() -> StepwiseFit? {
    let results = steps.compactMap { step in self[step.place].result().map { (step, $0) } }
    var whole = StepwiseFit()
    guard !results.isEmpty else {
      guard let result = result() else { return nil }
      for fit in result.fits.values { whole.add(fit) }
      return whole
    }
    for (index, row) in system.rows.enumerated() {
      var (residual, rounding, total) = (0.0, 0.0, 0.0)
      for (step, result) in results {
        guard let fit = result.fits[row.line] else { continue }
        let weight = step.equations.squares(system.columns.count + index)
        residual += weight * fit.residual * fit.residual
        rounding += weight * fit.rounding * fit.rounding
        total += weight
      }
      guard total > 0 else { continue }
      whole.add(
        Measurement.Fit(
          residual: (residual / total).squareRoot(),
          rounding: (rounding / total).squareRoot(),
          condition: 1
        )
      )
    }
    return whole
  }
}
