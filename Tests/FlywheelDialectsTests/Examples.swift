import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import OrderedCollections

/// Small training states.
enum Examples {
  static let shapes: OrderedDictionary<String, [Int]> = [
    "layers.0.weight": [5, 4], "layers.0.bias": [5], "layers.1.weight": [3, 5],
    "layers.1.bias": [3],
  ]

  /// The state after three steps of a rule, every element of it another number.
  static func checkpoint(
    _ rule: String,
    _ hyperparameters: Hyperparameters = .init(),
    dtype: DType = .float64,
    shapes: OrderedDictionary<String, [Int]> = Self.shapes
  ) throws -> Checkpoint {
    let rule = try UpdateRule.named(rule)
    let names = Set(rule.hyperparameters.map(\.name))
    let hyperparameters = try rule.completed(
      Hyperparameters(hyperparameters.values.filter { names.contains($0.key) })
    )
    var next = 0.0
    func tensor(_ extents: [Int]) throws -> Tensor {
      let shape = try Shape(extents)
      let elements = (0..<shape.elementCount).map { next + Double($0) }
      next += 100
      return try Tensor(elements, shape: shape).converted(to: dtype)
    }
    var parameters: OrderedDictionary<String, Parameter> = [:]
    for (name, extents) in shapes {
      let axes = extents.count == 1 ? ["out"] : ["out", "in"]
      parameters[name] = Parameter(value: try tensor(extents), group: 0, axes: axes)
    }
    var slots: OrderedDictionary<String, OrderedDictionary<String, Tensor>> = [:]
    for slot in rule.slotNames(hyperparameters) {
      for (name, extents) in shapes { slots[slot, default: [:]][name] = try tensor(extents) }
    }
    var progress = Progress()
    progress.samples = 0
    return Checkpoint(
      saved: .init(run: "0123456789abcdef0123456789abcdef", time: "2026-01-02T03:04:05Z"),
      parameters: parameters,
      optimizer: OptimizerState(
        rule: rule.name,
        groups: [.init(hyperparameters: hyperparameters, lastLearningRate: 0.1)],
        step: 3,
        sizes: .init(batch: 6, training: 6),
        slots: slots
      ),
      progress: progress
    )
  }

  /// The tensors of a checkpoint that another program would look for, as a layout has them.
  static func stored(
    _ checkpoint: Checkpoint,
    _ layout: CheckpointLayout
  ) throws -> OrderedDictionary<String, Tensor> {
    var tensors: OrderedDictionary<String, Tensor> = [:]
    for (key, place) in layout.places {
      let components = key.pathComponents.map { CheckpointKey.name(fromComponent: $0) ?? "" }
      let tensor =
        components.count == 2
        ? checkpoint.parameters[components[1]]?.value
        : checkpoint.optimizer.slots[components[1]]?[components[2]]
      tensors[place.key] = try tensor.map { try place.arrangement.store($0) }
    }
    return tensors.merging(layout.counters) { first, _ in first }
  }

  static func descriptions(
    _ tensors: OrderedDictionary<String, Tensor>
  ) -> OrderedDictionary<String, TensorDescription> {
    tensors.mapValues { TensorDescription(of: $0) }
  }

  /// Arrays of float32 with these extents.
  static func arrays(
    _ extents: KeyValuePairs<String, [Int]>
  ) throws -> OrderedDictionary<String, TensorDescription> {
    var arrays: OrderedDictionary<String, TensorDescription> = [:]
    for (key, extents) in extents {
      arrays[key] = try TensorDescription(element: .number(.float32), shape: try Shape(extents))
    }
    return arrays
  }
}
