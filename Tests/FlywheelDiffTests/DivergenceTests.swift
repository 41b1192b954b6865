import FlywheelCore
import FlywheelDiff
import OrderedCollections
import Testing

struct DivergenceTests {
  /// What a training of one weight holds before a step: the weight, its velocity and its gradient.
  struct Row: Sendable, CustomStringConvertible {
    var weight: Float
    var velocity: Float?
    var gradient: Float?

    init(_ weight: Float, _ velocity: Float?, _ gradient: Float?) {
      (self.weight, self.velocity, self.gradient) = (weight, velocity, gradient)
    }

    var description: String { "\((weight, velocity, gradient))" }

    func state() throws(FlywheelError) -> Divergence.State {
      var state: Divergence.State = [weightTensor: try Tensor(vector: [weight])]
      if let velocity { state[velocityTensor] = try Tensor(vector: [velocity]) }
      if let gradient { state[gradientTensor] = try Tensor(vector: [gradient]) }
      return state
    }
  }

  private static func divergence(
    _ source: Divergence.Source,
    _ first: [Int: Row],
    _ second: [Int: Row],
    relative: Double = 0
  ) throws -> Divergence {
    try Divergence(
      source,
      first: first.keys.sorted(),
      second: second.keys.sorted(),
      within: { _, _, _ in Tolerance(relative: relative) },
      reading: { (step) throws(FlywheelError) in
        let states = (first[step], second[step])
        return (try states.0?.state() ?? [:], try states.1?.state() ?? [:])
      }
    )
  }

  private static let rows: [Int: Row] = [
    5: Row(1, nil, 0.5), 6: Row(0.9, 0.5, 0.25), 7: Row(0.8, 0.75, 0.125), 8: Row(0.7, 1, 0.5),
  ]

  @Test(
    "What differs first within the steps tells the cause",
    arguments: [
      (5, Row(2, nil, 0.7), [weightTensor], Divergence.Cause.start),
      (5, Row(1, nil, 0.7), [gradientTensor], .gradient),
      (7, Row(0.8, 0.75, 0.25), [gradientTensor], .gradient),
      (7, Row(0.7, 0.85, 0.25), [velocityTensor], .buffers),
      (7, Row(0.7, 0.75, 0.25), [weightTensor], .weights),
    ] as [(Int, Row, [TrainingTensor], Divergence.Cause)]
  )
  func causes(step: Int, row: Row, tensors: [TrainingTensor], cause: Divergence.Cause) throws {
    var others = Self.rows
    others[step] = row
    others[8] = Row(9, 9, 9)
    let parting = try Self.divergence(.rows, Self.rows, others).parting
    #expect(parting == .init(step: step, tensors: tensors, cause: cause))
  }

  @Test("Of checkpoints, which are many steps apart, no cause follows but the start")
  func checkpoints() throws {
    var others = Self.rows
    others[6] = Row(1, 1, nil)
    let parting = try Self.divergence(.checkpoints, Self.rows, others).parting
    #expect(parting == .init(step: 6, tensors: [weightTensor, velocityTensor]))
    others[5] = Row(2, nil, 0.5)
    #expect(try Self.divergence(.checkpoints, Self.rows, others).parting?.cause == .start)
  }

  @Test("A difference that grew out of smaller ones has the cause of the first of them")
  func smallerDifferences() throws {
    var others = Self.rows
    others[6] = Row(0.9, 0.5, 0.2501)
    others[7] = Row(0.8, 0.9, 0.125)
    let divergence = try Self.divergence(.rows, Self.rows, others, relative: 0.01)
    #expect(divergence.parting == .init(step: 7, tensors: [velocityTensor]))
    #expect(
      divergence.firstDifference == .init(step: 6, tensors: [gradientTensor], cause: .gradient)
    )
    #expect(divergence.sentences.count >= 2)
    #expect(!divergence.isWithin)
  }

  @Test("Equal trainings do not part, and what has no partner is said")
  func unpaired() throws {
    var others = Self.rows
    others[4] = Row(1, 1, 1)
    others[5] = Row(1, 0, 0.5)
    others[8] = nil
    let divergence = try Self.divergence(.rows, Self.rows, others)
    #expect(divergence.parting == nil && divergence.isWithin)
    #expect(divergence.steps == [5, 6, 7])
    #expect(divergence.unpairedSteps.first == [8] && divergence.unpairedSteps.second == [4])
    #expect(divergence.unpaired.map(\.tensor) == [velocityTensor])
    #expect(divergence.unpaired.map(\.reason) == [.onlyInSecond])
    #expect(divergence.unpaired.map(\.count) == [1])
    #expect(divergence.sentences == ["They are equal in the 3 steps that both have."])
  }

  @Test("A tensor that never has a partner is a difference")
  func neverPaired() throws {
    let others = Self.rows.mapValues { Row($0.weight, nil, $0.gradient) }
    let divergence = try Self.divergence(.rows, Self.rows, others)
    #expect(divergence.parting == nil)
    #expect(divergence.unpaired.map(\.count) == [3])
    let withoutFirst = Self.rows.filter { $0.key > 5 }
    #expect(try !Self.divergence(.rows, withoutFirst, others).isWithin)
  }

  @Test("Two trainings without a common step are refused, with the steps that they have")
  func nothingInCommon() throws {
    let shifted = [100: Row(1, nil, nil)]
    let error = #expect(throws: FlywheelError.self) {
      try Self.divergence(.rows, Self.rows, shifted)
    }
    #expect(error?.code == .mismatch)
    #expect(error?.message.contains("5, 6, 7, 8") == true)
    #expect(error?.message.contains("100") == true)
  }
}

private let weightTensor = TrainingTensor(parameter: "w", role: .weight)
private let velocityTensor = TrainingTensor(parameter: "w", role: .buffer(slot: "velocity"))
private let gradientTensor = TrainingTensor(parameter: "w", role: .gradient)
