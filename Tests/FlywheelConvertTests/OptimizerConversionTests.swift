import FlywheelCheckpoint
import FlywheelConvert
import FlywheelCore
import FlywheelDialects
import FlywheelOptim
import OrderedCollections
import Testing

@Suite("Optimizer states from one rule to another")
struct OptimizerConversionTests {
  private static let sizes = TrainingSizes(batch: 10, training: 50_000)

  private static func weight<Element: TensorElement>(_ values: [Element]) throws -> Tensor {
    try Tensor(values, shape: try Shape([2, values.count / 2]))
  }

  /// A layer's weight, two by two, and its bias, each with a velocity if there are buffers; the groups are
  /// the weight's, and the bias's if it has one of its own.
  private static func checkpoint(
    _ rule: String,
    _ groups: [ParameterGroup],
    dtype: DType = .float64,
    velocity: Bool = true,
    schedule: Schedule? = nil
  ) throws -> Checkpoint {
    let rule = try UpdateRule.named(rule)
    let tensors = try [
      weight([1, -2, 0.3, 4]), Tensor(vector: [0.5, -0.25]),
      weight([0.1, 0.2, -0.7, 0]), Tensor(vector: [3, 0.9]),
    ].map { try $0.converted(to: dtype) }
    return Checkpoint(
      saved: .init(run: String(repeating: "0", count: 32), time: "2026-01-02T03:04:05Z"),
      parameters: [
        "layers.0.weight": Parameter(value: tensors[0], group: 0, axes: ["out", "in"]),
        "layers.0.bias": Parameter(value: tensors[1], group: groups.count - 1, axes: ["out"]),
      ],
      optimizer: OptimizerState(
        rule: rule.name,
        groups: try groups.map { group in
          ParameterGroup(
            hyperparameters: try rule.completed(group.hyperparameters),
            lastLearningRate: group.lastLearningRate,
            initialLearningRate: group.initialLearningRate
          )
        },
        step: velocity ? 30 : 0,
        sizes: sizes,
        slots: velocity
          ? ["velocity": ["layers.0.weight": tensors[2], "layers.0.bias": tensors[3]]] : [:]
      ),
      schedule: schedule,
      progress: Progress()
    )
  }

  private static func group(
    _ rate: Double,
    momentum: Double = 0.9,
    _ others: [Hyperparameter: Hyperparameters.Value] = [:],
    last: Double? = nil,
    initial: Double? = nil
  ) -> ParameterGroup {
    let numbers = Hyperparameters([
      .learningRate: .number(rate), .momentum: .number(momentum),
    ])
    return ParameterGroup(
      hyperparameters: numbers.merging(Hyperparameters(others)),
      lastLearningRate: last ?? rate,
      initialLearningRate: initial
    )
  }

  private static func convert(
    _ checkpoint: Checkpoint,
    to rule: String,
    in dialect: Dialect? = nil,
    with given: [Hyperparameter: Hyperparameters.Value] = [:],
    approximates: Bool = false
  ) throws -> OptimizerConversion {
    try OptimizerConversion(
      checkpoint,
      to: try .named(rule),
      .init(given: Hyperparameters(given), target: dialect, approximates: approximates)
    )
  }

  private static func velocity(_ conversion: OptimizerConversion, _ kind: String) -> Tensor? {
    conversion.checkpoint.optimizer.slots["velocity"]?["layers.0.\(kind)"]
  }

  private static func elements(_ tensor: Tensor?) throws -> [Double] {
    try #require(tensor).converted(to: .float64).elements()
  }

  /// What is refused, and how: nil if it is not.
  private static func refusal(of body: () throws -> Void) -> FlywheelError? {
    do {
      try body()
      return nil
    } catch {
      return error as? FlywheelError
    }
  }

  // MARK: Groups

