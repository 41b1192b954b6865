import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import FlywheelRun
import OrderedCollections
import SystemPackage

/// The loop: batches, epochs, metrics and saves, from a fresh start, a state or a checkpoint.
///
/// Nothing in its state depends on a clock or on where it was interrupted, so that a resumed run and
/// one that never stopped are equal bit for bit.
struct Trainer<Scalar: TrainingScalar> {
  let configuration: TrainingConfiguration
  let data: DataSet
  let run: String
  let network: Network<Scalar>
  private var batches: SampleBatches<Scalar>
  let plan: OptimizerPlan
  private(set) var numbers: StepNumbers
  private var recorder: TraceRecorder<Scalar>?
  /// The trace that was written.
  private var traceFile: FilePath?
  /// The step whose state is saved, or being saved; nil if no step's is.
  private var savedStep: Int?
  var step = 0
  var hasBuffers = false
  var progress = Progress()
  var history = History()
  var initializationState: [UInt64]
  /// The learning rates of each group in the last step before those taken here; nil where there was none.
  var ratesBefore: [Double?] = []
  /// How many steps came before those taken here.
  var stepsBefore = 0

  /// Starts from the beginning, or goes on from where it was.
  init(
    _ configuration: TrainingConfiguration,
    _ data: DataSet,
    run: String,
    from origin: TrainerOrigin,
    trace: TraceRequest?
  ) throws(FlywheelError) {
    self.configuration = configuration
    self.data = data
    self.run = run
    plan = try OptimizerPlan(configuration)
    // Memory is asked for only after the tensors have shown that the network is of their size.
    if let checkpoint = origin.checkpoint {
      try Self.requireParameters(checkpoint, of: configuration.network, plan)
    }
    batches = SampleBatches(data.training, data.normalization)
    network = try Network(
      shape: configuration.network,
      plan: plan,
      batchSize: configuration.data.batchSize
    )
    numbers = StepNumbers(
      plan,
      schedule: configuration.schedule,
      clipping: configuration.clipping,
      sizes: .init(batch: configuration.data.batchSize, training: data.training.count)
    )
    var random = RandomStream.initialization.generator(seed: configuration.seed)
    if origin.checkpoint == nil {
      network.initialize(configuration.initialization, from: &random)
    }
    initializationState = random.words
    switch origin {
    case .initialization: break
    case .state(let state): try begin(with: state)
    case .elsewhere(let state): try goOn(from: state)
    case .checkpoint(let checkpoint): try restore(checkpoint)
    }
    try configuration.requireMetrics(in: metricNames)
    if let trace {
      recorder = try TraceRecorder(trace, of: configuration, steps: step..<max(step, lastStep))
    }
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
    let saver = RunSaver(for: directory, policy: configuration.checkpoints.savePolicy)
    var pace = Pace(samplesToGo: samplesToGo)
    if newest != nil { savedStep = step }
    let signal: CInt?
    do throws(FlywheelError) {
      // A run that is killed before its first epoch ends can be resumed too: nothing is logged before
      // there is a checkpoint to cut the log back to.
      try save(with: saver, &pace, report)
      try saver.finish()
      try directory.rewriteMetrics(history)
      signal = try trainEpochs(in: directory, saver, &pace, interruption, report)
      try save(with: saver, &pace, report)
      try writeTrace(in: directory, report)
    } catch {
      // The steps before a failure are what a trace is wanted for most; the failure is what is told.
      try? writeTrace(in: directory, report)
      saveLastState(after: error, with: saver, &pace, report)
      throw error
    }
    guard let file = try saver.finish() ?? newest else {
      throw FlywheelError(.notFound, "No checkpoint was saved.", at: .init(path: directory.path))
    }
    var result = result(signal: signal, file, pace)
    result.trace = traceFile
    return result
  }

