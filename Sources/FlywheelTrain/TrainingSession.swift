public import FlywheelCheckpoint
public import FlywheelCore
import FlywheelRun
import OrderedCollections
public import SystemPackage

/// A run that is about to train: created, or found and restored.
public struct TrainingSession: ~Copyable {
  /// What it will do, every default filled in.
  public let configuration: TrainingConfiguration
  /// Where it is.
  public let path: FilePath
  /// What it starts from or goes on from; nil for a new run with drawn parameters.
  public let restoration: Restoration?

  private let directory: RunDirectory
  private let trainer: PreciseTrainer
  /// The checkpoint in `directory` that holds the trainer's state; nil if it has yet to be saved.
  private let newest: FilePath?

  /// What was restored, and what a person should know about it.
  public struct Restoration: Sendable {
    /// The checkpoint's file.
    public var path: FilePath
    /// The number of steps behind.
    public var step: Int
    /// How far it had come.
    public var progress: Progress
    /// How many parameters and optimizer buffers were restored.
    public var counts: (parameters: Int, buffers: Int)
    /// Newer checkpoints that are damaged, with the reason.
    public var skipped: [(path: FilePath, reason: FlywheelError)]
    /// Why there is nothing to do though epochs are left; nil if training goes on.
    public var earlyStop: EarlyStopping.Standing?
    /// Why bits may differ from an uninterrupted run; nil if they will not.
    public var backendChange: String?
  }

  /// Creates a new run.
  ///
  /// - Parameters:
  ///   - configuration: What to do.
  ///   - path: A directory that does not exist yet, or is empty.
  ///   - state: The state that the configuration names as its start, if it is read already.
  ///   - trace: Which steps to trace; nil for none.
  /// - Throws: `invalidArgument` or `mismatch` for settings that do not fit, what reading the data or the
  ///   state throws, `alreadyExists`, `busy` or `inputOutput` for the directory.
  public init(
    new configuration: TrainingConfiguration,
    at path: FilePath,
    from state: StartingState? = nil,
    trace: TraceRequest? = nil
  ) throws(FlywheelError) {
    var configuration = configuration
    configuration.data.source = DataSet.absolute(configuration.data.source)
    var state = state
    if state == nil, let start = configuration.start {
      state = try StartingState(reading: FilePath(start.source))
    }
    try state?.fill(&configuration)
    // The directory comes last: nothing is left behind by a wrong path, split or size.
    let data = try Self.data(filling: &configuration)
    let (filled, origin) = (configuration, try state?.origin(in: configuration.precision))
    let trainer = try FlywheelError.locating(path: state?.path) { () throws(FlywheelError) in
      try PreciseTrainer(
        filled,
        data,
        run: RunIdentity.random(),
        from: origin ?? .initialization,
        trace: trace
      )
    }
    directory = try RunDirectory(creating: path, configuration: configuration.json)
    self.configuration = configuration
    self.path = path
    self.trainer = trainer
    restoration = state.map { Restoration($0, Progress()) }
    newest = nil
  }

  /// Goes on, in a new run, with one that another program has trained so far.
  ///
  /// The place in the data follows from the number of steps, which must be so many whole epochs; metrics begin
  /// here.
  ///
  /// - Parameters:
  ///   - state: The state.
  ///   - configuration: What to do: of the optimizer what the state says, the total number of epochs.
  ///   - path: A directory that does not exist yet, or is empty.
  ///   - trace: Which steps to trace; nil for none.
  /// - Throws: As `init(new:at:from:trace:)`, and `mismatch` if the steps are not so many whole epochs.
  public init(
    continuing state: StartingState,
    as configuration: TrainingConfiguration,
    at path: FilePath,
    trace: TraceRequest? = nil
  ) throws(FlywheelError) {
    var configuration = configuration
    configuration.start = nil
    configuration.data.source = DataSet.absolute(configuration.data.source)
    let data = try Self.data(filling: &configuration)
    let (filled, checkpoint) = (configuration, try state.converted(to: configuration.precision))
    let trainer = try FlywheelError.locating(path: state.path) { () throws(FlywheelError) in
      try PreciseTrainer(
        filled,
        data,
        run: RunIdentity.random(),
        from: .elsewhere(checkpoint),
        trace: trace
      )
    }
    directory = try RunDirectory(creating: path, configuration: configuration.json)
    self.configuration = configuration
    self.path = path
    self.trainer = trainer
    restoration = Restoration(state, trainer.progress)
    newest = nil
  }

  /// Loads the data that a configuration asks for, and puts what they decide into it.
  private static func data(
    filling configuration: inout TrainingConfiguration
  ) throws(FlywheelError) -> DataSet {
    try configuration.validate()
    let data = try DataSet(configuration)
    configuration.data.training = data.training.count
    configuration.data.validation = data.validation.count
    configuration.data.normalization.scale = data.normalization.scale
    return data
  }

