import FlywheelCore

/// The work of measuring a dump.
struct DumpEstimation {
  private var parameters: [Parameter]
  private let precision: DumpPrecision
  private var notes: [String] = []

  /// At most so many elements of a parameter are looked at.
  private static let elementLimit = 1 << 18
  /// As many are enough to see which dumps belong together, of so many steps.
  private static let sketchLimit = (elements: 1 << 12, steps: 6)

  /// A parameter, and what is known of it so far.
  private struct Parameter {
    var series: TensorSeries
    var evidence: Measurement.Evidence
    var alignment = Alignment()
    var steps: [StepEquations] = []
    /// The same in the columns of a rule without memory, where that is to be told.
    var memoryless: [StepEquations] = []
    var measurement: Measurement?
  }

  init(_ dump: StepDump) throws(FlywheelError) {
    let sketches = dump.series.map { SeriesSample($0, limit: Self.sketchLimit.elements) }
    let precision = try DumpPrecision(sketches)
    self.precision = precision
    parameters = try sketches.map { (sample) throws(FlywheelError) in
      Parameter(series: sample.series, evidence: try Self.evidence(of: sample, precision))
    }
    for sample in sketches {
      let kept = sample.series.weights.first?.dtype ?? .float64
      let shown = precision[.weight].dtype
      guard kept != shown, notes.isEmpty else { continue }
      notes.append("the weights are \(kept.rawValue) arrays of \(shown.rawValue) numbers")
    }
  }

  /// What was dumped of a parameter for one step at least.
  private static func evidence(
    of sample: SeriesSample,
    _ precision: DumpPrecision
  ) throws(FlywheelError) -> Measurement.Evidence {
    let hasGradient = sample.series.gradients.contains { $0 != nil }
    let hasVelocity = sample.series.velocities.contains { $0 != nil }
    var sample = sample
    for evidence in Measurement.Evidence.allCases {
      switch evidence {
      case .whole where !hasGradient || !hasVelocity: continue
      case .withoutGradient where !hasVelocity: continue
      case .withoutVelocity where !hasGradient: continue
      default: break
      }
      for system in [evidence.system, evidence.memorylessSystem].compactMap(\.self) {
        for alignment in evidence.alignments {
          let steps = try sample.steps(system, alignment, precision, limit: 1)
          if !steps.isEmpty { return evidence }
        }
      }
    }
    return .weightsOnly
  }

  // MARK: Alignment

  /// Finds out which dumps belong to one step: of all parameters with the same arrays together, and of one
  /// by itself that does not fit then.
  mutating func align() throws(FlywheelError) {
    for evidence in Set(parameters.map(\.evidence)) where evidence.alignments.count > 1 {
      let all = parameters.indices.filter { parameters[$0].evidence == evidence }
      let weights = all.filter { parameters[$0].series.isWeight }
      let common = try alignment(of: weights.isEmpty ? all : weights, evidence)
      for place in all {
        parameters[place].alignment = common
        guard let fit = try sketch([place], evidence, common)?.stepwiseFit(), !fit.isExplained
        else { continue }
        let own = try alignment(of: [place], evidence, orElse: common)
        guard let other = try sketch([place], evidence, own)?.stepwiseFit(), other.isExplained
        else { continue }
        parameters[place].alignment = own
      }
    }
  }

  /// The likeliest of the alignments that explain the steps, or else that with the least residual.
  private func alignment(
    of places: [Int],
    _ evidence: Measurement.Evidence,
    orElse common: Alignment = Alignment()
  ) throws(FlywheelError) -> Alignment {
    var best: (alignment: Alignment, residual: Double)?
    var explained: Alignment?
    for candidate in evidence.alignments {
      guard let set = try sketch(places, evidence, candidate), let fit = set.stepwiseFit() else {
        continue
      }
      if fit.isExplained {
        guard let leading = evidence.leading,
          set.result()?.coefficients[leading]?.isZero ?? false
        else { return candidate }
        explained = explained ?? candidate
      }
      // A little less is left of any numbers that are shifted.
      guard let known = best, fit.residual > known.residual / 4 else {
        best = (candidate, fit.residual)
        continue
      }
    }
    return explained ?? best?.alignment ?? common
  }

