import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import FlywheelRun
import OrderedCollections
import SystemPackage

/// The loop: batches, epochs, metrics and saves, from a fresh start or from a checkpoint.
///
/// Nothing in its state depends on a clock or on where it was interrupted, so that a resumed run and
/// one that never stopped are equal bit for bit.
struct Trainer<Scalar: TrainingScalar> {
  private let configuration: TrainingConfiguration
  private let data: DataSet
  private let run: String
  private let network: Network<Scalar>
  private var batches: ImageBatches<Scalar>
  private var hyperparameters: Hyperparameters { configuration.hyperparameters }
  private var step = 0
  private var hasBuffers = false
  private var progress = Progress()
  private var history = History()
  private var initializationState: [UInt64]

  /// Starts from the beginning, or goes on from a checkpoint.
  init(
    _ configuration: TrainingConfiguration,
    _ data: DataSet,
    run: String,
    from checkpoint: Checkpoint?
  ) throws(FlywheelError) {
    self.configuration = configuration
    self.data = data
    self.run = run
    // Memory is asked for only after the tensors have shown that the network is of their size.
    if let checkpoint { try Self.requireParameters(checkpoint, of: configuration) }
    batches = ImageBatches(data.training)
    network = try Network(shape: configuration.network, batchSize: configuration.data.batchSize)
    var random = RandomStream.initialization.generator(seed: configuration.seed)
    if checkpoint == nil { network.initialize(configuration.initialization, from: &random) }
    initializationState = random.words
    if let checkpoint { try restore(checkpoint) }
  }

