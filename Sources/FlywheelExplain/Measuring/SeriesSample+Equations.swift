import FlywheelCore

/// What one step says of some parameters.
struct StepEquations: Sendable {
  /// The place of the dump that the step begins at.
  var place: Int
  /// The columns of a system there.
  var equations: Equations
  /// Whether the buffer was new: there was none before the step, or nothing but zeros.
  var isNew: Bool
}

extension SeriesSample {
  /// What each step says in the columns of a system, as far as its arrays were dumped.
  ///
  /// - Parameters:
  ///   - system: The columns.
  ///   - alignment: Which dumps belong to one step.
  ///   - precision: The errors of the numbers.
  ///   - limit: How many steps are enough.
  ///   - lender: Where the columns of unknowns come from instead; what is explained stays this one's.
  /// - Throws: `limitExceeded` if there is no memory for them.
  /// - Returns: The steps.
  mutating func steps(
    _ system: LineSystem,
    _ alignment: Alignment,
    _ precision: DumpPrecision,
    limit: Int = .max,
    lender: SeriesSample? = nil
  ) throws(FlywheelError) -> [StepEquations] {
    var steps: [StepEquations] = []
    var lender = lender
    for place in 0..<series.count where steps.count < limit {
      var columns: [[Double]] = []
      var noise: [Double] = []
      var isNew = false
      for (index, quantity) in system.quantities.enumerated() {
        let isLent = index < system.columns.count && lender != nil
        let found =
          isLent
          ? try lender?.column(quantity, place, alignment, precision)
          : try column(quantity, place, alignment, precision)
        guard let column = found else { break }
        columns.append(column.elements)
        noise.append(column.noise)
        guard case .velocity(0) = quantity else { continue }
        isNew = column.elements.allSatisfy { $0 == 0 }
      }
      guard columns.count == system.quantities.count else { continue }
      // Trainers of half precision keep their numbers in float32 or better, as a rule.
      let unit = min(precision[.weight].unit, RoundingError(.float32).unit)
      let equations = Equations(columns, noise: noise, unit: unit)
      steps.append(StepEquations(place: place, equations: equations, isNew: isNew))
    }
    return steps
  }

  /// A column, and Σ error² to be expected of it; nil if something was not dumped.
  mutating func column(
    _ quantity: LineSystem.Quantity,
    _ place: Int,
    _ alignment: Alignment,
    _ precision: DumpPrecision
  ) throws(FlywheelError) -> (elements: [Double], noise: Double)? {
    switch quantity {
    case .weight(let offset):
      guard let weights = try elements(.weight, at: place + offset) else { return nil }
      return (weights, precision[.weight].squares(weights))
    case .change(let offset):
      guard let old = try elements(.weight, at: place + offset),
        let new = try elements(.weight, at: place + offset + 1)
      else { return nil }
      return (zip(new, old).map { $0 - $1 }, precision[.weight].squares(new))
    case .gradient(let offset):
      let shifted = place + offset + alignment.gradientShift
      guard let gradients = try elements(.gradient, at: shifted) else { return nil }
      return (gradients, precision[.gradient].squares(gradients))
    case .velocity(let offset):
      let shifted = place + offset + alignment.velocityShift
      guard let buffers = try velocity(at: shifted) else { return nil }
      return (buffers, precision[.velocity].squares(buffers))
    }
  }
}
