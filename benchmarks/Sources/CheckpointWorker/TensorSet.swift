import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import OrderedCollections

/// The checkpoints that are saved and loaded.
enum TensorSet: String {
  /// Weights and velocities of a 784-100-10 network: 8 tensors, 0.64 MB.
  case small = "S"
  /// The same as a run saves it, with random streams and the history of 20 epochs: 16 tensors.
  case smallRun = "S-run"
  /// Weights and velocities of a 784-4608-4608-10 network: 12 tensors, 199 MB.
  case medium = "M"

  /// The checkpoint; its numbers are random, since no format here looks at them.
  func checkpoint() throws(FlywheelError) -> Checkpoint {
    let widths = self == .medium ? [784, 4608, 4608, 10] : [784, 100, 10]
    var random = Philox(seed: 0, stream: 0)
    var parameters: OrderedDictionary<String, Parameter> = [:]
    var velocities: OrderedDictionary<String, Tensor> = [:]
    for layer in 0..<widths.count - 1 {
      let (inputs, outputs) = (widths[layer], widths[layer + 1])
      for (kind, extents) in [("weight", [outputs, inputs]), ("bias", [outputs])] {
        let name = "layers.\(layer).\(kind)"
        let shape = try Shape(extents)
        parameters[name] = Parameter(
          value: try Self.tensor(shape, &random),
          group: 0,
          axes: extents.count == 2 ? ["out", "in"] : ["out"]
        )
        velocities[name] = try Self.tensor(shape, &random)
      }
    }
    var checkpoint = Checkpoint(
      saved: .init(run: String(repeating: "0", count: 32), time: "2026-01-02T03:04:05Z"),
      parameters: parameters,
      optimizer: OptimizerState(
        rule: SGDRule.pytorch.name,
        groups: [ParameterGroup(hyperparameters: .init(learningRate: 0.1, momentum: 0.9))],
        step: 1,
        sizes: .init(batch: 10, training: 60_000),
        slots: [SGDRule.slotName: velocities]
      ),
      progress: Progress()
    )
    if self == .smallRun { try Self.addHistory(to: &checkpoint) }
    return checkpoint
  }

  private static func tensor(_ shape: Shape, _ random: inout Philox) throws(FlywheelError) -> Tensor
  {
    var elements: [Float] = []
    elements.reserveCapacity(shape.elementCount)
    for _ in 0..<shape.elementCount { elements.append(Float(random.uniform()) - 0.5) }
    return try Tensor(elements, shape: shape)
  }

  private static func addHistory(to checkpoint: inout Checkpoint) throws(FlywheelError) {
    checkpoint.random = [
      "initialization": Philox(seed: 0, stream: 0).words, "order": Philox(seed: 0, stream: 1).words,
    ]
    for epoch in 1...20 {
      try checkpoint.history.append(
        step: epoch * 6000,
        [
          "epoch": Double(epoch), "learning_rate": 0.1, "training_loss": 1 / Double(epoch),
          "training_accuracy": 0.9, "validation_loss": 0.3, "validation_accuracy": 0.95,
        ]
      )
    }
  }
}
