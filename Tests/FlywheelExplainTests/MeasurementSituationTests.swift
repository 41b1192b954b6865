import FlywheelCore
import FlywheelExplain
import FlywheelOptim
import Testing

/// What trainers and dumps do besides the plain steps of a rule.
struct MeasurementSituationTests {
  static let heavyBall = SGDForm(a: 0.9, b: 1, c: 0.1, d: -0.01)
  static let decoupled = SGDForm(a: 0.9, b: 1, d: -0.01, h: -3e-5)

  @Test(
    "Half-precision dumps give the same coefficients less exactly",
    arguments: [
      (DType.float16, 1e-5, 1e-6), (.bfloat16, 1e-4, 3e-5),
    ]
  )
  func coarse(dtype: DType, tolerance: Double, hidden: Double) throws {
    var walk = RuleWalk(Self.heavyBall)
    walk.shapes = [("W1", [40, 50])]
    let exact = try walk.dump()
    var dump = exact
    for place in exact.series.indices {
      // Rounded for the dump, and kept in a wider type, as numpy has to.
      let coarsen = { (tensor: Tensor) in try tensor.converted(to: dtype).converted(to: .float32) }
      dump.series[place].weights = try exact.series[place].weights.map(coarsen)
      dump.series[place].gradients = try exact.series[place].gradients.map { try $0.map(coarsen) }
      dump.series[place].velocities = try exact.series[place].velocities.map { try $0.map(coarsen) }
    }
    let measured = try DumpMeasurement(of: dump)
    let weights = try #require(measured.weights)
    #expect(weights.dtype == dtype)
    #expect(measured.notes.contains { $0.contains(dtype.rawValue) })
    let truth = MeasurementTests.truth(Self.heavyBall, .whole)
    for (coefficient, value) in truth {
      let estimate = try #require(weights.coefficients[coefficient])
      #expect(
        abs(estimate.value - value) <= 5 * estimate.standardError,
        "\(coefficient) \(estimate)"
      )
    }
    for fit in weights.fits.values { #expect(fit.isExplained, "\(fit)") }
    let kept = try #require(weights.coefficients[.a])
    #expect(kept.standardError < tolerance)
    // A decay of so little is not seen in such a dump, and is not called absent either.
    let decay = try #require(weights.coefficients[.r])
    #expect(decay.visibility > hidden)
  }

