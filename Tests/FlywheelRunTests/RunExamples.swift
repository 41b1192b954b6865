import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import FlywheelRun
import OrderedCollections
import SystemPackage

/// Small checkpoints to fill runs with.
enum RunExamples {
  static func checkpoint(
    step: Int,
    time: String = "2026-01-02T03:04:05Z",
    losses: [(step: Int, value: Double)] = []
  ) throws -> Checkpoint {
    var history = History()
    for loss in losses { try history.append(step: loss.step, ["loss": loss.value]) }
    return Checkpoint(
      saved: .init(run: "0123456789abcdef0123456789abcdef", time: time),
      parameters: [
        "w": Parameter(value: try Tensor(vector: [Float(step)]), group: 0, axes: ["out"])
      ],
      optimizer: OptimizerState(
        rule: "pytorch",
        groups: [ParameterGroup(hyperparameters: .init(learningRate: 0.1))],
        step: step,
        sizes: .init(batch: 1, training: 1),
        slots: [:]
      ),
      progress: Progress(),
      history: history
    )
  }

  /// The steps that the names of a run's checkpoints say.
  static func steps(in run: FilePath) throws -> [Int] {
    try RunDirectory.checkpoints(in: run).compactMap { path in
      Int((path.lastComponent?.string ?? "").dropFirst(5).dropLast(3))
    }
  }
}
