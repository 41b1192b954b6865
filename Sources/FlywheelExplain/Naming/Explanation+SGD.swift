public import FlywheelOptim

extension Explanation {
  /// Explains an SGD-like trainer.
  ///
  /// - Parameters:
  ///   - measurement: What its dumps show.
  ///   - declaration: What is known of it.
  ///   - meant: The rule that was meant, with its numbers; nil if none is given.
  ///   - notes: How the files were understood.
  public init(
    _ measurement: DumpMeasurement,
    declaration: Declaration = Declaration(),
    against meant: (rule: UpdateRule, hyperparameters: Hyperparameters)? = nil,
    notes: [String] = []
  ) {
    let run = SeenRun(
      measurement.ofMeans(declaration).ofOneRate,
      declaration: declaration
    )
    let view = SGDView(run)
    self.init(
      family: run.kinds.isEmpty ? nil : .sgd,
      verdict: [],
      kinds: [run.measurement.weights, run.measurement.biases].compactMap(\.self).map {
        view.kind($0, name: $0.isWeight ? "weights" : "biases")
      },
      tensors: run.measurement.parameters.map {
        view.kind($0, name: $0.names.first ?? "")
      },
      names: run.naming.names,
      findings: SGDFindings.all(of: run) + view.schedule,
      notIdentifiable: view.openQuestions,
      learningRates: view.learningRates,
      alignment: run.main?.measurement.alignment ?? Alignment(),
      notes: notes
    )
    against = meant.flatMap { RuleDifference(run, meant: $0.rule, $0.hyperparameters) }
    verdict = view.verdict(findings)
  }
}

extension DumpMeasurement {
  /// The same with one step in place of all, where each is explained and all together are not: a schedule
  /// changes the numbers from step to step.
  fileprivate var ofOneRate: DumpMeasurement {
    let kinds = [weights, biases].compactMap(\.self)
    guard kinds.contains(where: { !$0.isExplained }) else { return self }
    let known = steps.filter { step in
      let own = [step.weights, step.biases].compactMap(\.self)
      return own.count == kinds.count && own.allSatisfy(\.isExplained)
    }
    let count = { (step: Step) in
      (step.weights?.coefficients.count ?? 0) + (step.biases?.coefficients.count ?? 0)
    }
    // The first that shows most: a step from no buffer shows no momentum.
    let most = known.map(count).max()
    guard known.count == steps.count, let step = known.first(where: { count($0) == most }) else {
      return self
    }
    var other = self
    (other.weights, other.biases) = (step.weights, step.biases)
    return other
  }

  /// The same of mean gradients, where the dumped ones are declared to be sums.
  fileprivate func ofMeans(_ declaration: Declaration) -> DumpMeasurement {
    guard declaration.isGradientSummed, let batch = declaration.batchSize else { return self }
    let scaled = { (kind: Measurement) in kind.forGradient(dividedBy: Double(batch)) }
    var other = self
    other.parameters = parameters.map(scaled)
    other.weights = weights.map(scaled)
    other.biases = biases.map(scaled)
    other.steps = steps.map {
      Step(place: $0.place, weights: $0.weights.map(scaled), biases: $0.biases.map(scaled))
    }
    return other
  }
}

/// An SGD-like trainer in words and equations.
private struct SGDView {
  let run: SeenRun

  init(_ run: SeenRun) {
    self.run = run
  }

  // MARK: - What was measured

  /// The letters that are 0 without decay.
  private static let decays: Set<String> = ["c", "h", "r", "L"]

  func kind(_ measurement: Measurement, name: String) -> Explanation.Kind {
    let step = SeenStep(measurement)
    return Explanation.Kind(
      name: name,
      parameters: measurement.names,
      evidence: measurement.evidence.rawValue,
      equations: equations(step),
      numbers: step.letters.map { letter, estimate in
        Explanation.Number(
          letter: letter,
          estimate: estimate,
          products: run.words.products(
            for: step[letter] ?? estimate,
            share: measurement.share,
            isDecay: Self.decays.contains(letter)
          )
          .map { (estimate.value < 0 ? "-" : "") + $0.description }
        )
      },
      fits: measurement.fits.sorted { $0.key.rawValue < $1.key.rawValue }
        .map { Explanation.Fit(line: $0.key.rawValue, fit: $0.value) },
      stepCount: measurement.steps.count,
      elementCount: measurement.elementCount
    )
  }

