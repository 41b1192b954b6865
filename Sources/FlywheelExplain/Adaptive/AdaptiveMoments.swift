/// What dumped moments show by themselves: what they keep, what they take in, and whether decay joins that.
struct AdaptiveMoments {
  let sample: AdaptiveSample
  /// The step from dump k to dump k + 1 was taken with the gradient of dump k + this.
  private(set) var gradientShift = 0
  /// What was found.
  private(set) var estimates: [AdaptiveQuantity: Estimate] = [:]
  /// How well the lines fit.
  private(set) var fits: [AdaptiveMeasurement.Line: Measurement.Fit] = [:]
  /// Whether the numbers were found from the moments alone, without gradients.
  private(set) var isWithoutGradient = false

  /// The name of the buffer of squares that was dumped; nil if none was.
  let secondSlot: String?
  /// What it keeps is called.
  let secondQuantity: AdaptiveQuantity

  /// Looks at the moments of a dump.
  ///
  /// - Parameter sample: The dump.
  /// - Returns: What they show; with the numbers of the gradients as they were dumped if these explain them,
  ///   and otherwise, if it does, of what one moment says of the other.
  static func found(in sample: AdaptiveSample) -> AdaptiveMoments {
    let empty = AdaptiveMoments(sample)
    guard empty.secondSlot != nil || sample.has(AdaptiveShape.firstSlot) else { return empty }
    var best = empty
    if sample.hasGradients {
      let shifted = [0, 1, -1].lazy.map { shift in
        var moments = empty
        moments.gradientShift = shift
        moments.measure()
        return moments
      }
      best = shifted.first(where: \.isExplained) ?? shifted.min { $0.worst < $1.worst } ?? empty
      if best.isExplained { return best }
    }
    var related = empty
    related.relate()
    guard !related.fits.isEmpty, !sample.hasGradients || related.isExplained else { return best }
    related.isWithoutGradient = true
    return related
  }

  private init(_ sample: AdaptiveSample) {
    self.sample = sample
    secondSlot = ["exp_avg_sq", "square_avg", "sum"].first { sample.has($0) }
    secondQuantity = secondSlot == "square_avg" ? .alpha : .beta2
  }

  /// Whether no line leaves more than rounding explains.
  var isExplained: Bool { !fits.isEmpty && fits.values.allSatisfy(\.isExplained) }

  private var worst: Double { fits.values.map(\.residual).max() ?? .infinity }

  /// What the gradient is multiplied by before it enters the moments, as far as they say.
  var gradientScale: Estimate? {
    if let kept = estimates[.beta1], let gain = estimates[.firstGain], kept.value < 1 {
      let error = gain.standardError + kept.standardError * abs(gain.value / (1 - kept.value))
      return Estimate(gain.value / (1 - kept.value), standardError: error / (1 - kept.value))
    }
    return nil
  }
}

// MARK: - Lines

extension AdaptiveMoments {
  /// One element of a buffer before and after a step.
  private struct Row {
    var old: Double
    var new: Double
    var gradient: Double
    var weight: Double
  }

  private func rows(_ slot: String) -> [Row] {
    guard let dumped = sample.slots[slot] else { return [] }
    var rows: [Row] = []
    for place in 0..<max(0, sample.placeCount - 1) {
      guard let new = dumped[place + 1] else { continue }
      let source = place + gradientShift
      let gradient = sample.gradients.indices.contains(source) ? sample.gradients[source] : nil
      guard let gradient, dumped[place] != nil || place == 0 else { continue }
      let old = dumped[place]
      for index in new.indices {
        rows.append(
          Row(
            old: old?[index] ?? 0,
            new: new[index],
            gradient: gradient[index],
            weight: sample.weights[place][index]
          )
        )
      }
    }
    return rows
  }

