import FlywheelCheckpoint
import FlywheelCore
import FlywheelDiff
import FlywheelOptim
import FlywheelRun
import FlywheelTestSupport
import OrderedCollections
import SystemPackage
import Testing

struct DivergenceTests {
  /// What a training of one weight holds before a step: the weight, its velocity and its gradient.
  struct Row: Sendable, CustomStringConvertible {
    var weight: Float
    var velocity: Float?
    var gradient: Float

    init(_ weight: Float, _ velocity: Float?, _ gradient: Float) {
      (self.weight, self.velocity, self.gradient) = (weight, velocity, gradient)
    }

    var description: String {
      "w \(weight), v \(velocity.map { "\($0)" } ?? "none"), g \(gradient)"
    }
  }

  private static let weight = DiffTensor.Role.parameter("w")
  private static let velocity = DiffTensor.Role.slot("velocity", of: "w")
  private static let gradient = DiffTensor.Role.gradient(of: "w")
  private static let saved = Checkpoint.Saved(
    run: "0123456789abcdef0123456789abcdef",
    time: "2026-01-02T03:04:05Z"
  )

  private static let rows = [
    Row(1, nil, 0.5), Row(0.9, 0.5, 0.25), Row(0.8, 0.75, 0.125), Row(0.7, 1, 0.5),
  ]

  private static func optimizer(
    _ rule: String,
    step: Int,
    momentum: Double,
    _ slots: OrderedDictionary<String, OrderedDictionary<String, Tensor>>
  ) throws -> OptimizerState {
    let numbers = try UpdateRule.named(rule).completed(
      Hyperparameters([.learningRate: .number(0.1), .momentum: .number(momentum)])
    )
    return OptimizerState(
      rule: rule,
      groups: [ParameterGroup(hyperparameters: numbers, lastLearningRate: 0.1)],
      step: step,
      slots: slots
    )
  }

  /// A trace whose rows begin at a step; its velocities are the last rows.
  private static func trace(
    _ rows: [Row],
    from step: Int = 5,
    rule: String = "pytorch",
    momentum: Double = 0.5
  ) throws -> Trace {
    let column = { (values: [Float]) in
      try Tensor(values, shape: Shape([values.count, 1]))
    }
    let velocities = rows.compactMap(\.velocity)
    let traced = TracedParameter(
      values: try column(rows.map(\.weight)),
      gradients: try column(rows.map(\.gradient)),
      group: 0,
      axes: ["out"]
    )
    return Trace(
      saved: saved,
      parameters: ["w": traced],
      optimizer: try optimizer(
        rule,
        step: step,
        momentum: momentum,
        velocities.isEmpty ? [:] : ["velocity": ["w": try column(velocities)]]
      ),
      rows: rows.indices.map { .init(step: step + $0, learningRates: [0.1]) }
    )
  }

  private static func divergence(
    _ rows: [Row],
    _ others: [Row],
    relative: Double? = nil
  ) throws -> Divergence {
    try Divergence(
      of: try trace(rows),
      and: try trace(others),
      ComparisonOptions(tolerances: .init(common: .init(relative: relative, absolute: 0)))
    )
  }

  @Test(
    "What differs first within the steps tells the cause",
    arguments: [
      (0, Row(2, nil, 0.7), [weight], .start), (0, Row(1, nil, 0.7), [gradient], .gradient),
      (2, Row(0.8, 0.75, 0.25), [gradient], .gradient),
      (2, Row(0.7, 0.85, 0.25), [velocity], .buffers),
      (2, Row(0.7, 0.75, 0.25), [weight], .weights),
    ] as [(Int, Row, [DiffTensor.Role], Divergence.Cause)]
  )
  func causes(
    place: Int,
    row: Row,
    roles: [DiffTensor.Role],
    cause: Divergence.Cause
  ) throws {
    var others = Self.rows
    others[place] = row
    others[3] = Row(9, 9, 9)
    let parting = try Self.divergence(Self.rows, others).parting
    #expect(parting == .init(step: 5 + place, tensors: roles, cause: cause))
  }