  @Test("Groups merge where the numbers that part them are felt by one of them alone")
  func merge() throws {
    let source = try Self.checkpoint(
      "pytorch",
      [Self.group(0.05, [.weightDecay: .number(1e-4)]), Self.group(0.05)]
    )
    let conversion = try Self.convert(source, to: "nielsen", in: .nielsen)
    let optimizer = conversion.checkpoint.optimizer
    #expect(optimizer.groups.count == 1 && optimizer.rule == "nielsen")
    #expect(optimizer.groups[0].hyperparameters.weightDecay == 5)
    #expect(conversion.checkpoint.parameters.values.map(\.group) == [0, 0])
    for kind in ["weight", "bias"] {
      let old = source.optimizer.slots["velocity"]?["layers.0.\(kind)"]
      let expected = try Self.elements(old).map { -0.05 * $0 }
      #expect(try Self.elements(Self.velocity(conversion, kind)) == expected)
    }
    #expect(conversion.parts.map(\.parameters) == [["layers.0.weight"], ["layers.0.bias"]])

    // And part again, where a bias would feel them.
    let back = try Self.convert(conversion.checkpoint, to: "pytorch", in: .pytorch)
    let groups = back.checkpoint.optimizer.groups
    #expect(groups.map(\.hyperparameters.weightDecay) == [1e-4, 0])
    #expect(back.checkpoint.parameters.values.map(\.group) == [0, 1])
  }

  @Test("Two learning rates have no room in a dialect with one, and the error names all numbers")
  func twoRates() throws {
    let source = try Self.checkpoint("pytorch", [Self.group(0.05), Self.group(0.1)])
    let error = Self.refusal { _ = try Self.convert(source, to: "nielsen", in: .nielsen) }
    #expect(error?.code == .unsupported)
    for word in ["'nielsen'", "learning_rate", "0.05", "0.1", "layers.0.bias"] {
      #expect(error?.message.contains(word) == true, "\(word) in \(error?.message ?? "")")
    }
    // Flywheel's own names have room for both.
    #expect(try Self.convert(source, to: "nielsen").checkpoint.optimizer.groups.count == 2)
  }