  private func sketch(
    _ places: [Int],
    _ evidence: Measurement.Evidence,
    _ alignment: Alignment
  ) throws(FlywheelError) -> StepSet? {
    for system in [evidence.system, evidence.memorylessSystem].compactMap(\.self) {
      var parts: [[StepEquations]] = []
      for place in places {
        var sample = SeriesSample(parameters[place].series, limit: Self.sketchLimit.elements)
        parts.append(
          try sample.steps(system, alignment, precision, limit: Self.sketchLimit.steps)
        )
      }
      let set = StepSet(system, parts)
      if !set.steps.isEmpty { return set }
    }
    return nil
  }

  // MARK: Each parameter

  /// Fits each parameter.
  mutating func measure() throws(FlywheelError) {
    for place in parameters.indices {
      var sample = SeriesSample(parameters[place].series, limit: Self.elementLimit)
      if sample.count < sample.totalCount {
        notes.append(
          "of the \(sample.totalCount) elements of '\(sample.series.name)' \(sample.count) were looked at"
        )
      }
      if parameters[place].evidence == .weightsOnly {
        guard let probes = try sample.withoutGradient(precision[.weight]) else {
          notes.append(
            "no elements of '\(sample.series.name)' change by a common factor: none is known to have no "
              + "gradient"
          )
          parameters[place].measurement = measurement([place], Self.nothing, sample.count)
          continue
        }
        sample = probes
      }
      let alignment = parameters[place].alignment
      let system = parameters[place].evidence.system
      parameters[place].steps = try sample.steps(system, alignment, precision)
      if let simpler = parameters[place].evidence.memorylessSystem {
        parameters[place].memoryless = try sample.steps(simpler, alignment, precision)
      }
      let set = chosen([place])
      var found = measurement([place], set, sample.count)
      found.largestGradient = try sample.largestGradient()
      found.hasStillVelocity = try sample.hasStillVelocity()
      if !found.fits.values.allSatisfy(\.isExplained) { found.borrowing = try borrowing(place) }
      parameters[place].measurement = found
    }
  }

  private static let nothing = StepSet(.weightsOnly, [])

  /// The steps of some parameters in the columns that tell most of them.
  ///
  /// A rule that keeps nothing from step to step leaves no trace of a momentum in weights and gradients: its
  /// last change is a combination of its gradient and weight. What then explains the steps is told.
  private func chosen(_ places: [Int]) -> StepSet {
    guard let evidence = places.first.map({ parameters[$0].evidence }) else { return Self.nothing }
    let set = StepSet(evidence.system, places.map { parameters[$0].steps })
    guard let simpler = evidence.memorylessSystem else { return set }
    let plain = StepSet(simpler, places.map { parameters[$0].memoryless })
    switch evidence {
    case .weightsOnly:
      // In each step by itself all weights without a gradient just shrink: only several show more.
      guard let result = set.result(), result.coefficients[.determinant] != nil,
        let fit = result.fits[.weight], let plainFit = plain.result()?.fits[.weight]
      else { return plain }
      return plainFit.residual > 4 * fit.residual ? set : plain
    default:
      guard let fit = set.stepwiseFit() else { return plain }
      guard let plainFit = plain.stepwiseFit() else { return set }
      return plainFit.isExplained && plainFit.residual <= 3 * fit.residual ? plain : set
    }
  }

  private func measurement(_ places: [Int], _ set: StepSet, _ count: Int) -> Measurement {
    let first = parameters[places[0]]
    let (used, isShorter) = set.withoutOddBeginnings()
    let result = used.result() ?? StepSet.Result()
    var coefficients = result.coefficients
    if first.evidence == .withoutVelocity,
      set.system.columns.count == LineSystem.withoutMemory.columns.count,
      let fit = result.fits[.weight], fit.isExplained, !first.steps.isEmpty
    {
      coefficients[.determinant] = Estimate(0, standardError: fit.residual)
      coefficients[.laggedGradient] = Estimate(
        0,
        standardError: fit.residual * abs(coefficients[.q]?.value ?? 0)
      )
    }
    var found = Measurement(
      names: places.map { parameters[$0].series.name },
      isWeight: first.series.isWeight,
      evidence: first.evidence,
      coefficients: coefficients,
      fits: result.fits,
      alignment: first.alignment,
      steps: used.places,
      elementCount: count,
      dtype: precision[.weight].dtype,
      largestGradient: places.compactMap { parameters[$0].measurement?.largestGradient }.max()
    )
    found.hasOtherBeginning = isShorter
    found.hasStillVelocity = places.allSatisfy {
      parameters[$0].measurement?.hasStillVelocity ?? false
    }
    return found
  }

