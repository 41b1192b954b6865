import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import OrderedCollections
import Testing

@testable import FlywheelTrain

@Suite("A trainer's words about a converted optimizer")
struct TrainerFollowingTests {
  /// A state that a trainer wrote whose rule was PyTorch's, now under another.
  private func checkpoint(_ schedule: Schedule? = nil) throws -> Checkpoint {
    var configuration = try TrainingConfiguration()
    configuration.network.layers = [3, 2]
    configuration.epochs = 7
    let rule = try UpdateRule.named("nielsen")
    let groups = try [(0.05, 0.1), (0.025, 0.05)].map { next, first in
      ParameterGroup(
        hyperparameters: try rule.completed(
          Hyperparameters([
            .learningRate: .number(next), .momentum: .number(0.5), .weightDecay: .number(3),
          ])
        ),
        lastLearningRate: next,
        initialLearningRate: first
      )
    }
    return Checkpoint(
      saved: .init(run: String(repeating: "0", count: 32), time: "2026-01-02T03:04:05Z"),
      parameters: [
        "layers.0.weight": Parameter(
          value: try Tensor([0, 0, 0, 0, 0, 0.0], shape: try Shape([2, 3])),
          group: 0,
          axes: ["out", "in"]
        ),
        "layers.0.bias": Parameter(value: try Tensor(vector: [0, 0.0]), group: 1, axes: ["out"]),
      ],
      optimizer: OptimizerState(rule: rule.name, groups: groups, step: 4, slots: [:]),
      schedule: schedule,
      progress: Progress(),
      trainer: configuration.json
    )
  }

  @Test("Rule, numbers, groups and schedule follow, at the rates that a schedule multiplies")
  func follows() throws {
    let schedule = Schedule(shape: .cosine(over: 10, end: 0))
    let found = try TrainingConfiguration(try checkpoint(schedule).trainerFollowingOptimizer())
    #expect(found.rule.name == "nielsen" && found.schedule == schedule)
    #expect(found.hyperparameters.learningRate == 0.1)
    #expect(found.hyperparameters.momentum == 0.5 && found.hyperparameters.weightDecay == 3)
    let grouping = try ParameterGrouping(found)
    #expect(grouping.groups == [0, 1])
    #expect(grouping.hyperparameters.map(\.learningRate) == [0.1, 0.05])
    // All else is as it was.
    #expect(found.epochs == 7 && found.network.layers == [3, 2])
    #expect(
      try TrainingConfiguration(try checkpoint().trainerFollowingOptimizer()).schedule == .constant
    )
  }

  @Test("Another trainer's words stay as they are", arguments: [JSONValue.null, ["mine": 1]])
  func others(words: JSONValue) throws {
    var checkpoint = try checkpoint()
    checkpoint.trainer = words
    #expect(try checkpoint.trainerFollowingOptimizer() == words)
  }

  @Test("What Flywheel's trainer does not run is refused")
  func refuses() throws {
    var checkpoint = try checkpoint()
    checkpoint.optimizer.gradient = .sum
    let error = #expect(throws: FlywheelError.self) { try checkpoint.trainerFollowingOptimizer() }
    #expect(error?.code == .unsupported)
  }
}