  @Test("A mask of optax tells decays apart, and nothing else")
  func masks() throws {
    let decay = Self.group(0.05, [.weightDecay: .number(0.1)])
    let decays = try Self.checkpoint("pytorch", [decay, Self.group(0.05)])
    let conversion = try Self.convert(decays, to: "optax", in: .optax)
    #expect(
      conversion.checkpoint.optimizer.groups.map(\.hyperparameters.weightDecay) == [0.1, 0]
    )
    let momenta = try Self.checkpoint("pytorch", [decay, Self.group(0.05, momentum: 0.8)])
    let error = Self.refusal { _ = try Self.convert(momenta, to: "optax", in: .optax) }
    #expect(error?.code == .unsupported && error?.message.contains("momentum") == true)
  }

  // MARK: Buffers

  @Test(
    "A re-parameterised decay puts a share of the weight into the velocity, element by element",
    arguments: [DType.float64, .float32]
  )
  func sharesOfWeights(dtype: DType) throws {
    let numbers = Self.group(0.01, [.weightDecay: .number(0.1)])
    let source = try Self.checkpoint("keras", [numbers], dtype: dtype)
    let conversion = try Self.convert(source, to: "pytorch")
    let group = conversion.checkpoint.optimizer.groups[0].hyperparameters
    #expect(abs(group.momentum - 0.8991) < 1e-15 && group.weightDecay == 0.01)
    for kind in ["weight", "bias"] {
      let weights = try Self.elements(source.parameters["layers.0.\(kind)"]?.value)
      let old = try Self.elements(source.optimizer.slots["velocity"]?["layers.0.\(kind)"])
      let tensor = Self.velocity(conversion, kind)
      #expect(tensor?.dtype == dtype)
      for (found, (v, w)) in zip(try Self.elements(tensor), zip(old, weights)) {
        // Keras subtracts x = lr wd of the weight before the velocity is added.
        let expected = -v / (0.01 * 0.999) + 0.1 / 0.999 * w
        let tolerance = (dtype == .float64 ? 1e-14 : 6e-8) * max(abs(expected), abs(v / 0.01))
        #expect(abs(found - expected) <= tolerance)
      }
      #expect(
        conversion.checkpoint.parameters["layers.0.\(kind)"]?.value.dtype == dtype
      )
    }
  }

  @Test("Where there is no buffer yet none is made, unless the weight has a share in it")
  func absentBuffers() throws {
    let plain = try Self.checkpoint("pytorch", [Self.group(0.05)], velocity: false)
    #expect(try Self.convert(plain, to: "nielsen").checkpoint.optimizer.slots.isEmpty)

    let decoupled = try Self.checkpoint(
      "keras",
      [Self.group(0.01, [.weightDecay: .number(0.1)])],
      velocity: false
    )
    let conversion = try Self.convert(decoupled, to: "pytorch")
    let weights = try Self.elements(decoupled.parameters["layers.0.weight"]?.value)
    let found = try Self.elements(Self.velocity(conversion, "weight"))
    for (v, w) in zip(found, weights) { #expect(abs(v - 0.1 / 0.999 * w) <= 1e-14 * abs(w)) }
  }

  @Test("A master weight is what the optimizer sees, and stays")
  func masters() throws {
    var source = try Self.checkpoint(
      "keras",
      [Self.group(0.01, [.weightDecay: .number(0.1)])]
    )
    let master = try Self.weight([1.001, -2.003, 0.301, 4.007])
    let half = try master.converted(to: .bfloat16)
    source.parameters["layers.0.weight"]?.value = half
    source.parameters["layers.0.weight"]?.master = master
    let conversion = try Self.convert(source, to: "pytorch")
    let old = try Self.elements(source.optimizer.slots["velocity"]?["layers.0.weight"])
    let found = try Self.elements(Self.velocity(conversion, "weight"))
    for (found, (v, w)) in zip(found, zip(old, try Self.elements(master))) {
      #expect(abs(found - (-v / (0.01 * 0.999) + 0.1 / 0.999 * w)) < 1e-12)
    }
    let parameter = try #require(conversion.checkpoint.parameters["layers.0.weight"])
    let kept = try #require(parameter.master)
    #expect(kept.hasSameBytes(as: master) && parameter.value.hasSameBytes(as: half))
  }

  @Test("A buffer that is missing beside others is named")
  func missingBuffer() throws {
    var source = try Self.checkpoint("adam", [Self.group(0.01, momentum: 0)], velocity: false)
    source.optimizer.step = 3
    source.optimizer.slots["exp_avg"] = source.parameters.mapValues(\.value)
    let error = Self.refusal { _ = try Self.convert(source, to: "optax_adam") }
    #expect(error?.code == .notFound && error?.message.contains("exp_avg_sq") == true)
  }

  // MARK: Rates

  @Test("Rates before, now and at first change alike: cs230's are those of averages")
  func rates() throws {
    let source = try Self.checkpoint("pytorch", [Self.group(0.025, last: 0.05, initial: 0.1)])
    let group = try Self.convert(source, to: "cs230").checkpoint.optimizer.groups[0]
    #expect(group.hyperparameters.learningRate == 0.25)
    #expect(group.lastLearningRate == 0.5 && group.initialLearningRate == 1)
  }

  @Test("The scale of the rates is known even where a warm-up begins at 0")
  func restingRate() throws {
    let schedule = Schedule(shape: .constant, unit: .step, warmup: .init(over: 5, start: 0))
    var source = try Self.checkpoint(
      "pytorch",
      [Self.group(0, initial: 0.1)],
      velocity: false,
      schedule: schedule
    )
    source.optimizer.groups[0].lastLearningRate = nil
    let group = try Self.convert(source, to: "cs230").checkpoint.optimizer.groups[0]
    #expect(group.hyperparameters.learningRate == 0)
    #expect(group.initialLearningRate == 1 && group.lastLearningRate == nil)
  }

  @Test("Under a schedule the momentum follows the rate where the rate changes its place")
  func schedules() throws {
    let cosine = Schedule(shape: .cosine(over: 100, end: 0), unit: .step)
    let groups = [Self.group(0.05, last: 0.051, initial: 0.1)]
    let source = try Self.checkpoint("pytorch", groups, schedule: cosine)
    let conversion = try Self.convert(source, to: "nielsen")
    let numbers = conversion.checkpoint.optimizer.groups[0].hyperparameters
    #expect(numbers[.momentumCorrection] == .flag(true))
    #expect(conversion.parts[0].conversion.verdict.kind == "exact_with_scheduled_momentum")

    let constant = try Self.convert(try Self.checkpoint("pytorch", groups), to: "nielsen")
    let still = constant.checkpoint.optimizer.groups[0].hyperparameters
    #expect(still[.momentumCorrection] == .flag(false))
  }

  // MARK: What is refused

  @Test("What is not exact is refused, unless it is asked for: then its bound is measured")
  func bounds() throws {
    var source = try Self.checkpoint(
      "adam",
      [ParameterGroup(hyperparameters: Hyperparameters([.epsilon: .number(1e-4)]))],
      velocity: false
    )
    source.optimizer.step = 4
    source.optimizer.slots["exp_avg"] = source.parameters.mapValues(\.value)
    source.optimizer.slots["exp_avg_sq"] = [
      "layers.0.weight": try Self.weight([0.04, 1, 2, 3]),
      "layers.0.bias": try Tensor(vector: [0.01, 1]),
    ]
    let error = Self.refusal { _ = try Self.convert(source, to: "keras_adam") }
    #expect(error?.code == .unsupported && error?.message.contains("--approximate") == true)
    let conversion = try Self.convert(source, to: "keras_adam", approximates: true)
    let errors = conversion.parts.map { $0.largestError ?? 0 }
    #expect(errors.count == 2 && errors.allSatisfy { $0 > 0 && $0 < 0.01 })
    // The smaller second moment feels epsilon more.
    #expect(errors[1] > errors[0])
    // No less than a first step without a gradient, after which the moments have shrunk, is off by.
    for (error, smallest) in zip(errors, [0.04, 0.01]) {
      guard case .bounded(let bound) = conversion.parts[0].conversion.verdict else { continue }
      let expected = bound.value(root: (0.999 * smallest).squareRoot())
      #expect(error >= expected * (1 - 1e-12))
    }
  }

  @Test("A centered second moment is what is left of it")
  func centeredBounds() throws {
    var source = try Self.checkpoint(
      "rmsprop",
      [
        ParameterGroup(
          hyperparameters: Hyperparameters([
            .epsilon: .number(1e-4), .centered: .flag(true), .alpha: .number(0.9),
          ])
        )
      ],
      velocity: false
    )
    source.optimizer.step = 4
    source.optimizer.slots["square_avg"] = [
      "layers.0.weight": try Self.weight([1, 1, 1, 1.0]),
      "layers.0.bias": try Tensor(vector: [1, 1.0]),
    ]
    source.optimizer.slots["grad_avg"] = [
      "layers.0.weight": try Self.weight([0, 0.1, 0.9, -0.99]),
      "layers.0.bias": try Tensor(vector: [0, 0.1]),
    ]
    let conversion = try Self.convert(source, to: "keras_rmsprop", approximates: true)
    let errors = conversion.parts.map { $0.largestError ?? 0 }
    guard case .bounded(let bound) = conversion.parts[0].conversion.verdict else {
      Issue.record("\(conversion.parts[0].conversion.verdict)")
      return
    }
    #expect(errors[0] >= bound.value(root: (0.9 * (1 - 0.99 * 0.99)).squareRoot()))
    #expect(errors[1] < errors[0])
  }

  @Test("What is impossible is refused with reason and parameter", arguments: [true, false])
  func impossible(approximates: Bool) throws {
    var numbers = Self.group(0.01, [.weightDecay: .number(0.1)])
    numbers.hyperparameters[.nesterov] = .flag(true)
    let source = try Self.checkpoint("keras", [numbers])
    let error = Self.refusal {
      _ = try Self.convert(source, to: "pytorch", approximates: approximates)
    }
    #expect(error?.code == .unsupported && error?.message.contains("Nesterov") == true)
    #expect(error?.location.tensor == "model/layers.0.weight")
  }

  @Test("Rules that nobody knows and gradients that are summed are refused")
  func unknown() throws {
    var source = try Self.checkpoint("pytorch", [Self.group(0.05)])
    source.optimizer.gradient = .sum
    let summed = Self.refusal { _ = try Self.convert(source, to: "nielsen") }
    #expect(summed?.code == .unsupported && summed?.message.contains("sum") == true)
    source.optimizer.gradient = .mean
    source.optimizer.rule = "lion"
    let unknown = Self.refusal { _ = try Self.convert(source, to: "nielsen") }
    #expect(unknown?.code == .unsupported && unknown?.message.contains("'lion'") == true)
    source.optimizer.rule = "pytorch"
    let number = Self.refusal {
      _ = try Self.convert(source, to: "nielsen", with: [.beta1: .number(0.5)])
    }
    #expect(number?.code == .invalidArgument && number?.message.contains("beta1") == true)
  }
}