  @Test("A difference that grew out of smaller ones has the cause of the first of them")
  func smallerDifferences() throws {
    var others = Self.rows
    others[1] = Row(0.9, 0.5, 0.2501)
    others[2] = Row(0.8, 0.9, 0.125)
    let divergence = try Self.divergence(Self.rows, others, relative: 0.01)
    #expect(divergence.parting == .init(step: 7, tensors: [Self.velocity]))
    #expect(
      divergence.firstDifference == .init(step: 6, tensors: [Self.gradient], cause: .gradient)
    )
    #expect(
      divergence.sentences[1].hasPrefix("The first difference at all is in the gradient of w")
    )
    #expect(!divergence.isWithin)
  }

  @Test("Equal traces do not part, and what has no partner is said")
  func unpaired() throws {
    var others = Self.rows
    others[0].velocity = 0
    let divergence = try Divergence(
      of: try Self.trace(Self.rows),
      and: try Self.trace([Row(1, 0, 1)] + others.dropLast(), from: 4)
    )
    #expect(divergence.parting == nil)
    #expect(divergence.steps == [5, 6, 7])
    #expect(divergence.unpairedSteps.first == [8] && divergence.unpairedSteps.second == [4])
    #expect(divergence.unpaired.map(\.role) == [Self.velocity])
    #expect(divergence.unpaired.map(\.verdict) == [.onlySecond])
    #expect(divergence.unpaired.map(\.count) == [1])
    #expect(divergence.sentences == ["They are equal in the 3 steps that both have."])
  }

  @Test("A tensor that never has a partner is a difference")
  func neverPaired() throws {
    let others = Self.rows.map { Row($0.weight, nil, $0.gradient) }
    let divergence = try Self.divergence(Array(Self.rows.dropFirst()), Array(others.dropFirst()))
    #expect(divergence.parting == nil)
    #expect(divergence.unpaired.map(\.count) == [3])
    #expect(!divergence.isWithin)
  }

  @Test("Buffers are compared in one convention, and settings that differ are said")
  func conventions() throws {
    let first = try Self.trace(Self.rows)
    let moved = Self.rows.map { Row($0.weight, $0.velocity.map { -0.1 * $0 }, $0.gradient) }
    let second = try Self.trace(moved, rule: "keras")
    #expect(try Divergence(of: first, and: second).parting == nil)
    let other = try Divergence(of: first, and: try Self.trace(Self.rows, momentum: 0.75))
    #expect(other.parting == nil)
    #expect(
      other.sentences.last
        == "momentum of w differs: 0.5 in A, 0.75 in B."
    )
  }

  @Test("Of two traces without a common step nothing is said but that")
  func nothingInCommon() throws {
    let (first, second) = (try Self.trace(Self.rows), try Self.trace(Self.rows, from: 100))
    let divergence = try Divergence(of: first, and: second)
    #expect(divergence.steps.isEmpty && divergence.tensors.isEmpty)
    #expect(divergence.unpairedSteps.second == [100, 101, 102, 103])
    #expect(divergence.sentences == ["There is no step that both have."])
    #expect(!divergence.isWithin)
  }

  // MARK: Runs

  /// A run that has a checkpoint of each of some steps.
  private static func run(_ directory: FilePath, _ weights: [Int: Float]) throws -> FilePath {
    let checkpoints = directory.appending("checkpoints")
    try FileSystem.createDirectory(checkpoints)
    for (step, weight) in weights {
      let checkpoint = Checkpoint(
        saved: saved,
        parameters: [
          "w": Parameter(value: try Tensor(vector: [weight]), group: 0, axes: ["out"])
        ],
        optimizer: try optimizer(
          "pytorch",
          step: step,
          momentum: 0.5,
          ["velocity": ["w": try Tensor(vector: [Float(step)])]]
        ),
        progress: Progress()
      )
      let digits = "\(step)"
      let name = "step-" + String(repeating: "0", count: 12 - digits.count) + digits + ".h5"
      try CheckpointFile.write(checkpoint, to: checkpoints.appending(name), durability: .cached)
    }
    return directory
  }

  @Test("Of checkpoints, which are many steps apart, no cause follows but the start")
  func runs() throws {
    let directory = try TemporaryDirectory()
    let first = try Self.run(directory.path.appending("a"), [10: 1, 20: 2, 30: 3])
    let second = try Self.run(directory.path.appending("b"), [10: 1, 20: 2.5, 25: 7, 30: 4])
    let divergence = try Divergence(ofRun: first, and: second)
    #expect(divergence.steps == [10, 20, 30])
    #expect(divergence.unpairedSteps.second == [25])
    #expect(divergence.parting == .init(step: 20, tensors: [Self.weight]))
    #expect(divergence.tensors.map(\.role) == [Self.weight, Self.velocity])
    #expect(divergence.tensors.map(\.departure) == [20, nil])
    let third = try Self.run(directory.path.appending("c"), [10: 1.5])
    #expect(try Divergence(ofRun: first, and: third).parting?.cause == .start)
  }

  @Test("A damaged checkpoint is passed over, and said")
  func damaged() throws {
    let directory = try TemporaryDirectory()
    let first = try Self.run(directory.path.appending("a"), [10: 1, 20: 2])
    let second = try Self.run(directory.path.appending("b"), [10: 1, 20: 2])
    try AtomicFile.write([1, 2, 3], to: second.appending("checkpoints/step-000000000010.h5"))
    let divergence = try Divergence(ofRun: first, and: second)
    #expect(divergence.steps == [20])
    #expect(divergence.isWithin)
    #expect(divergence.notes.count == 1 && divergence.notes[0].hasPrefix("passed over step 10"))
  }
}