  /// Solves a line, first as if its rows were as exact as the larger of the buffer before and after, then
  /// as what they are made of says: where decay nearly cancels a gradient, little is left of its digits.
  ///
  /// - Parameters:
  ///   - rows: The rows.
  ///   - columns: What makes up the buffer.
  ///   - doubt: What the second column may be off, times the roundoff.
  /// - Returns: The solution; nil if there are too few rows.
  private func solve(
    _ rows: [Row],
    _ columns: [(Row) -> Double],
    doubt: (Row) -> Double = { _ in 0 }
  ) -> (solution: LeastSquares, deviation: Double, fit: Measurement.Fit)? {
    let used = rows.filter { max(abs($0.old), abs($0.new)) > sample.smallestSquare }
    guard used.count > columns.count else { return nil }
    func solve(_ sizes: [Double]) -> LeastSquares {
      LeastSquares(
        columns: columns.map { column in
          zip(used, sizes).map { column($0) / (sample.bufferRoundoff * $1) }
        },
        target: zip(used, sizes).map { $0.new / (sample.bufferRoundoff * $1) }
      )
    }
    let rough = solve(used.map { max(abs($0.old), abs($0.new)) }).coefficients
    let sizes = used.map { row in
      zip(columns, rough).reduce(
        max(abs(row.old), abs(row.new), rough.count > 1 ? abs(rough[1]) * doubt(row) : 0)
      ) { max($0, abs($1.0(row) * $1.1)) }
    }
    let solution = solve(sizes)
    let deviation = (solution.residualSquare / Double(used.count)).squareRoot()
    let size = used.reduce(0) { $0 + $1.new * $1.new }.squareRoot()
    let all = sizes.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let rounding = size > 0 ? sample.bufferRoundoff * all / size : 0
    return (
      solution, max(deviation, 0.5),
      Measurement.Fit(
        residual: deviation * rounding,
        rounding: rounding,
        condition: solution.condition
      )
    )
  }

  /// Finds what the lines m' ~ (m, g, w) and s' ~ (s, ĝ²) say.
  private mutating func measure() {
    var decay: Estimate?
    let firsts = rows(AdaptiveShape.firstSlot)
    if let line = solve(firsts, [\.old, \.gradient, \.weight]) {
      let solution = line.solution
      let gain = solution.coefficients[1]
      let share = gain == 0 ? 0 : solution.coefficients[2] / gain
      let found = Estimate(
        share,
        standardError: solution.standardError(2, deviation: line.deviation) / abs(gain)
      )
      let isDecayed = !found.isZero && abs(found.value) > hiddenDecay
      decay = isDecayed ? found : Estimate(0, standardError: found.standardError)
      if let line = isDecayed ? line : solve(firsts, [\.old, \.gradient]) {
        note(.beta1, .firstGain, line)
        fits[.first] = line.fit
      }
    }
    guard let secondSlot else { return note(decay) }
    let seconds = rows(secondSlot)
    if decay == nil { decay = coupledDecay(seconds) }
    let share = decay?.value ?? 0
    let squared = { (row: Row) in
      let gradient = row.gradient + share * row.weight
      return gradient * gradient
    }
    let doubt = { (row: Row) in
      let gradient = abs(row.gradient + share * row.weight)
      return 2 * gradient * (abs(row.gradient) + abs(share * row.weight))
    }
    if let line = solve(seconds, [\.old, squared], doubt: doubt) {
      note(secondQuantity, .secondGain, line)
      fits[.second] = line.fit
    }
    note(decay)
  }

  /// The decay that squares show: by how much of the weight the gradient must be more.
  private func coupledDecay(_ rows: [Row]) -> Estimate? {
    var decay = 0.0
    var error = Double.infinity
    for _ in 0..<6 {
      let gradient = { (row: Row) in row.gradient + decay * row.weight }
      let line = solve(
        rows,
        [
          \.old, { gradient($0) * gradient($0) }, { 2 * gradient($0) * $0.weight },
          { $0.weight * $0.weight },
        ]
      )
      guard let line, line.solution.coefficients[1] != 0 else { return nil }
      let gain = line.solution.coefficients[1]
      let change = line.solution.coefficients[2] / gain
      error = line.solution.standardError(2, deviation: line.deviation) / abs(gain)
      guard change.isFinite, error.isFinite else { return nil }
      decay += change
      if abs(change) <= error { break }
    }
    let found = Estimate(decay, standardError: error)
    let isDecayed = !found.isZero && abs(found.value) > hiddenDecay
    return isDecayed ? found : Estimate(0, standardError: error)
  }