  /// Goes on with a run from its newest whole checkpoint.
  ///
  /// - Parameters:
  ///   - path: The run's directory.
  ///   - epochs: The new total number of epochs; nil for the one it was created with.
  ///   - source: Where the data are now; nil for where they were.
  ///   - stopsEarly: False to go on from now on even where early stopping would end training.
  ///   - trace: Which steps to trace; nil for none.
  /// - Throws: `notFound` if it is no run or has no checkpoint, `corrupted` if none is whole, `busy`,
  ///   `mismatch` if data or settings have changed.
  public init(
    resuming path: FilePath,
    epochs: Int? = nil,
    data source: String? = nil,
    stopsEarly: Bool = true,
    trace: TraceRequest? = nil
  ) throws(FlywheelError) {
    let directory = try RunDirectory(opening: path)
    let newest = try directory.newest()
    // First, because the configuration of somebody else's trainer is none that could be read.
    let trained = try Self.configuration(of: newest.checkpoint, newest.path)
    let file = path.appending("configuration.json")
    var written = try FlywheelError.locating(path: file) { () throws(FlywheelError) in
      try TrainingConfiguration(directory.configuration)
    }
    let asWritten = written
    written.epochs = epochs ?? written.epochs
    if !stopsEarly { written.earlyStopping = nil }
    written.data.source = DataSet.absolute(source ?? written.data.source)
    Self.fillIn(&written, for: newest.checkpoint.data)
    try written.validate()
    try Self.require(epochs, isNotBelow: newest.checkpoint)
    try Self.require(written, agreesWith: trained, path)
    let checkpoint = newest.checkpoint
    let data = try DataSet(written)
    let trainer = try FlywheelError.locating(path: newest.path) { () throws(FlywheelError) in
      try PreciseTrainer(
        written,
        data,
        run: checkpoint.saved.run,
        from: .checkpoint(checkpoint),
        trace: trace
      )
    }
    if written != asWritten { try directory.rewriteConfiguration(written.json) }
    self.directory = directory
    self.trainer = trainer
    configuration = written
    self.path = path
    restoration = Restoration(written, checkpoint, newest.path, skipped: newest.skipped)
    self.newest = newest.path
  }

  /// Starts a new run from a checkpoint file.
  ///
  /// - Parameters:
  ///   - file: The checkpoint.
  ///   - path: A directory that does not exist yet, or is empty.
  ///   - epochs: The total number of epochs; nil for what the checkpoint was trained for.
  ///   - source: Where the data are now; nil for where they were.
  ///   - stopsEarly: False to go on from now on even where early stopping would end training.
  ///   - trace: Which steps to trace; nil for none.
  /// - Throws: What reading the checkpoint and creating a run throw.
  public init(
    from file: FilePath,
    at path: FilePath,
    epochs: Int? = nil,
    data source: String? = nil,
    stopsEarly: Bool = true,
    trace: TraceRequest? = nil
  ) throws(FlywheelError) {
    let checkpoint = try CheckpointFile.read(file)
    var configuration = try Self.configuration(of: checkpoint, file)
    configuration.epochs = epochs ?? configuration.epochs
    if !stopsEarly { configuration.earlyStopping = nil }
    configuration.data.source = DataSet.absolute(source ?? configuration.data.source)
    try configuration.validate()
    try Self.require(epochs, isNotBelow: checkpoint)
    let data = try DataSet(configuration)
    let started = configuration
    let trainer = try FlywheelError.locating(path: file) { () throws(FlywheelError) in
      try PreciseTrainer(
        started,
        data,
        run: RunIdentity.random(),
        from: .checkpoint(checkpoint),
        trace: trace
      )
    }
    directory = try RunDirectory(creating: path, configuration: configuration.json)
    self.configuration = configuration
    self.trainer = trainer
    self.path = path
    restoration = Restoration(configuration, checkpoint, file, skipped: [])
    newest = nil
  }

  /// Trains until all epochs are done or a signal asks to stop.
  ///
  /// - Parameters:
  ///   - interruption: Polled before each step; a signal's number makes training save and return.
  ///   - report: Called with what happens.
  /// - Throws: `diverged` if a number is not finite, `inputOutput` or `libraryFailure` if a save fails;
  ///   the checkpoints saved before are whole.
  /// - Returns: How it ended.
  public consuming func train(
    interruption: () -> CInt?,
    report: (TrainingEvent) -> Void
  ) throws(FlywheelError) -> TrainingResult {
    try trainer.train(
      in: directory,
      newest: newest,
      interruption: interruption,
      report: report
    )
  }

  private static func require(
    _ epochs: Int?,
    isNotBelow checkpoint: Checkpoint
  ) throws(FlywheelError) {
    guard let epochs, epochs < checkpoint.progress.epoch else { return }
    throw FlywheelError(
      .invalidArgument,
      "\(checkpoint.progress.epoch) epochs are done already, which is more than \(epochs); "
        + "epochs is the total, so give a larger number."
    )
  }

