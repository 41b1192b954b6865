public import FlywheelCheckpoint
public import FlywheelCore
import OrderedCollections
public import SystemPackage

/// A run of a trainer of any kind: made or found, restored, logged, saved and kept tidy.
///
///     let run = try TrainingRun(at: "runs/mine", rule: "heavy ball")
///     try run.restore { try model.describe(&$0) }
///     while model.step < 10_000 {
///       let loss = model.trainOneStep()
///       guard model.step % 100 == 0 else { continue }
///       try run.log(step: model.step, ["loss": loss])
///       try run.save { try model.describe(&$0) }
///     }
///     try run.finish()
///
/// Killed at any moment and started again, it goes on from the newest whole checkpoint. One process at
/// a time can hold a run.
public final class TrainingRun {
  /// Newer checkpoints that were passed over because they are damaged, newest first.
  public let skipped: [RunDirectory.Skipped]
  /// The checkpoint to go on from; nil for a new run.
  public let restored: Checkpoint?

  private let directory: RunDirectory
  private let saver: RunSaver
  private let rule: String
  private let identity: String
  private let report: (FlywheelError) -> Void
  private var history: History
  private var isProven = false

  /// Creates a run, or opens the one that is there.
  ///
  /// - Parameters:
  ///   - path: The run's directory: one that does not exist yet or is empty, or a run.
  ///   - rule: What the optimizer is called. The names of Flywheel's own rules promise their
  ///     hyperparameters and meaning; any other name is the trainer's own.
  ///   - configuration: What the run was asked for, for people and for `flywheel runs`, which looks for
  ///     `epochs`; it replaces what an earlier start said.
  ///   - policy: How to save, and which checkpoints to keep.
  ///   - report: Told of saves that failed, if the policy is to go on.
  /// - Throws: `busy` if another process holds the run, `alreadyExists` if the directory holds something
  ///   else, `corrupted` if none of its checkpoints is whole, or why one cannot be read.
  public init(
    at path: String,
    rule: String,
    configuration: JSONValue = [:],
    policy: SavePolicy = SavePolicy(),
    report: @escaping (FlywheelError) -> Void = { _ in }
  ) throws(FlywheelError) {
    let place = FilePath(path)
    if try RunDirectory.checkpoints(in: place).isEmpty {
      directory = try RunDirectory(creating: place, configuration: configuration)
      skipped = []
      restored = nil
    } else {
      directory = try RunDirectory(opening: place)
      let newest = try directory.newest()
      skipped = newest.skipped
      restored = newest.checkpoint
      if directory.configuration != configuration {
        try directory.rewriteConfiguration(configuration)
      }
    }
    self.rule = rule
    self.report = report
    identity = restored?.saved.run ?? RunIdentity.random()
    history = restored?.history ?? History()
    saver = RunSaver(for: directory, policy: policy)
    // What was logged after the checkpoint will be logged again.
    try directory.rewriteMetrics(history)
  }

  /// The newest checkpoint that this process made durable; nil if there is none yet.
  public var newest: FilePath? { saver.newest }

  /// Restores the state of the checkpoint to go on from.
  ///
  /// - Parameter describe: Names the parts of the state, which are overwritten.
  /// - Throws: What `describe` throws; parts named before may be overwritten already.
  /// - Returns: Whether there was a checkpoint; false for a new run.
  @discardableResult
  public func restore(_ describe: (inout TrainingState) throws -> Void) throws -> Bool {
    guard let restored else { return false }
    guard restored.optimizer.rule == rule else {
      throw FlywheelError(
        .mismatch,
        "The run was trained with the rule '\(restored.optimizer.rule)', not with '\(rule)'.",
        at: .init(path: directory.path)
      )
    }
    var state = TrainingState(restoring: restored)
    do {
      try describe(&state)
    } catch let error as FlywheelError {
      throw error.located(path: directory.path)
    }
    return true
  }

