import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import OrderedCollections

/// The trainer's state as a checkpoint, and back.
extension Trainer {
  /// The state as it is between two steps.
  func checkpoint() throws(FlywheelError) -> Checkpoint {
    var parameters: OrderedDictionary<String, Parameter> = [:]
    var velocities: OrderedDictionary<String, Tensor> = [:]
    let shapes = try Self.parameterShapes(of: configuration.network)
    for (parameter, shape) in zip(allParameters(), shapes) {
      parameters[parameter.name] = Parameter(
        value: try parameter.value.tensor(shape: shape.shape),
        group: 0,
        axes: shape.axes
      )
      if hasBuffers {
        velocities[parameter.name] = try parameter.velocity.tensor(shape: shape.shape)
      }
    }
    let order = RandomStream.order.generator(seed: configuration.seed, epoch: progress.epoch)
    return Checkpoint(
      saved: .init(run: run, time: Clock.timestamp),
      parameters: parameters,
      optimizer: OptimizerState(
        rule: configuration.rule.name,
        groups: [
          ParameterGroup(
            hyperparameters: hyperparameters,
            lastLearningRate: step > 0 ? hyperparameters.learningRate : nil
          )
        ],
        step: step,
        sizes: sizes,
        slots: hasBuffers ? [SGDRule.slotName: velocities] : [:]
      ),
      schedule: configuration.schedule,
      progress: progress,
      random: [
        RandomStream.initialization.name: initializationState,
        RandomStream.order.name: order.words,
      ],
      data: data.description(configuration),
      backend: .current(for: configuration),
      history: history,
      trainer: configuration.json
    )
  }

  /// Takes over the state of a checkpoint, if it is one of this run.
  mutating func restore(_ checkpoint: Checkpoint) throws(FlywheelError) {
    try require(checkpoint)
    let buffers = checkpoint.optimizer.slots[SGDRule.slotName] ?? [:]
    for parameter in allParameters() {
      // Names, dtypes and shapes have been checked.
      guard let value = checkpoint.parameters[parameter.name]?.value else { continue }
      try parameter.value.load(value)
      if let buffer = buffers[parameter.name] { try parameter.velocity.load(buffer) }
    }
    hasBuffers = !buffers.isEmpty
    step = checkpoint.optimizer.step
    progress = checkpoint.progress
    history = checkpoint.history
    // The lines of metrics.jsonl have one order, whatever program wrote the checkpoint.
    try history.arrange(as: metricNames)
    initializationState =
      checkpoint.random[RandomStream.initialization.name] ?? initializationState
  }

  /// A parameter as the network's architecture has it.
  private struct ParameterShape {
    let name: String
    let shape: Shape
    let axes: [String]
  }

  /// All parameters in order, weights before biases, layer by layer.
  private static func parameterShapes(
    of network: NetworkShape
  ) throws(FlywheelError) -> [ParameterShape] {
    var shapes: [ParameterShape] = []
    for (index, fan) in network.fans.enumerated() {
      let weight = try Shape([fan.outputs, fan.inputs])
      shapes.append(.init(name: "layers.\(index).weight", shape: weight, axes: ["out", "in"]))
      let bias = Shape(vector: fan.outputs)
      shapes.append(.init(name: "layers.\(index).bias", shape: bias, axes: ["out"]))
    }
    return shapes
  }

  /// All parameters under their names, with their buffers, in the order of `parameterShapes`.
  private func allParameters() -> [(
    name: String, value: PaddedMatrix<Scalar>, velocity: PaddedMatrix<Scalar>
  )] {
    network.layers.enumerated().flatMap { index, layer in
      [
        ("layers.\(index).weight", layer.weight, layer.weightVelocity),
        ("layers.\(index).bias", layer.bias, layer.biasVelocity),
      ]
    }
  }