  @Test("A gradient in one direction with the buffer leaves coefficients open instead of wrong")
  func fullBatch() throws {
    // Gradients that hardly change: buffer and gradient point almost the same way.
    var walk = RuleWalk(SGDForm(a: 0.9, b: 1, d: -0.01))
    walk.gradient = { place, _, weight in 0.1 * Double(place % 7) - 0.2 + 1e-3 * weight }
    walk.dtype = .float32
    let measured = try DumpMeasurement(of: walk.dump())
    let weights = try #require(measured.weights)
    for (coefficient, value) in MeasurementTests.truth(SGDForm(a: 0.9, b: 1, d: -0.01), .whole) {
      guard let estimate = weights.coefficients[coefficient] else { continue }
      #expect(
        abs(estimate.value - value) <= 5 * estimate.standardError,
        "\(coefficient) \(estimate)"
      )
    }
  }

  @Test("A gradient that is the weight itself merges with it")
  func parallel() throws {
    var walk = RuleWalk(Self.heavyBall)
    walk.gradient = { _, _, weight in 2 * weight }
    walk.shapes = [("W1", [20, 10])]
    let weights = try #require(try DumpMeasurement(of: walk.dump()).weights)
    #expect(weights.coefficients[.b] == nil && weights.coefficients[.c] == nil)
    #expect(weights.coefficients[.q] == nil && weights.coefficients[.r] == nil)
    let kept = weights.coefficients[.a]
    #expect(kept == nil || abs((kept?.value ?? 0) - 0.9) <= 5 * (kept?.standardError ?? 0))
  }

  @Test("The first step, from no buffer, tells all but what is kept of it")
  func firstStep() throws {
    var walk = RuleWalk(Self.heavyBall)
    walk.stepCount = 2
    let measured = try DumpMeasurement(of: walk.dump())
    let weights = try #require(measured.weights)
    #expect(weights.coefficients[.a] == nil && weights.coefficients[.p] == nil)
    #expect(abs((weights.coefficients[.b]?.value ?? 0) - 1) < 1e-12)
    #expect(abs((weights.coefficients[.r]?.value ?? 0) + 1e-3) < 1e-12)
    #expect(measured.steps.count == 1)
  }

  @Test("PyTorch's undamped first step is told apart from the others")
  func undamped() throws {
    var walk = RuleWalk(
      .pytorch,
      Hyperparameters(learningRate: 0.1, momentum: 0.9, dampening: 0.5)
    )
    let measured = try DumpMeasurement(of: walk.dump())
    let weights = try #require(measured.weights)
    #expect(weights.hasOtherBeginning && weights.steps == [1, 2, 3, 4])
    #expect(weights.coefficients[.b]?.isNear(0.5) ?? false)
    #expect(measured.steps[0].weights?.coefficients[.b]?.isNear(1) ?? false)
    #expect(!measured.notes.isEmpty)
  }

  @Test(
    "A schedule shows step by step",
    arguments: ["pytorch", "keras", "nielsen", "cs231n", "network2"]
  )
  func schedule(name: String) throws {
    guard case .sgd(let rule) = try UpdateRule.named(name) else { return }
    var numbers = Hyperparameters(learningRate: 0.1, weightDecay: 0.01)
    if rule.hyperparameters.contains(where: { $0.name == .momentum }) {
      numbers[.momentum] = .number(0.9)
    }
    var walk = RuleWalk(rule, numbers) { 1 / Double($0 + 1) }
    let measured = try DumpMeasurement(of: walk.dump())
    #expect(measured.weights?.fits[.weight]?.isExplained == false)
    #expect(measured.weights?.alignment == Alignment())
    #expect(measured.steps.map(\.place).suffix(4) == [1, 2, 3, 4])
    for step in measured.steps {
      let truth = walk.form(step.place, true, step.place > 0).normalForm
      let found = try #require(step.weights?.coefficients[.q])
      #expect(found.isNear(truth.q), "\(step.place): \(found) \(truth.q)")
    }
  }

  /// A way to dump, and how it is to be understood.
  struct Habit: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// How many steps after the weight's a gradient is of.
    var gradient: Int
    /// Likewise of a buffer.
    var velocity: Int
    var alignment: Alignment
  }

  @Test(
    "Dumps after the step and between its lines are found out",
    arguments: [
      Habit(testDescription: "before", gradient: 0, velocity: 0, alignment: Alignment()),
      Habit(
        testDescription: "after",
        gradient: -1,
        velocity: 0,
        alignment: Alignment(gradientShift: 1)
      ),
      Habit(
        testDescription: "between",
        gradient: 0,
        velocity: 1,
        alignment: Alignment(velocityShift: -1)
      ),
    ]
  )
  func habits(habit: Habit) throws {
    for form in [
      Self.heavyBall, Self.decoupled, SGDForm(a: 0.9, b: -0.1, c: -0.01, d: 1.9, e: -0.9),
    ] {
      var walk = RuleWalk(form)
      walk.stepCount = 8
      let whole = try walk.dump()
      var dump = whole
      for place in whole.series.indices {
        let range = 1..<7
        let series = whole.series[place]
        dump.series[place].weights = range.map { series.weights[$0] }
        dump.series[place].gradients = range.map { series.gradients[$0 + habit.gradient] }
        dump.series[place].velocities = range.map { series.velocities[$0 + habit.velocity] }
      }
      let measured = try DumpMeasurement(of: dump)
      #expect(measured.weights?.alignment == habit.alignment)
      try MeasurementTests.check(measured.weights, form, 1e-12)
      let blind = try DumpMeasurement(of: dump.keeping(gradients: true, velocities: false))
      #expect(blind.weights?.alignment.gradientShift == habit.alignment.gradientShift)
      try MeasurementTests.check(blind.weights, form, 1e-10)
      let deaf = try DumpMeasurement(of: dump.keeping(gradients: false, velocities: true))
      #expect(deaf.weights?.alignment.velocityShift == habit.alignment.velocityShift)
      try MeasurementTests.check(deaf.weights, form, 1e-10)
    }
  }

  @Test("A gradient that comes a step late is found out, with the buffers or without")
  func late() throws {
    let form = SGDForm(a: 0.9, b: 1, d: -0.01)
    var walk = RuleWalk(form)
    let whole = try walk.dump()
    var dump = whole
    for place in whole.series.indices {
      let series = whole.series[place]
      dump.series[place].weights.removeFirst()
      dump.series[place].velocities.removeFirst()
      // The step from dump k is taken with the gradient that dump k − 1 shows.
      dump.series[place].gradients =
        Array(series.gradients[1...].dropFirst()) + [series.gradients[0]]
    }
    let measured = try DumpMeasurement(of: dump)
    #expect(measured.weights?.alignment == Alignment(gradientShift: -1))
    try MeasurementTests.check(measured.weights, form, 1e-12)
    let blind = try DumpMeasurement(of: dump.keeping(gradients: true, velocities: false))
    #expect(blind.weights?.alignment == Alignment(gradientShift: -1))
  }

  @Test("Without gradients, weights that never had one tell what happens to them")
  func probes() throws {
    for (form, hasTwoModes) in [(Self.heavyBall, true), (Self.decoupled, false)] {
      for dtype in [DType.float64, .float32] {
        var walk = RuleWalk(form)
        walk.dtype = dtype
        walk.stepCount = 20
        walk.shapes = [("W1", [40, 20]), ("W2", [10, 10])]
        // One in four never has a gradient.
        walk.gradient = { place, noise, _ in place % 4 == 1 ? 0 : noise }
        let measured = try DumpMeasurement(of: walk.idleDump())
        let weights = try #require(measured.parameters.first)
        #expect(weights.evidence == .weightsOnly)
        let loss = try #require(weights.coefficients[.loss])
        if hasTwoModes {
          let determinant = try #require(weights.coefficients[.determinant])
          #expect(abs(determinant.value - 0.9) <= 5 * determinant.standardError)
          #expect(abs(loss.value - 1e-3) <= 5 * loss.standardError)
        } else {
          #expect(weights.coefficients[.determinant] == nil)
          #expect(abs(loss.value - 3e-5) <= 5 * loss.standardError, "\(loss)")
        }
      }
    }
  }

  @Test("A buffer that is never stored is seen to stay")
  func neverStored() throws {
    var walk = RuleWalk(SGDForm(d: 0, f: -0.01))
    let measured = try DumpMeasurement(of: walk.dump())
    #expect(measured.weights?.hasStillVelocity == true)
    #expect(measured.weights?.coefficients[.q]?.isNear(-0.01) == true)
  }

  @Test(
    "A buffer of another layer is named, before its step or after it",
    arguments: [false, true]
  )
  func wrongLayer(isNew: Bool) throws {
    var walk = RuleWalk(Self.decoupled)
    walk.shapes = [("W1", [8, 8]), ("W2", [8, 8]), ("W3", [8, 8])]
    let right = try DumpMeasurement(of: walk.dump())
    #expect(right.parameters.allSatisfy { $0.borrowing == nil })
    // v2 = μ v1 + g2, and w3 moves by the new v1.
    var dump = try walk.dump()
    for step in 0..<walk.stepCount - 1 {
      let numbers = { (name: Int) in
        let series = dump.series[name]
        return try [series.weights[step], series.velocities[step], series.gradients[step]].map {
          try $0?.elements(as: Double.self) ?? [Double](repeating: 0, count: 64)
        }
      }
      let (first, second, third) = (try numbers(0), try numbers(1), try numbers(2))
      let next = try #require(dump.series[0].velocities[step + 1]).elements(as: Double.self)
      let buffer = zip(isNew ? next : first[1], second[2]).map { 0.9 * $0 + $1 }
      let shape = try Shape([8, 8])
      dump.series[1].velocities[step + 1] = try Tensor(buffer, shape: shape)
      dump.series[1].weights[step + 1] = try Tensor(
        zip(second[0], buffer).map { $0 - 0.01 * $1 },
        shape: shape
      )
      dump.series[2].weights[step + 1] = try Tensor(
        zip(third[0], next).map { $0 - 0.01 * $1 },
        shape: shape
      )
    }
    let measured = try DumpMeasurement(of: dump)
    #expect(measured.parameters[0].borrowing == nil)
    let lent = try #require(measured.parameters[1].borrowing)
    #expect(lent.line == .velocity && lent.name == "W1" && lent.kind == .velocity)
    let moved = try #require(measured.parameters[2].borrowing)
    #expect(moved.line == .weight && moved.name == "W1" && moved.kind == .velocity)
  }

  @Test(
    "A decay of less than half a step changes no weight",
    arguments: [
      (DType.float32, 2e-8, 0.0), (.float32, 1e-6, 1.0), (.float64, 2e-8, 1.0),
      (.bfloat16, 1e-3, 0.0),
    ]
  )
  func halfStep(dtype: DType, share: Double, changed: Double) throws {
    var walk = RuleWalk(Self.heavyBall)
    let dump = try walk.dump()
    #expect(try dump.shareChanged(byShrinking: share, in: dtype) == changed)
  }

  @Test("A sum of gradients is larger than the mean of a cross-entropy could be")
  func largestGradient() throws {
    var walk = RuleWalk(Self.heavyBall)
    walk.gradient = { _, noise, _ in 40 * noise }
    let measured = try DumpMeasurement(of: walk.dump())
    #expect((measured.biases?.largestGradient ?? 0) > 1)
    #expect((measured.biases?.largestGradient ?? 9) <= 8)
  }

  @Test(
    "Whatever numbers a dump holds, what is told of them is finite",
    arguments: [0, 1, .leastNonzeroMagnitude, 1e-170, 1e300, .greatestFiniteMagnitude],
    [[0], [1], [3], [4, 4]]
  )
  func anyNumbers(size: Double, extents: [Int]) throws {
    var random = RuleWalk.Random()
    let shape = try Shape(extents)
    for isVaried in [false, true] {
      let rows = try (0..<12).map { _ in
        let values = (0..<shape.elementCount).map { _ in size * (isVaried ? random.next() : 1) }
        return try Tensor(values, shape: shape)
      }
      let series = TensorSeries(
        name: "W",
        isWeight: true,
        weights: Array(rows[..<4]),
        gradients: Array(rows[4..<8]),
        velocities: Array(rows[8...])
      )
      for (gradients, velocities) in [(true, true), (false, true), (true, false), (false, false)] {
        let dump = StepDump(series: [series])
          .keeping(gradients: gradients, velocities: velocities)
        let measured = try DumpMeasurement(of: dump)
        for measurement in measured.parameters + measured.steps.compactMap(\.weights) {
          let numbers = measurement.coefficients.values.flatMap { [$0.value, $0.standardError] }
          let fits = measurement.fits.values.flatMap { [$0.residual, $0.rounding, $0.condition] }
          let isFinite = (numbers + fits).allSatisfy { $0.isFinite }
          #expect(isFinite, "\(measurement)")
        }
      }
    }
  }
}