  // MARK: Arrays of other parameters

  /// The array of another parameter that explains a line which the parameter's own do not.
  private func borrowing(_ place: Int) throws(FlywheelError) -> Measurement.Borrowing? {
    let parameter = parameters[place]
    guard parameter.evidence == .whole else { return nil }
    for line in Measurement.Line.allCases {
      let own = try fit([LineSystem.whole, .withoutGradient].map { $0.only(line) }, parameter)
      guard let own, !own.isExplained else { continue }
      for other in parameters where other.series.name != parameter.series.name {
        guard other.series.weights.first?.shape == parameter.series.weights.first?.shape,
          other.evidence == .whole
        else { continue }
        for kind in Measurement.Borrowing.Kind.allCases {
          var lender = parameter.series
          if kind != .gradient { lender.velocities = other.series.velocities }
          if kind != .velocity { lender.gradients = other.series.gradients }
          let systems: [LineSystem] =
            kind == .velocity ? [.whole, .withNewVelocity, .withoutGradient] : [.whole]
          let lent = try fit(systems.map { $0.only(line) }, parameter, lender)
          guard let lent, lent.isExplained || lent.residual < own.residual / 64 else { continue }
          return Measurement.Borrowing(line: line, name: other.series.name, kind: kind, fit: lent)
        }
      }
    }
    return nil
  }

  /// How well the best of some systems fits a parameter, each step with numbers of its own; nil if none has
  /// a line or steps enough.
  private func fit(
    _ systems: [LineSystem],
    _ parameter: Parameter,
    _ lender: TensorSeries? = nil
  ) throws(FlywheelError) -> Measurement.Fit? {
    var best: Measurement.Fit?
    for system in systems where !system.rows.isEmpty {
      var sample = SeriesSample(parameter.series, limit: Self.sketchLimit.elements)
      let steps = try sample.steps(
        system,
        parameter.alignment,
        precision,
        limit: Self.sketchLimit.steps,
        lender: lender.map { SeriesSample($0, limit: Self.sketchLimit.elements) }
      )
      guard let fit = StepSet(system, [steps]).stepwiseFit() else { continue }
      if fit.residual < best?.residual ?? .infinity { best = fit }
    }
    return best
  }

  // MARK: Together

  /// What all parameters say together.
  func whole() -> DumpMeasurement {
    let groups = [true, false].map { isWeight in
      parameters.indices.filter { parameters[$0].series.isWeight == isWeight }
    }
    let pools = groups.map(pool)
    let sets = pools.map(chosen)
    let together = zip(pools, sets).map { places, set in
      places.isEmpty ? nil : measurement(places, set, count(places))
    }
    var notes = notes
    if together.contains(where: { $0?.hasOtherBeginning ?? false }) {
      notes.append("the step from no buffer does not fit the others; it is told apart")
    }
    let singles = zip(pools, sets).map { places, set in
      Dictionary(uniqueKeysWithValues: zip(set.places, set.single)).compactMapValues { one in
        one.result() == nil ? nil : measurement(places, one, count(places))
      }
    }
    return DumpMeasurement(
      parameters: parameters.compactMap(\.measurement),
      weights: together[0],
      biases: together[1],
      steps: Set(sets.flatMap(\.places)).sorted().map { place in
        Step(place: place, weights: singles[0][place], biases: singles[1][place])
      },
      notes: notes
    )
  }

  private typealias Step = DumpMeasurement.Step

  /// Those that say most, as far as their dumps are paired alike and they use their own arrays.
  private func pool(_ places: [Int]) -> [Int] {
    var told = places.filter { !(parameters[$0].measurement?.coefficients.isEmpty ?? true) }
    let own = told.filter { parameters[$0].measurement?.borrowing == nil }
    if !own.isEmpty { told = own }
    for evidence in Measurement.Evidence.allCases {
      let alike = told.filter { parameters[$0].evidence == evidence }
      guard !alike.isEmpty else { continue }
      let alignments = alike.map { parameters[$0].alignment }
      let commonest = alignments.max { left, right in
        alignments.count { $0 == left } < alignments.count { $0 == right }
      }
      return alike.filter { parameters[$0].alignment == commonest }
    }
    return []
  }

  private func count(_ places: [Int]) -> Int {
    places.reduce(0) { $0 + (parameters[$1].measurement?.elementCount ?? 0) }
  }
}
