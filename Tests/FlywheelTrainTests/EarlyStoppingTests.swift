import FlywheelCheckpoint
import FlywheelCore
import FlywheelRun
import FlywheelTrain
import OrderedCollections
import Testing

@Suite struct EarlyStoppingTests {
  struct Example: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var metric = "validation_loss"
    var patience: Int
    var delta = 0.0
    var values: [Double]
    /// The epoch after which training ends; epoch and value of the last improvement.
    var stop: (after: Int, epoch: Int, value: Double)?
  }

  static let examples = [
    Example(testDescription: "it falls", patience: 1, values: [3, 2, 1], stop: nil),
    Example(testDescription: "it rises at once", patience: 1, values: [1, 2], stop: (2, 1, 1)),
    Example(
      testDescription: "equal is no better",
      patience: 2,
      values: [1, 1, 1],
      stop: (3, 1, 1)
    ),
    Example(testDescription: "patience lasts", patience: 3, values: [1, 2, 2, 0, 1, 1], stop: nil),
    Example(
      testDescription: "patience ends",
      patience: 3,
      values: [1, 2, 2, 0, 1, 1, 1],
      stop: (7, 4, 0)
    ),
    Example(
      testDescription: "small steps are none",
      patience: 2,
      delta: 0.5,
      values: [3, 2.75, 2.5, 1],
      stop: (3, 1, 3)
    ),
    Example(
      testDescription: "small steps add up",
      patience: 2,
      delta: 0.5,
      values: [3, 2.75, 2.25, 2, 1.5],
      stop: nil
    ),
    Example(
      testDescription: "an accuracy rises",
      metric: "training_accuracy",
      patience: 2,
      values: [0.5, 0.75, 0.6, 0.7],
      stop: (4, 2, 0.75)
    ),
    Example(
      testDescription: "no number is no improvement",
      patience: 2,
      values: [.nan, 2, .nan, .nan],
      stop: (4, 2, 2)
    ),
    Example(
      testDescription: "infinite is a number",
      patience: 1,
      values: [.infinity, 1],
      stop: nil
    ),
    Example(testDescription: "nothing yet", patience: 1, values: [], stop: nil),
  ]

  @Test(arguments: examples)
  func `training ends when patience does`(example: Example) throws {
    let rule = try EarlyStopping(
      metric: example.metric,
      patience: example.patience,
      minimumDelta: example.delta
    )
    var history = History()
    var stop: EarlyStopping.Standing?
    for (index, value) in example.values.enumerated() where stop == nil {
      try history.append(step: index, [example.metric: value])
      stop = rule.stop(after: history)
    }
    #expect(stop?.epochs == example.stop?.after)
    #expect(stop?.epoch == example.stop?.epoch)
    #expect(stop?.value == example.stop?.value)
  }

  @Test func `the direction is that of the name, unless it is given`() throws {
    for name in ["loss", "training_loss", "validation_loss"] {
      #expect(try EarlyStopping(metric: name, patience: 1).direction == .min)
    }
    for name in ["accuracy", "training_accuracy", "validation_accuracy"] {
      #expect(try EarlyStopping(metric: name, patience: 1).direction == .max)
    }
    #expect(try EarlyStopping(metric: "f1", direction: .max, patience: 1).direction == .max)
    #expect(try EarlyStopping(metric: "loss", direction: .max, patience: 1).direction == .max)
    let error = #expect(throws: FlywheelError.self) { try EarlyStopping(metric: "f1", patience: 1) }
    #expect(error?.code == .invalidArgument)
  }

  @Test(arguments: [(0, 0), (-1, 0), (1, -0.5), (1, .nan), (1, .infinity)] as [(Int, Double)])
  func `numbers out of range are refused`(patience: Int, delta: Double) {
    let error = #expect(throws: FlywheelError.self) {
      try EarlyStopping(metric: "validation_loss", patience: patience, minimumDelta: delta)
    }
    #expect(error?.code == .invalidArgument)
  }
}