  private func equations(_ step: SeenStep) -> [String] {
    func sum(_ start: [(Formula, String?)], _ letters: [(String, String)]) -> String {
      let terms = letters.compactMap { letter, name -> (Formula, String?)? in
        guard let estimate = step[letter], !estimate.isZero else { return nil }
        let digits = estimate.value.shortest(within: Estimate.reach * estimate.standardError)
        return (.constant(digits.rounded(toDigits: 6)), name)
      }
      return Formula.text(of: (start + terms).map { (coefficient: $0.0, name: $0.1) })
    }
    switch step.measurement.evidence {
    case .whole where step["d"] != nil:
      return [
        "v' = " + sum([], [("a", "v"), ("b", "g"), ("c", "w")]),
        "w' = " + sum([(1, "w")], [("d", "v'"), ("f", "g"), ("h", "w")]),
      ]
    case .whole:
      return [
        "v' = " + sum([], [("a", "v"), ("b", "g"), ("c", "w")]),
        "w' = " + sum([(1, "w")], [("p", "v"), ("q", "g"), ("r", "w")]),
      ]
    case .withoutGradient:
      return ["w' = " + sum([(1, "w")], [("d", "v'"), ("e", "v"), ("h", "w")])]
    case .withoutVelocity, .weightsOnly:
      var terms: [(Formula, String?)] = []
      for (letter, sign, name) in [("D", 1.0, "(w' - w)"), ("L", -1, "w'")] {
        guard let estimate = step[letter], !estimate.isZero else { continue }
        let digits = estimate.value.shortest(within: Estimate.reach * estimate.standardError)
        terms.append((.constant(sign * digits.rounded(toDigits: 6)), name))
      }
      return ["w'' - w' = " + sum(terms, [("q", "g'"), ("kappa", "g")])]
    }
  }

  // MARK: - Schedules

  /// The learning rate of each step as the first name has it, if it changes by more than its error.
  ///
  /// It goes as q does: the first step shows no more than that.
  var learningRates: [Double] {
    guard let main = run.main, let known = main.measurement.coefficients[.q]?.value, known != 0,
      let rate = run.naming.names.first?.hyperparameters.learningRate ?? main.rate?.value
    else { return [] }
    let rates = run.measurement.steps.compactMap { step -> Estimate? in
      let measurement = step.weights ?? step.biases
      return measurement?.widened[.q].map {
        Estimate($0.value * rate / known, standardError: $0.standardError * abs(rate / known))
      }
    }
    guard rates.count == run.measurement.steps.count, let first = rates.first,
      rates.contains(where: { !($0 - first).isZero })
    else { return [] }
    return rates.map {
      $0.value.shortest(within: Estimate.reach * $0.standardError + 1e-6 * abs($0.value))
    }
  }

  var schedule: [Finding] {
    let rates = learningRates
    guard let first = rates.first, let last = rates.last else { return [] }
    return [
      Finding(
        .schedule,
        "the learning rate changes: \(first.brief) in the first step, \(last.brief) in the last"
      )
    ]
  }

  // MARK: - What is open

  var openQuestions: [OpenQuestion] {
    guard let main = run.main else { return [] }
    let measurement = main.measurement
    var questions = OpenQuestion.standing[measurement.evidence] ?? []
    if measurement.evidence == .whole, measurement.coefficients[.a] == nil, !run.hasStillVelocity {
      questions.append(.firstStep)
    }
    let isDecayed = run.weights?.loss?.isZero == false
    let hasPlainBiases = run.biases?.loss?.isZero == true
    if measurement.evidence == .withoutVelocity, isDecayed, main.kind == .heavyBall, !hasPlainBiases
    {
      questions.append(.kindOfDecay)
    }
    if measurement.coefficients[.q] != nil, run.summedOver == nil,
      !run.declaration.isGradientSummed
    {
      questions.append(.scaleOfGradient)
    }
    if measurement.fits.values.contains(where: { $0.condition > 1e4 }) {
      questions.append(.alike)
    }
    if let name = run.naming.names.first, let size = name.unknownSize,
      name.hyperparameters.weightDecay != 0
    {
      questions.append(
        size == .batchSize
          ? .size("m, the size of a mini-batch", option: "--batch-size M")
          : .size("n, the size of the training set", option: "--train-size N")
      )
    }
    return questions
  }

  // MARK: - The verdict

  /// The answer in up to three sentences.
  func verdict(_ findings: [Finding]) -> [String] {
    guard run.main != nil else {
      return [
        "No rule of SGD's family explains these steps, so that none is named.",
        findings.first.map { Explanation.sentence($0.text) } ?? "",
      ].filter { !$0.isEmpty }
    }
    var sentences: [String] = []
    let exact = run.naming.names.filter { $0.match == .numbers }
    let runs = run.naming.names.filter { $0.match == .run }
    let parts = run.naming.names.filter { $0.match == .part }
    let others = run.naming.names.filter { $0.match == .undeclared }
    if let name = exact.first {
      sentences.append(
        "These are steps of \(name.call)" + Explanation.others(exact.count - 1)
      )
    } else if let name = others.first {
      sentences.append(
        "With the declared numbers these are steps of no rule; with others they are of \(name.call)"
          + Explanation.others(others.count - 1)
      )
    } else if let name = runs.first {
      let why =
        run.main?.measurement.evidence == .whole ? ", with its velocity kept another way" : ""
      sentences.append("The weights go as with \(name.call)\(why).")
    } else if let name = parts.first {
      sentences.append(
        "What was dumped are steps of \(name.call)" + Explanation.others(parts.count - 1)
      )
    } else if run.main?.measurement.evidence != .weightsOnly {
      sentences.append("No rule that Flywheel knows has these numbers.")
    }
    let summary = findings.compactMap(\.summary).joined(separator: ", ")
    if !summary.isEmpty { sentences.append(Explanation.sentence(summary)) }
    return sentences + findings.filter(\.isMistake).prefix(1).map { Explanation.sentence($0.text) }
  }
}