  /// Notes metrics, in `metrics.jsonl` at once and in every checkpoint from now on.
  ///
  /// - Parameters:
  ///   - step: The step at which they were taken; later than that of the metrics before.
  ///   - metrics: Their values under their names, the same names every time.
  /// - Throws: `mismatch` if names or step do not go on from the metrics before, `inputOutput`.
  public func log(
    step: Int,
    _ metrics: KeyValuePairs<String, Double>
  ) throws(FlywheelError) {
    var row: OrderedDictionary<String, Double> = [:]
    for (name, value) in metrics {
      guard name != "step", !name.isEmpty, row.updateValue(value, forKey: name) == nil else {
        throw FlywheelError(
          .invalidArgument,
          "A metric has the name '\(name)'; names are given once, and 'step' is the step."
        )
      }
    }
    guard !row.isEmpty else { return }
    guard step > Int(history.steps.last ?? -1) else {
      throw FlywheelError(
        .mismatch,
        "Metrics of step \(step) come after those of step \(history.steps.last ?? 0)."
      )
    }
    // The file comes first, so that a call that failed can be made again; and it gets a history of the
    // one row, since a copy of all of them at every step would cost more and more.
    try history.arrange(as: row.keys)
    var newest = History()
    try newest.append(step: step, row)
    try directory.appendMetrics(newest)
    try history.append(step: step, row)
  }

  /// Saves the state, or begins to: training may go on as soon as this returns.
  ///
  /// - Parameter describe: Names the parts of the state, which are copied.
  /// - Throws: What `describe` throws, `invalidArgument` if it left out what every state has or named a
  ///   number that could not be read back, and why this save or the one before failed, if the policy is
  ///   to stop: `alreadyExists` for a step behind the newest checkpoint, which was not restored.
  public func save(_ describe: (inout TrainingState) throws -> Void) throws {
    try saver.save(try checkpoint(describe), report: report)
  }

  /// Tells of a save that failed since the last call; call it every step if saves are far apart.
  ///
  /// - Throws: Why the save failed, if the policy is to stop.
  public func poll() throws(FlywheelError) {
    try saver.poll(report: report)
  }

  /// Waits until the last checkpoint is durable.
  ///
  /// - Throws: Why the last save failed, whatever the policy.
  public func finish() throws(FlywheelError) {
    try saver.finish()
  }

  /// Runs a part of training and, if it throws, saves the last state before the error goes on.
  ///
  /// - Parameters:
  ///   - describe: Names the parts of the state as it is when training has thrown.
  ///   - body: The part of training.
  /// - Throws: What `body` throws; a failure to save is reported and never hides it.
  /// - Returns: What `body` returns.
  public func savingOnError<Result>(
    _ describe: (inout TrainingState) throws -> Void,
    body: () throws -> Result
  ) throws -> Result {
    try saver.savingOnError(
      { () throws(FlywheelError) in
        do {
          return try checkpoint(describe)
        } catch let error as FlywheelError {
          throw error
        } catch {
          throw FlywheelError(.invalidArgument, "The state could not be described: \(error)")
        }
      },
      report: report,
      body: body
    )
  }

  private func checkpoint(
    _ describe: (inout TrainingState) throws -> Void
  ) throws -> Checkpoint {
    var state = TrainingState(
      filling: Checkpoint(
        saved: .init(run: identity, time: Timestamp.now),
        parameters: [:],
        // Names and axes are the trainer's own until somebody says whose they are.
        optimizer: OptimizerState(rule: rule, dialect: "own", groups: [], step: 0, slots: [:]),
        progress: Progress(),
        history: history
      )
    )
    try describe(&state)
    try state.requireComplete()
    var checkpoint = state.checkpoint
    checkpoint.progress.best = best
    try prove(checkpoint)
    return checkpoint
  }

  /// Reads back what would be written: a state that could not be restored must not be trusted, or it
  /// would push out those that can.
  private func prove(_ checkpoint: Checkpoint) throws(FlywheelError) {
    // Once is enough for all but the optimizer's numbers, which may be others at every step.
    let archive = isProven ? nil : try checkpoint.archive()
    do throws(FlywheelError) {
      try checkpoint.optimizer.requireReadable()
      if let archive {
        _ = try Checkpoint(verification: .structure) { (key) throws(FlywheelError) in
          archive.tensors[key]
        }
      }
    } catch {
      throw FlywheelError(
        .invalidArgument,
        "The state could not be read back: \(error.message)",
        at: error.location
      )
    }
    isProven = true
  }

  /// The best value so far of the metric that checkpoints are kept by.
  private var best: Progress.Best? {
    guard let rule = saver.policy.retention.best, let values = history.metrics[rule.metric] else {
      return nil
    }
    var best: Progress.Best?
    for (step, value) in zip(history.steps, values) where !value.isNaN {
      let isBetter = best.map { rule.direction == .max ? value > $0.value : value < $0.value }
      if isBetter ?? true { best = .init(metric: rule.metric, value: value, step: Int(step)) }
    }
    return best
  }
}
