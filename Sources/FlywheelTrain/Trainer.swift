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
  private let hyperparameters: Hyperparameters
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
    try self.init(configuration, data, run: run)
    if let checkpoint { try restore(checkpoint) }
  }

  private init(
    _ configuration: TrainingConfiguration,
    _ data: DataSet,
    run: String
  ) throws(FlywheelError) {
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

  private mutating func restore(_ checkpoint: Checkpoint) throws(FlywheelError) {
    try require(checkpoint)
    let buffers = checkpoint.optimizer.slots[SGDRule.slotName] ?? [:]
    for parameter in try allParameters() {
      guard let value = checkpoint.parameters[parameter.name]?.value else {
        throw Self.misfit("it has no parameter '\(parameter.name)'")
      }
      try parameter.load(value, into: parameter.value, CheckpointKey.parameter(parameter.name))
      guard !buffers.isEmpty else { continue }
      let key = CheckpointKey.slot(SGDRule.slotName, of: parameter.name)
      guard let buffer = buffers[parameter.name] else {
        throw Self.misfit("it has other velocities, but not '\(parameter.name)''s")
      }
      try parameter.load(buffer, into: parameter.velocity, key)
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
    var newest: FilePath? = try saved(newest, in: directory, report)
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
          return result(signal: signal, try saved(newest, in: directory, report), pace)
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
        if isSaveDue, progress.batch < batchCount { newest = try save(in: directory, report) }
      }
      try finishEpoch(in: directory, &pace, report)
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

  private func save(
    in directory: borrowing RunDirectory,
    _ report: (TrainingEvent) -> Void
  ) throws(FlywheelError) -> FilePath {
    let checkpoint = try checkpoint()
    for (name, parameter) in checkpoint.parameters where !parameter.value.isFinite {
      throw diverged("Parameter '\(name)' holds a number that is not finite", atStep: step)
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
    for parameter in try allParameters() {
      parameters[parameter.name] = Parameter(
        value: try parameter.value.tensor(shape: parameter.shape),
        group: 0,
        axes: parameter.axes
      )
      if hasBuffers {
        velocities[parameter.name] = try parameter.velocity.tensor(shape: parameter.shape)
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
      "\(what) at step \(step) (epoch \(progress.epoch + 1), batch "
        + "\(step - progress.epoch * batchCount)). Training stops; the last good checkpoint is kept. "
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

  /// A parameter of the network under its name, with its buffer.
  private struct NamedParameter {
    let name: String
    let shape: Shape
    let axes: [String]
    let value: PaddedMatrix<Scalar>
    let velocity: PaddedMatrix<Scalar>

    func load(
      _ tensor: Tensor,
      into matrix: PaddedMatrix<Scalar>,
      _ key: String
    ) throws(FlywheelError) {
      guard tensor.dtype == Scalar.dtype, tensor.shape == shape else {
        throw FlywheelError(
          .mismatch,
          "The checkpoint has \(tensor.dtype.rawValue) \(tensor.shape), the network needs "
            + "\(Scalar.dtype.rawValue) \(shape).",
          at: .init(tensor: key)
        )
      }
      try matrix.load(tensor)
    }
  }

  /// All parameters in order, weights before biases, layer by layer.
  private func allParameters() throws(FlywheelError) -> [NamedParameter] {
    var parameters: [NamedParameter] = []
    for (index, layer) in network.layers.enumerated() {
      parameters.append(
        NamedParameter(
          name: "layers.\(index).weight",
          shape: try Shape([layer.outputs, layer.inputs]),
          axes: ["out", "in"],
          value: layer.weight,
          velocity: layer.weightVelocity
        )
      )
      parameters.append(
        NamedParameter(
          name: "layers.\(index).bias",
          shape: Shape(vector: layer.outputs),
          axes: ["out"],
          value: layer.bias,
          velocity: layer.biasVelocity
        )
      )
    }
    return parameters
  }

  /// Checks that a checkpoint is one that this trainer could have written, as far as it can tell.
  private func require(_ checkpoint: Checkpoint) throws(FlywheelError) {
    let optimizer = checkpoint.optimizer
    if let trained = checkpoint.data, trained.digest != data.digest {
      throw FlywheelError(
        .mismatch,
        "The data have changed: the checkpoint was trained on \(trained.source) with "
          + "\(trained.digest), found \(data.source) with \(data.digest). Resume with the same data."
      )
    }
    guard optimizer.rule == configuration.rule.name, optimizer.groups.count == 1,
      optimizer.groups[0].hyperparameters == configuration.hyperparameters,
      optimizer.gradient == .mean, optimizer.sizes == sizes
    else {
      throw Self.misfit("its optimizer's rule, hyperparameters or sizes are not the trainer's")
    }
    let names = Set(try allParameters().map(\.name))
    if let extra = checkpoint.parameters.keys.first(where: { !names.contains($0) }) {
      throw Self.misfit("it has a parameter '\(extra)', which the network has not")
    }
    let keepsBuffer = configuration.rule.keepsBuffer(configuration.hyperparameters)
    for slot in optimizer.slots.keys where slot != SGDRule.slotName || !keepsBuffer {
      throw Self.misfit("it has buffers '\(slot)', which the rule does not keep and would lose")
    }
    let progress = checkpoint.progress
    let (steps, overflow) = progress.epoch.multipliedReportingOverflow(by: batchCount)
    guard !overflow, progress.batch < batchCount, optimizer.step - progress.batch == steps else {
      throw Self.misfit(
        "\(progress.epoch) epochs and \(progress.batch) batches of \(batchCount) are not the "
          + "\(optimizer.step) steps that it counts"
      )
    }
  }

  private static func misfit(_ what: String) -> FlywheelError {
    FlywheelError(.mismatch, "The checkpoint does not fit this run: \(what).")
  }
}