  /// A decay that adds less than a quarter of a rounding to a gradient is one of the arithmetic here.
  private var hiddenDecay: Double {
    sample.bufferRoundoff / 4 * sample.gradientSize / max(sample.weightSize, 1e-300)
  }

  private mutating func note(_ decay: Estimate?) {
    if let decay, decay.standardError.isFinite { estimates[.coupledDecay] = decay }
  }

  private mutating func note(
    _ kept: AdaptiveQuantity,
    _ gain: AdaptiveQuantity,
    _ line: (solution: LeastSquares, deviation: Double, fit: Measurement.Fit)
  ) {
    for (place, name) in [kept, gain].enumerated() {
      let error = line.solution.standardError(place, deviation: line.deviation)
      if error.isFinite {
        estimates[name] = Estimate(line.solution.coefficients[place], standardError: error)
          .held(in: sample.bufferRoundoff)
      }
    }
  }
}

// MARK: - Without gradients

extension AdaptiveMoments {
  /// Finds β₁ and β₂ from the two moments alone.
  ///
  /// Both take in the same gradient, so that s' = β₂ s + k (m' − β₁ m)² with k = (1 − β₂)/(1 − β₁)², which is
  /// linear in s, m'², m' m and m².
  private mutating func relate() {
    guard let firsts = sample.slots[AdaptiveShape.firstSlot], let secondSlot,
      let seconds = sample.slots[secondSlot]
    else { return }
    var rows: [(m: Double, next: Double, s: Double, target: Double)] = []
    for place in 0..<max(0, sample.placeCount - 1) {
      guard let m = firsts[place], let next = firsts[place + 1], let s = seconds[place],
        let target = seconds[place + 1]
      else { continue }
      for index in m.indices where target[index] > sample.smallestSquare {
        rows.append((m[index], next[index], s[index], target[index]))
      }
    }
    guard rows.count > 8 else { return }
    var (kept, share) = (0.9, 0.1)
    var found: (solution: LeastSquares, deviation: Double, fit: Measurement.Fit)?
    // The rounding of a row depends on what is sought; it need not be known well.
    for _ in 0..<3 {
      let roundings = rows.map { row in
        let gradient = abs(row.next - kept * row.m)
        let size = abs(row.next) + 2 * kept * abs(row.m)
        return sample.bufferRoundoff * (max(row.s, row.target) + 2 * share * gradient * size)
      }
      let columns: [((m: Double, next: Double, s: Double, target: Double)) -> Double] = [
        { $0.s }, { $0.next * $0.next }, { $0.next * $0.m }, { $0.m * $0.m },
      ]
      let solution = LeastSquares(
        columns: columns.map { column in zip(rows, roundings).map { column($0) / $1 } },
        target: zip(rows, roundings).map { $0.target / $1 }
      )
      let deviation = (solution.residualSquare / Double(rows.count)).squareRoot()
      let size = rows.reduce(0) { $0 + $1.target * $1.target }.squareRoot()
      let rounding = size > 0 ? roundings.reduce(0) { $0 + $1 * $1 }.squareRoot() / size : 0
      found = (
        solution, max(deviation, 0.5),
        Measurement.Fit(
          residual: deviation * rounding,
          rounding: rounding,
          condition: solution.condition
        )
      )
      let coefficients = solution.coefficients
      guard coefficients[1] > 0 else { break }
      share = coefficients[1]
      kept = max(0, min(0.9999, -coefficients[2] / (2 * share)))
    }
    guard let found, found.solution.coefficients[1] > 0 else { return }
    fits[.second] = found.fit
    let coefficients = found.solution.coefficients
    let error = { found.solution.standardError($0, deviation: found.deviation) }
    estimates[.beta2] = Estimate(coefficients[0], standardError: error(0))
    estimates[.beta1] = Estimate(
      -coefficients[2] / (2 * coefficients[1]),
      standardError: (error(2) / 2 + error(1) * kept) / coefficients[1]
    )
  }
}