  /// Whether a checkpoint says all that Flywheel's trainer needs to go on with it.
  ///
  /// Under another framework's names, too, it is the same state, and what is said of the training stays.
  ///
  /// - Parameter checkpoint: The checkpoint.
  /// - Returns: Whether it is one of Flywheel's trainer.
  public static func isOfTrainer(_ checkpoint: Checkpoint) -> Bool {
    guard case .object(let members) = checkpoint.trainer else { return false }
    return checkpoint.optimizer.dialect == "flywheel"
      || ["network", "optimizer", "data"].allSatisfy { members[$0] != nil }
  }

  private static func configuration(
    of checkpoint: Checkpoint,
    _ path: FilePath
  ) throws(FlywheelError) -> TrainingConfiguration {
    guard isOfTrainer(checkpoint) else {
      throw FlywheelError(
        .unsupported,
        "The checkpoint is not of Flywheel's own trainer, or does not say how it was trained; go on with the "
          + "program that wrote it, or give --data, --batch-size, --activation, --loss and --epochs, or start "
          + "a run from it: 'flywheel train --from FILE'.",
        at: .init(path: path)
      )
    }
    var configuration = try FlywheelError.locating(path: path, tensor: CheckpointKey.document) {
      () throws(FlywheelError) in
      try TrainingConfiguration(checkpoint.trainer)
    }
    fillIn(&configuration, for: checkpoint.data)
    return configuration
  }

  /// Fills in what suits the data: a configuration of schema 1 does not have it.
  private static func fillIn(
    _ configuration: inout TrainingConfiguration,
    for data: DataDescription?
  ) {
    guard let data else { return }
    configuration.data.normalization.scale =
      configuration.data.normalization.resolved(for: data.dtype).scale
  }

  /// The end of training, the saving of checkpoints and the place of the data may change; the
  /// mathematics may not.
  private static func require(
    _ written: TrainingConfiguration,
    agreesWith trained: TrainingConfiguration,
    _ path: FilePath
  ) throws(FlywheelError) {
    var expected = trained
    expected.epochs = written.epochs
    expected.earlyStopping = written.earlyStopping
    expected.checkpoints = written.checkpoints
    // Data that have moved are recognised by their digest.
    expected.data.source = written.data.source
    guard written != expected else { return }
    let difference = firstDifference(written.json, expected.json, "") ?? "the settings differ"
    throw FlywheelError(
      .mismatch,
      "\(difference), as the checkpoint was trained. Only epochs, early stopping, checkpoints and the "
        + "data's place may change. Undo the edit, or start a new run.",
      at: .init(path: path.appending("configuration.json"))
    )
  }

  /// Where two documents differ first, with both values.
  private static func firstDifference(
    _ found: JSONValue,
    _ expected: JSONValue,
    _ name: String
  ) -> String? {
    guard found != expected else { return nil }
    if case .object(let left) = found, case .object(let right) = expected, left.keys == right.keys {
      for (key, value) in left {
        let inner = name.isEmpty ? key : "\(name).\(key)"
        if let other = right[key], let found = firstDifference(value, other, inner) { return found }
      }
    }
    let words = [found, expected].map { String(decoding: $0.canonicalBytes, as: UTF8.self) }
    return "\(name.isEmpty ? "configuration.json" : name) is \(words[0]), not \(words[1])"
  }
}

extension TrainingSession.Restoration {
  /// What a new run takes over from a state.
  fileprivate init(_ state: StartingState, _ progress: Progress) {
    path = state.path
    step = state.checkpoint.optimizer.step
    self.progress = progress
    counts = Self.counts(state.checkpoint)
    skipped = []
  }

  private static func counts(_ checkpoint: Checkpoint) -> (parameters: Int, buffers: Int) {
    (checkpoint.parameters.count, checkpoint.optimizer.slots.values.reduce(0) { $0 + $1.count })
  }

  fileprivate init(
    _ configuration: TrainingConfiguration,
    _ checkpoint: Checkpoint,
    _ path: FilePath,
    skipped: [RunDirectory.Skipped]
  ) {
    self.path = path
    step = checkpoint.optimizer.step
    progress = checkpoint.progress
    counts = Self.counts(checkpoint)
    self.skipped = skipped.map { ($0.path, $0.reason) }
    if progress.batch == 0, progress.epoch < configuration.epochs {
      earlyStop = configuration.earlyStopping?.stop(after: checkpoint.history)
    }
    let current = Backend.current(for: configuration)
    if let saved = checkpoint.backend, saved != current {
      backendChange =
        "saved by \(saved.products) products with \(saved.arithmetic) arithmetic, going on with "
        + "\(current.products) and \(current.arithmetic): the last bits may differ from a run "
        + "that never stopped"
    }
  }
}
