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
  private var hyperparameters: Hyperparameters
  private var step = 0
  private var hasBuffers = false
  private var progress = Progress()
  private var history = History()
  private var initializationState: [UInt64]

  /// Starts from the beginning.
  init(_ configuration: TrainingConfiguration, _ data: DataSet, run: String) throws(FlywheelError) {
    self.configuration = configuration
    self.data = data
    self.run = run
    hyperparameters = configuration.hyperparameters
    batches = ImageBatches(data.training)
    network = try Network(
      shape: configuration.network,
      batchSize: configuration.data.batchSize
    )
    var random = RandomStream.initialization.generator(seed: configuration.seed)
    network.initialize(configuration.initialization, from: &random)
    initializationState = random.words
  }

  /// Goes on from a checkpoint.
  init(
    _ configuration: TrainingConfiguration,
    _ data: DataSet,
    run: String,
    from checkpoint: Checkpoint
  ) throws(FlywheelError) {
    try self.init(configuration, data, run: run)
    try Self.require(checkpoint, fits: configuration, data)
    for (index, layer) in network.layers.enumerated() {
      for (name, value, velocity) in Self.parameters(of: layer, index) {
        guard let parameter = checkpoint.parameters[name] else {
          throw FlywheelError(
            .notFound,
            "The checkpoint has no parameter '\(name)', which the network \(configuration.network.layers) needs."
          )
        }
        try value.load(parameter.value)
        if let buffer = checkpoint.optimizer.slots[SGDRule.slotName]?[name] {
          try velocity.load(buffer)
          hasBuffers = true
        }
      }
    }
    hyperparameters = checkpoint.optimizer.groups[0].hyperparameters
    step = checkpoint.optimizer.step
    progress = checkpoint.progress
    history = checkpoint.history
    initializationState =
      checkpoint.random[RandomStream.initialization.name] ?? initializationState
  }

  /// Trains until all epochs are done or a signal asks to stop.
  mutating func train(
    in directory: borrowing RunDirectory,
    interruption: () -> CInt?,
    report: (TrainingEvent) -> Void
  ) throws(FlywheelError) -> TrainingResult {
    let samples = data.training.count
    let batchSize = configuration.data.batchSize
    let batchCount =
      configuration.data.lastBatch == .keep
      ? (samples + batchSize - 1) / batchSize : samples / batchSize
    var pace = Pace(samplesToGo: samplesToGo(batchCount))
    // A run that is killed before its first epoch ends can be resumed too.
    var newest = step == 0 ? try save(in: directory, report) : nil
    var rule = resolvedRule()

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
          return result(signal: signal, try saved(newest, in: directory, report), pace)
        }
        let start = progress.batch * batchSize
        let range = start..<min(start + batchSize, samples)
        let measure = network.step(batches, order: range, rule: rule)
        guard measure.loss.isFinite else { throw diverged("The training loss is \(measure.loss)") }
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
          report(.batch(snapshot(batchCount, rate, left)))
        }
        let isSaveDue =
          configuration.checkpoints.everySteps > 0
          && step % configuration.checkpoints.everySteps == 0
        if isSaveDue, progress.batch < batchCount { newest = try save(in: directory, report) }
      }
      try finishEpoch(batchCount, in: directory, &pace, report)
      if isSaveDueAfterEpoch {
        newest = try save(in: directory, report)
      }
    }
    return result(signal: nil, try saved(newest, in: directory, report), pace)
  }

  // MARK: The parts of the loop

  private var isSaveDueAfterEpoch: Bool {
    let policy = configuration.checkpoints
    return progress.epoch == configuration.epochs
      || policy.everyEpochs > 0 && progress.epoch % policy.everyEpochs == 0
      || policy.everySteps > 0 && step % policy.everySteps == 0
  }

  private mutating func finishEpoch(
    _ batchCount: Int,
    in directory: borrowing RunDirectory,
    _ pace: inout Pace,
    _ report: (TrainingEvent) -> Void
  ) throws(FlywheelError) {
    let seen =
      configuration.data.lastBatch == .keep
      ? data.training.count : batchCount * configuration.data.batchSize
    let loss = progress.epochLoss / Double(seen)
    let accuracy = Double(progress.epochHits) / Double(seen)
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
        throw diverged("The validation loss is \(measure.loss)")
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
    history.append(step: step, row)
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

  private func save(
    in directory: borrowing RunDirectory,
    _ report: (TrainingEvent) -> Void
  ) throws(FlywheelError) -> FilePath {
    let checkpoint = try checkpoint()
    for (name, parameter) in checkpoint.parameters where !parameter.value.isFinite {
      throw diverged("Parameter '\(name)' holds a number that is not finite")
    }
    let path = try directory.save(
      checkpoint,
      retention: Retention(last: configuration.checkpoints.keep)
    )
    report(.saved(path, step: step))
    return path
  }

  /// The checkpoint of the step at hand: the one already saved, or a new one.
  private func saved(
    _ newest: FilePath?,
    in directory: borrowing RunDirectory,
    _ report: (TrainingEvent) -> Void
  ) throws(FlywheelError) -> FilePath {
    if let newest { return newest }
    return try save(in: directory, report)
  }

  /// The state as it is between two steps.
  func checkpoint() throws(FlywheelError) -> Checkpoint {
    var parameters: OrderedDictionary<String, Parameter> = [:]
    var velocities: OrderedDictionary<String, Tensor> = [:]
    for (index, layer) in network.layers.enumerated() {
      for (name, value, velocity) in Self.parameters(of: layer, index) {
        let isWeight = value === layer.weight
        let shape =
          isWeight ? try Shape([layer.outputs, layer.inputs]) : Shape(vector: layer.outputs)
        parameters[name] = Parameter(
          value: try value.tensor(shape: shape),
          group: 0,
          axes: isWeight ? ["out", "in"] : ["out"]
        )
        if hasBuffers { velocities[name] = try velocity.tensor(shape: shape) }
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

  private func diverged(_ what: String) -> FlywheelError {
    FlywheelError(
      .diverged,
      "\(what) at step \(step + 1) (epoch \(progress.epoch + 1), batch \(progress.batch + 1)). "
        + "Training stops; the last good checkpoint is kept. Try a lower learning rate than "
        + "\(hyperparameters.learningRate)."
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

  private func samplesToGo(_ batchCount: Int) -> Int {
    let perEpoch = min(data.training.count, batchCount * configuration.data.batchSize)
    return (configuration.epochs - progress.epoch) * perEpoch
      - progress.batch * configuration.data.batchSize
  }

  private func snapshot(
    _ batchCount: Int,
    _ rate: Double,
    _ secondsLeft: Double
  ) -> TrainingEvent.Snapshot {
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

  private static func parameters(
    of layer: DenseLayer<Scalar>,
    _ index: Int
  ) -> [(name: String, value: PaddedMatrix<Scalar>, velocity: PaddedMatrix<Scalar>)] {
    [
      ("layers.\(index).weight", layer.weight, layer.weightVelocity),
      ("layers.\(index).bias", layer.bias, layer.biasVelocity),
    ]
  }

  private static func require(
    _ checkpoint: Checkpoint,
    fits configuration: TrainingConfiguration,
    _ data: DataSet
  ) throws(FlywheelError) {
    guard checkpoint.optimizer.rule == configuration.rule.name,
      checkpoint.optimizer.groups.count == 1
    else {
      throw FlywheelError(
        .mismatch,
        "The checkpoint was trained by rule '\(checkpoint.optimizer.rule)' with "
          + "\(checkpoint.optimizer.groups.count) groups; "
          + "the configuration asks for '\(configuration.rule.name)' with one."
      )
    }
    if let trained = checkpoint.data, trained.digest != data.digest {
      throw FlywheelError(
        .mismatch,
        "The data have changed: the checkpoint was trained on \(trained.source) with "
          + "\(trained.digest), found \(data.source) with \(data.digest). Resume with the same data."
      )
    }
  }
}
