import Dispatch
import FlywheelCheckpoint
import FlywheelCore
import Synchronization
import SystemPackage

/// Writes checkpoints one after the other, here or on another thread, and remembers how it went.
final class SaveWorker: Sendable {
  /// How the saves went so far.
  struct Outcome: Sendable {
    /// The newest file that is durable.
    var newest: FilePath?
    /// Why the last save failed; nil if it did not.
    var failure: FlywheelError?
    /// Whether the failure has been told.
    var isTold = true
  }

  private let store: CheckpointStore
  private let retention: Retention
  private let outcome = Mutex(Outcome())
  private let queue = DispatchQueue(label: "flywheel.save")

  init(_ store: CheckpointStore, _ retention: Retention) {
    self.store = store
    self.retention = retention
  }

  /// Saves, and returns when all is durable.
  func write(_ checkpoint: Checkpoint) {
    var result = Outcome()
    do throws(FlywheelError) {
      result.newest = try store.save(checkpoint, retention: retention)
    } catch {
      result.failure = error
      result.isTold = false
    }
    outcome.withLock { [result] outcome in
      outcome = Outcome(
        newest: result.newest ?? outcome.newest,
        failure: result.failure,
        isTold: result.isTold
      )
    }
  }

  /// Saves on another thread; the caller has waited for the save before.
  func startWriting(_ checkpoint: Checkpoint) {
    // The thread holds on to the worker, and so to the lock of the run, until it is done.
    queue.async { self.write(checkpoint) }
  }

  /// Returns when no save is under way.
  func wait() { queue.sync {} }

  /// The newest file that is durable.
  var newest: FilePath? { outcome.withLock { $0.newest } }

  /// Why the last save failed, told or not.
  var failure: FlywheelError? { outcome.withLock { $0.failure } }

  /// Why a save failed that nobody has been told of yet.
  func takeFailure() -> FlywheelError? {
    outcome.withLock { outcome in
      defer { outcome.isTold = true }
      return outcome.isTold ? nil : outcome.failure
    }
  }
}
