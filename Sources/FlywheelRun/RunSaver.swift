public import FlywheelCheckpoint
public import FlywheelCore
public import SystemPackage

/// Saves a run's checkpoints as a policy says: at once, or on another thread while training goes on.
///
/// There are never two saves at once, and each has the guarantees of `RunDirectory.save`: older
/// checkpoints stay until the new one is durable. A save behind training that failed is told by the
/// call that comes next, so `poll` every step. Dropped without `finish`, it waits for the save that is
/// under way, and what that has to say is lost.
public struct RunSaver: ~Copyable, Sendable {
  /// How it saves.
  public let policy: SavePolicy

  private let worker: SaveWorker

  /// Creates a saver; the run stays locked until both it and the saver are gone.
  ///
  /// - Parameters:
  ///   - run: The run to save into.
  ///   - policy: How to save.
  public init(for run: borrowing RunDirectory, policy: SavePolicy = SavePolicy()) {
    self.policy = policy
    worker = SaveWorker(run.checkpoints, policy.retention)
  }

  deinit {
    worker.wait()
  }

  /// The newest file that this saver made durable; nil if there is none yet.
  public var newest: FilePath? { worker.newest }

  /// Saves a checkpoint, or begins to, once the save before has ended.
  ///
  /// - Parameters:
  ///   - checkpoint: The checkpoint; its tensors never change, so training may go on at once.
  ///   - report: Told of a save that failed, if the policy is to go on.
  /// - Throws: Why this save or the one before failed, if the policy is to stop.
  public func save(
    _ checkpoint: Checkpoint,
    report: (FlywheelError) -> Void
  ) throws(FlywheelError) {
    worker.wait()
    try poll(report: report)
    if policy.isInBackground {
      worker.startWriting(checkpoint)
    } else {
      worker.write(checkpoint)
      try poll(report: report)
    }
  }

  /// Tells of a save that failed since the last call; cheap enough for every step.
  ///
  /// - Parameter report: Told of the failure, if the policy is to go on.
  /// - Throws: Why the save failed, if the policy is to stop.
  public func poll(report: (FlywheelError) -> Void) throws(FlywheelError) {
    guard let failure = worker.takeFailure() else { return }
    guard policy.onFailure == .goOn else { throw failure }
    report(failure)
  }

  /// Waits until the last checkpoint is durable.
  ///
  /// - Throws: Why the last save failed, whatever the policy: no save comes after it that could try
  ///   again.
  /// - Returns: The newest file; nil if nothing was saved.
  @discardableResult
  public func finish() throws(FlywheelError) -> FilePath? {
    worker.wait()
    if let failure = worker.failure { throw failure }
    return worker.newest
  }

  /// Runs a part of training and, if it throws, saves the last consistent state before the error goes
  /// on.
  ///
  /// - Parameters:
  ///   - state: Gives the last consistent state; nil if there is none that is worth saving.
  ///   - report: Told why the state could not be given or saved; the first error goes on all the same.
  ///   - body: The part of training.
  /// - Throws: What `body` throws.
  /// - Returns: What `body` returns.
  public func savingOnError<Result, Failure: Error>(
    _ state: () throws(FlywheelError) -> Checkpoint?,
    report: (FlywheelError) -> Void,
    body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    do throws(Failure) {
      return try body()
    } catch let first {
      worker.wait()
      do throws(FlywheelError) {
        if let checkpoint = try state() { worker.write(checkpoint) }
      } catch {
        report(error)
      }
      if let failure = worker.takeFailure() { report(failure) }
      throw first
    }
  }
}