  /// Checks that a checkpoint holds the network's parameters and buffers, all of them and no others.
  static func requireParameters(
    _ checkpoint: Checkpoint,
    of configuration: TrainingConfiguration
  ) throws(FlywheelError) {
    let optimizer = checkpoint.optimizer
    let kept = configuration.rule.slotNames(configuration.hyperparameters)
    for slot in optimizer.slots.keys where !kept.contains(slot) {
      throw misfit("it has buffers '\(slot)', which the rule does not keep and would lose")
    }
    let buffers = optimizer.slots[SGDRule.slotName]
    let parameters = try parameterShapes(of: configuration.network)
    for parameter in parameters {
      let name = parameter.name
      guard let value = checkpoint.parameters[name]?.value else {
        throw misfit("it has no parameter '\(name)'")
      }
      try require(value, parameter, CheckpointKey.parameter(name))
      guard let buffers else { continue }
      guard let buffer = buffers[name] else {
        throw misfit("it has other velocities, but none of '\(name)'")
      }
      try require(buffer, parameter, CheckpointKey.slot(SGDRule.slotName, of: name))
    }
    let names = Set(parameters.map(\.name))
    if let extra = checkpoint.parameters.keys.first(where: { !names.contains($0) }) {
      throw misfit("it has a parameter '\(extra)', which the network has not")
    }
  }

  private static func require(
    _ tensor: Tensor,
    _ parameter: ParameterShape,
    _ key: String
  ) throws(FlywheelError) {
    guard tensor.dtype == Scalar.dtype, tensor.shape == parameter.shape else {
      throw FlywheelError(
        .mismatch,
        "The checkpoint has \(tensor.dtype.rawValue) \(tensor.shape), the network needs "
          + "\(Scalar.dtype.rawValue) \(parameter.shape).",
        at: .init(tensor: key)
      )
    }
  }

  /// Checks that a checkpoint is one that this trainer could have written, as far as it can tell.
  private func require(_ checkpoint: Checkpoint) throws(FlywheelError) {
    let optimizer = checkpoint.optimizer
    let progress = checkpoint.progress
    if let trained = checkpoint.data, trained.digest != data.digest {
      throw FlywheelError(
        .mismatch,
        "The data have changed: the checkpoint was trained on \(trained.source) with "
          + "\(trained.digest), found \(data.source) with \(data.digest). Resume with the same data."
      )
    }
    if let trained = checkpoint.data, trained != data.description(configuration) {
      throw Self.misfit("it splits or scales its data in another way")
    }
    guard optimizer.rule == configuration.rule.name, optimizer.groups.count == 1,
      try configuration.rule.completed(optimizer.groups[0].hyperparameters)
        == configuration.hyperparameters,
      optimizer.gradient == .mean, optimizer.sizes == sizes
    else {
      throw Self.misfit("its optimizer's rule, hyperparameters or sizes are not the trainer's")
    }
    let (steps, overflow) = progress.epoch.multipliedReportingOverflow(by: batchCount)
    guard !overflow, progress.batch < batchCount, optimizer.step - progress.batch == steps else {
      throw Self.misfit(
        "\(progress.epoch) epochs and \(progress.batch) batches of \(batchCount) are not the "
          + "\(optimizer.step) steps that it counts"
      )
    }
    let inEpoch = progress.batch * configuration.data.batchSize
    let (seen, isTooMany) = progress.epoch.multipliedReportingOverflow(by: samplesPerEpoch)
    guard !isTooMany, progress.samples - inEpoch == seen, progress.epochHits <= inEpoch,
      progress.epochLoss.isFinite, checkpoint.history.steps.count == progress.epoch,
      ["validation_accuracy", nil].contains(progress.best?.metric)
    else {
      throw Self.misfit("its samples, sums, metrics or history are not those of its steps")
    }
    let order = RandomStream.order
    guard
      checkpoint.random[order.name]
        == order.generator(seed: configuration.seed, epoch: progress.epoch).words
    else { throw Self.misfit("its random stream '\(order.name)' is not the seed's") }
  }

  private static func misfit(_ what: String) -> FlywheelError {
    FlywheelError(.mismatch, "The checkpoint does not fit this run: \(what).")
  }
}