  private mutating func restore(_ checkpoint: Checkpoint) throws(FlywheelError) {
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

  /// Trains until all epochs are done or a signal asks to stop.
  ///
  /// - Parameters:
  ///   - directory: Where to save.
  ///   - newest: The checkpoint in `directory` that holds the state at hand; nil if there is none.
  ///   - interruption: Polled before each step.
  ///   - report: Called with what happens.
  /// - Throws: `diverged`, or what saving throws.
  /// - Returns: How it ended.
  mutating func train(
    in directory: borrowing RunDirectory,
    newest: FilePath?,
    interruption: () -> CInt?,
    report: (TrainingEvent) -> Void
  ) throws(FlywheelError) -> TrainingResult {
    let samples = data.training.count
    let batchSize = configuration.data.batchSize
    var pace = Pace(samplesToGo: samplesToGo)
    var rule = resolvedRule()
    // A run that is killed before its first epoch ends can be resumed too.
    var newest: FilePath? = try saved(newest, in: directory)
    try directory.rewriteMetrics(history)

    while progress.epoch < configuration.epochs {
      batches.reorder(
        EpochOrder.order(
          count: samples,
          seed: configuration.seed,
          stream: RandomStream.order.rawValue,
          epoch: UInt64(progress.epoch)
        )
      )
      pace.startEpoch()
      while progress.batch < batchCount {
        if let signal = interruption() {
          return result(signal: signal, try saved(newest, in: directory), pace)
        }
        let start = progress.batch * batchSize
        let range = start..<min(start + batchSize, samples)
        let measure = network.step(batches, order: range, rule: rule)
        guard measure.loss.isFinite else {
          throw diverged("The training loss is not finite", atStep: step + 1)
        }
        if !hasBuffers, configuration.rule.keepsBuffer(hyperparameters) {
          hasBuffers = true
          rule = resolvedRule()
        }
        step += 1
        progress.batch += 1
        progress.samples += range.count
        progress.epochLoss += measure.loss
        progress.epochHits += measure.hits
        newest = nil
        if let (rate, left) = pace.advance(by: range.count) {
          report(.batch(snapshot(rate, left)))
        }
        let isSaveDue =
          configuration.checkpoints.everySteps > 0
          && step % configuration.checkpoints.everySteps == 0
        if isSaveDue, progress.batch < batchCount { newest = try save(in: directory) }
      }
      try finishEpoch(in: directory, &pace, report)
      if isSaveDueAfterEpoch {
        newest = try save(in: directory)
      }
    }
    return result(signal: nil, try saved(newest, in: directory), pace)
  }

  // MARK: The parts of the loop

  private var isSaveDueAfterEpoch: Bool {
    let policy = configuration.checkpoints
    return progress.epoch == configuration.epochs
      || policy.everyEpochs > 0 && progress.epoch % policy.everyEpochs == 0
      || policy.everySteps > 0 && step % policy.everySteps == 0
  }

  private mutating func finishEpoch(
    in directory: borrowing RunDirectory,
    _ pace: inout Pace,
    _ report: (TrainingEvent) -> Void
  ) throws(FlywheelError) {
    let loss = progress.epochLoss / Double(samplesPerEpoch)
    let accuracy = Double(progress.epochHits) / Double(samplesPerEpoch)
    let (seconds, cpuSeconds, rate) = pace.epoch
    var row: OrderedDictionary<String, Double> = [
      "epoch": Double(progress.epoch + 1),
      "learning_rate": hyperparameters.learningRate,
      "training_loss": loss,
      "training_accuracy": accuracy,
    ]
    var summary = TrainingEvent.Summary(
      epoch: progress.epoch + 1,
      epochs: configuration.epochs,
      trainingLoss: loss,
      trainingAccuracy: accuracy,
      samplesPerSecond: rate,
      seconds: seconds
    )
    if data.validation.count > 0 {
      let measure = network.evaluate(ImageBatches(data.validation))
      guard measure.loss.isFinite else {
        throw diverged("The validation loss is not finite", atStep: step)
      }
      row["validation_loss"] = measure.meanLoss
      row["validation_accuracy"] = measure.accuracy
      summary.validationLoss = measure.meanLoss
      summary.validationAccuracy = measure.accuracy
      if measure.accuracy > progress.best?.value ?? -1 {
        progress.best = .init(
          metric: "validation_accuracy",
          value: measure.accuracy,
          step: step
        )
      }
    }
    try history.append(step: step, row)
    try directory.appendMetrics(history)
    try directory.appendTiming([
      "epoch": JSONValue(progress.epoch + 1),
      "step": JSONValue(step),
      "seconds": JSONValue(seconds),
      "cpu_seconds": JSONValue(cpuSeconds),
      "samples_per_second": JSONValue(rate),
    ])
    progress.epoch += 1
    progress.batch = 0
    progress.epochLoss = 0
    progress.epochHits = 0
    report(.epoch(summary))
  }

  private func save(in directory: borrowing RunDirectory) throws(FlywheelError) -> FilePath {
    let checkpoint = try checkpoint()
    for (name, parameter) in checkpoint.parameters where !parameter.value.isFinite {
      throw diverged("Parameter '\(name)' holds a number that is not finite", atStep: step)
    }
    return try directory.save(
      checkpoint,
      retention: Retention(last: configuration.checkpoints.keep)
    )
  }

  /// The checkpoint of the step at hand: the one already saved, or a new one.
  private func saved(
    _ newest: FilePath?,
    in directory: borrowing RunDirectory
  ) throws(FlywheelError) -> FilePath {
    if let newest { return newest }
    return try save(in: directory)
  }

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

  private func diverged(_ what: String, atStep step: Int) -> FlywheelError {
    FlywheelError(
      .diverged,
      "\(what) at step \(step) (epoch \((step - 1) / batchCount + 1), batch "
        + "\((step - 1) % batchCount + 1)). Training stops; the last good checkpoint is kept. "
        + "Try a lower learning rate than \(hyperparameters.learningRate)."
    )
  }

  // MARK: Numbers

  private var sizes: SGDRule.Sizes {
    SGDRule.Sizes(batch: configuration.data.batchSize, training: data.training.count)
  }

  private func resolvedRule() -> Network<Scalar>.ResolvedRule {
    func resolve(isWeight: Bool) -> SGDForm<Double> {
      configuration.rule.resolve(
        hyperparameters,
        sizes: sizes,
        hasBuffer: hasBuffers,
        isWeight: isWeight
      )
    }
    return .init(weights: resolve(isWeight: true), biases: resolve(isWeight: false))
  }

  /// The number of batches of an epoch.
  private var batchCount: Int {
    let (samples, batchSize) = (data.training.count, configuration.data.batchSize)
    return configuration.data.lastBatch == .keep
      ? (samples + batchSize - 1) / batchSize : samples / batchSize
  }

  /// The number of samples that an epoch trains on.
  private var samplesPerEpoch: Int {
    configuration.data.lastBatch == .keep
      ? data.training.count : batchCount * configuration.data.batchSize
  }

  private var samplesToGo: Double {
    Double(configuration.epochs - progress.epoch) * Double(samplesPerEpoch)
      - Double(progress.batch * configuration.data.batchSize)
  }

  /// The metrics of an epoch, in the order in which they are logged.
  private var metricNames: OrderedSet<String> {
    var names: OrderedSet = ["epoch", "learning_rate", "training_loss", "training_accuracy"]
    if data.validation.count > 0 { names.formUnion(["validation_loss", "validation_accuracy"]) }
    return names
  }

  private func snapshot(_ rate: Double, _ secondsLeft: Double) -> TrainingEvent.Snapshot {
    let seen = min(progress.batch * configuration.data.batchSize, data.training.count)
    return .init(
      epoch: progress.epoch + 1,
      epochs: configuration.epochs,
      fraction: Double(progress.batch) / Double(batchCount),
      loss: progress.epochLoss / Double(seen),
      accuracy: Double(progress.epochHits) / Double(seen),
      samplesPerSecond: rate,
      secondsLeft: secondsLeft
    )
  }

  private func result(signal: CInt?, _ newest: FilePath, _ pace: Pace) -> TrainingResult {
    var result = TrainingResult(
      signal: signal,
      progress: progress,
      step: step,
      checkpoint: newest,
      samplesPerCPUSecond: pace.samplesPerCPUSecond
    )
    if signal == nil, data.test.count > 0 {
      let measure = network.evaluate(ImageBatches(data.test))
      result.testLoss = measure.meanLoss
      result.testAccuracy = measure.accuracy
    }
    return result
  }

  // MARK: Names and checks

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
  private static func requireParameters(
    _ checkpoint: Checkpoint,
    of configuration: TrainingConfiguration
  ) throws(FlywheelError) {
    let optimizer = checkpoint.optimizer
    let keepsBuffer = configuration.rule.keepsBuffer(configuration.hyperparameters)
    for slot in optimizer.slots.keys where slot != SGDRule.slotName || !keepsBuffer {
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
      optimizer.groups[0].hyperparameters == configuration.hyperparameters,
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