  /// Trains, saving as it goes; the signal that stopped it, or nil if there is nothing left to do.
  private mutating func trainEpochs(
    in directory: borrowing RunDirectory,
    _ saver: borrowing RunSaver,
    _ pace: inout Pace,
    _ interruption: () -> CInt?,
    _ report: (TrainingEvent) -> Void
  ) throws(FlywheelError) -> CInt? {
    let samples = data.training.count
    let batchSize = configuration.data.batchSize
    while progress.epoch < configuration.epochs, earlyStop == nil {
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
        if let signal = interruption() { return signal }
        try saver.poll { report(.saveFailed($0)) }
        let start = progress.batch * batchSize
        let range = start..<min(start + batchSize, samples)
        let lastRates = numbers.needsLastRates ? lastLearningRates : []
        let rule = try numbers.rule(
          afterSteps: step,
          epochs: progress.epoch,
          hasBuffers: hasBuffers,
          batch: range.count,
          lastRates: lastRates
        )
        if recorder?.wants(step: step) == true {
          let state = try checkpoint()
          try recorder?.record(state, batches, range, rule)
        }
        let measure = network.step(batches, order: range, rule: rule)
        hasBuffers = true
        step += 1
        progress.batch += 1
        progress.samples += range.count
        progress.epochLoss += measure.loss
        progress.epochHits += measure.hits
        guard measure.loss.isFinite else {
          throw diverged("The training loss is not finite", atStep: step)
        }
        if recorder?.isComplete == true { try writeTrace(in: directory, report) }
        if let (rate, left) = pace.advance(by: range.count) {
          report(.batch(snapshot(rate, left)))
        }
        if progress.batch < batchCount, isSaveDue(pace) { try save(with: saver, &pace, report) }
      }
      try finishEpoch(in: directory, &pace, report)
      let everyEpochs = configuration.checkpoints.everyEpochs
      if everyEpochs > 0 && progress.epoch % everyEpochs == 0 || isSaveDue(pace) {
        try save(with: saver, &pace, report)
      }
    }
    return nil
  }

  // MARK: The parts of the loop

  /// Whether the steps or the minutes since the last save ask for one.
  private func isSaveDue(_ pace: Pace) -> Bool {
    let policy = configuration.checkpoints
    return policy.everySteps > 0 && step % policy.everySteps == 0
      || policy.everyMinutes > 0 && pace.minutesWithoutSave >= policy.everyMinutes
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
      // Of the epoch's last step, in the first group.
      "learning_rate": lastLearningRates.first.flatMap(\.self)
        ?? configuration.hyperparameters.learningRate,
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
      let measure = network.evaluate(SampleBatches(data.validation, data.normalization))
      guard measure.loss.isFinite else {
        throw diverged("The validation loss is not finite", atStep: step)
      }
      row["validation_loss"] = measure.meanLoss
      row["validation_accuracy"] = measure.accuracy
      summary.validationLoss = measure.meanLoss
      summary.validationAccuracy = measure.accuracy
    }
    try history.append(step: step, row)
    progress.best = bestSoFar
    progress.epoch += 1
    progress.batch = 0
    progress.epochLoss = 0
    progress.epochHits = 0
    // The state is whole again before the logs are touched: if they fail, it can still be saved.
    try directory.appendMetrics(history)
    try directory.appendTiming([
      "epoch": JSONValue(progress.epoch),
      "step": JSONValue(step),
      "seconds": JSONValue(seconds),
      "cpu_seconds": JSONValue(cpuSeconds),
      "saving_seconds": JSONValue(pace.takeSavingSeconds()),
      "samples_per_second": JSONValue(rate),
    ])
    report(.epoch(summary))
  }

  /// Writes what has been traced, and traces no more.
  private mutating func writeTrace(
    in directory: borrowing RunDirectory,
    _ report: (TrainingEvent) -> Void
  ) throws(FlywheelError) {
    guard let recorder else { return }
    self.recorder = nil
    guard let trace = try recorder.trace(.init(run: run, time: Timestamp.now)) else { return }
    let file = try directory.save(trace)
    traceFile = file
    report(.trace(.init(path: file, steps: trace.rows.count)))
  }

  /// Saves the state at hand, if it is not saved yet.
  private mutating func save(
    with saver: borrowing RunSaver,
    _ pace: inout Pace,
    _ report: (TrainingEvent) -> Void
  ) throws(FlywheelError) {
    guard savedStep != step else { return }
    try pace.save { () throws(FlywheelError) in
      let checkpoint = try checkpoint()
      for (name, parameter) in checkpoint.parameters where !parameter.value.isFinite {
        throw diverged("Parameter '\(name)' holds a number that is not finite", atStep: step)
      }
      guard nextLearningRates.allSatisfy(\.isFinite) else {
        throw diverged("The schedule's learning rate is not finite", atStep: step)
      }
      try saver.save(checkpoint) { report(.saveFailed($0)) }
    }
    savedStep = step
  }

  /// Saves the state at hand before an error ends training, if it is worth it.
  private mutating func saveLastState(
    after error: FlywheelError,
    with saver: borrowing RunSaver,
    _ pace: inout Pace,
    _ report: (TrainingEvent) -> Void
  ) {
    guard error.code != .diverged else { return }
    do throws(FlywheelError) {
      try saver.finish()
    } catch {
      // A save that has failed, which may be the error itself, is none.
      savedStep = nil
    }
    do throws(FlywheelError) {
      try save(with: saver, &pace, report)
      try saver.finish()
    } catch {
      report(.saveFailed(error))
    }
  }

  private func diverged(_ what: String, atStep step: Int) -> FlywheelError {
    FlywheelError(
      .diverged,
      "\(what) at step \(step) (epoch \((step - startStep - 1) / batchCount + 1), batch "
        + "\((step - startStep - 1) % batchCount + 1)). Training stops; the last good checkpoint is kept. "
        + "Try a lower learning rate than \(configuration.hyperparameters.learningRate)."
    )
  }

  // MARK: Numbers

  var sizes: TrainingSizes {
    TrainingSizes(batch: configuration.data.batchSize, training: data.training.count)
  }

  /// The learning rate of each group in the next step.
  var nextLearningRates: [Double] {
    numbers.learningRates(afterSteps: step, epochs: progress.epoch)
  }

  /// The learning rate of each group in the last step, taken here or before; nil where there was none.
  var lastLearningRates: [Double?] {
    guard step > stepsBefore else { return ratesBefore }
    let epochs = progress.batch > 0 ? progress.epoch : progress.epoch - 1
    return numbers.learningRates(afterSteps: step - 1, epochs: epochs)
  }

  /// The number of steps that the run's own are added to.
  var startStep: Int { configuration.start?.step ?? 0 }

  /// The number of steps once all epochs are done.
  var lastStep: Int {
    let (own, isTooMany) = configuration.epochs.multipliedReportingOverflow(by: batchCount)
    let (all, overflow) = startStep.addingReportingOverflow(own)
    return isTooMany || overflow ? .max : all
  }

  /// The number of batches of an epoch.
  var batchCount: Int {
    let (samples, batchSize) = (data.training.count, configuration.data.batchSize)
    return configuration.data.lastBatch == .keep
      ? (samples + batchSize - 1) / batchSize : samples / batchSize
  }

  /// The number of samples that an epoch trains on.
  var samplesPerEpoch: Int {
    configuration.data.lastBatch == .keep
      ? data.training.count : batchCount * configuration.data.batchSize
  }

  private var samplesToGo: Double {
    Double(configuration.epochs - progress.epoch) * Double(samplesPerEpoch)
      - Double(progress.batch * configuration.data.batchSize)
  }

  /// The metrics of an epoch, in the order in which they are logged.
  var metricNames: OrderedSet<String> {
    var names: OrderedSet = ["epoch", "learning_rate", "training_loss", "training_accuracy"]
    if data.validation.count > 0 { names.formUnion(["validation_loss", "validation_accuracy"]) }
    return names
  }

  /// The best value of the metric that is watched: early stopping's, that by which checkpoints are kept,
  /// or the validation accuracy.
  var bestSoFar: Progress.Best? {
    let (stopping, kept) = (configuration.earlyStopping, configuration.checkpoints.keepBest)
    let metric = stopping?.metric ?? kept?.metric ?? "validation_accuracy"
    let isFalling = (stopping?.direction ?? kept?.direction) == .min
    var best: Progress.Best?
    for (step, value) in zip(history.steps, history.metrics[metric] ?? []) where !value.isNaN {
      if let before = best?.value, isFalling ? value >= before : value <= before { continue }
      best = Progress.Best(metric: metric, value: value, step: Int(step))
    }
    return best
  }

  /// Why training ends here, between two epochs, though more were asked for; nil if it goes on.
  private var earlyStop: EarlyStopping.Standing? {
    guard progress.batch == 0, progress.epoch < configuration.epochs else { return nil }
    return configuration.earlyStopping?.stop(after: history)
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
    if signal == nil { result.earlyStop = earlyStop }
    if signal == nil, data.test.count > 0 {
      let measure = network.evaluate(SampleBatches(data.test, data.normalization))
      result.testLoss = measure.meanLoss
      result.testAccuracy = measure.accuracy
    }
    return result
  }
}
