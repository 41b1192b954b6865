import FlywheelCheckpoint
package import FlywheelCore
import FlywheelHDF5
import OrderedCollections
import Synchronization
package import SystemPackage

/// The checkpoints of a run, and the right to write them.
///
/// It is shared by the run and by a save that is still under way: the lock is let go only when the last
/// of them is done.
package final class CheckpointStore: Sendable {
  private let path: FilePath
  private let lock: RunLock
  /// What this process has learned about files; looking into one again would tell nothing new.
  private let records = Mutex<[FilePath: Retention.Record]>([:])
  /// The step of the newest checkpoint that this process knows to be whole to the last byte.
  private let wholeStep = Mutex<Int?>(nil)

  /// Takes over the lock of a run.
  init(of path: FilePath, holding lock: consuming RunLock) {
    self.path = path
    self.lock = lock
  }

  /// Notes that the checkpoint of a step has been read and is whole.
  func noteWhole(_ step: Int) { wholeStep.withLock { $0 = step } }

  /// Saves a checkpoint durably, then deletes what the policy no longer keeps.
  func save(
    _ checkpoint: Checkpoint,
    retention: Retention
  ) throws(FlywheelError) -> FilePath {
    let step = checkpoint.optimizer.step
    let directory = Self.directory(of: path)
    let file = directory.appending(Self.name(ofStep: step))
    try requireNothingWhole(after: step)
    let archive = try checkpoint.archive()
    try Self.requireSpace(
      for: archive,
      available: FileSystem.freeByteCount(at: directory),
      at: file
    )
    // A process that was killed before it had tidied up leaves one file too many; with the new one
    // there would be two.
    if let whole = wholeStep.withLock({ $0 }) { try deleteSurplus(upTo: whole, retention) }
    try HDF5Archive.write(archive, to: file)
    records.withLock { $0[file] = Retention.Record(of: checkpoint) }
    noteWhole(step)
    try deleteSurplus(upTo: step, retention)
    // What claims a later step is what a resume passed over as damaged.
    for stale in try Self.files(in: path) where stale.step > step {
      if !FileSystem.isDirectory(stale.path) { try delete(stale.path) }
    }
    return file
  }

  /// Checks that no checkpoint of a later step is lost: what claims one is deleted after a save.
  ///
  /// - Throws: `alreadyExists` for one that is known to be whole, or that nobody has looked at.
  private func requireNothingWhole(after step: Int) throws(FlywheelError) {
    var later = wholeStep.withLock { $0 }
    if later == nil {
      later = try Self.files(in: path).last { !FileSystem.isDirectory($0.path) }?.step
    }
    guard let later, later > step else { return }
    throw FlywheelError(
      .alreadyExists,
      "The run has a checkpoint of step \(later), which a save at step \(step) would delete. Go on "
        + "from it, or use another directory.",
      at: .init(path: path)
    )
  }

  /// Checks that a file will fit, so that a save which cannot end is not begun.
  ///
  /// Older checkpoints stay until the new one is durable, so that they are no room for it.
  ///
  /// - Throws: `noSpace`, with both numbers.
  package static func requireSpace(
    for archive: Archive,
    available: Int?,
    at file: FilePath
  ) throws(FlywheelError) {
    // Headers take some hundred bytes for each tensor; the log and the directory need room, too.
    let needed = archive.byteCount + 1024 * archive.tensors.count + (1 << 20)
    guard let available, available < needed else { return }
    throw FlywheelError(
      .noSpace,
      "There is no room for the checkpoint: with what is written beside it, it needs \(needed) "
        + "bytes, and \(available) are free on this disk. Delete what is no longer needed there, or keep fewer checkpoints.",
      at: .init(path: file)
    )
  }

  /// Deletes what is damaged and what the policy does not keep, among the checkpoints up to a step whose
  /// own is whole: it is the newest of them, and stays.
  private func deleteSurplus(upTo whole: Int, _ retention: Retention) throws(FlywheelError) {
    var files: [Int: FilePath] = [:]
    var known: [Retention.Record] = []
    for (step, file) in try Self.files(in: path)
    where step <= whole && !FileSystem.isDirectory(file) {
      do throws(FlywheelError) {
        if let record = try record(of: file, step) {
          files[step] = file
          known.append(record)
          continue
        }
      } catch {
        // One that is whole for all that is known is neither counted nor deleted.
        continue
      }
      try delete(file)
    }
    for step in retention.surplus(of: known) {
      if let file = files[step] { try delete(file) }
    }
  }

  private func delete(_ file: FilePath) throws(FlywheelError) {
    try FileSystem.removeFile(file)
    records.withLock { $0[file] = nil }
  }

  /// What the policy must know about a file, without reading its large tensors; nil if it is damaged.
  ///
  /// - Throws: Why it could not be read, if it is whole for all that is known.
  private func record(
    of file: FilePath,
    _ step: Int
  ) throws(FlywheelError) -> Retention.Record? {
    if let record = records.withLock({ $0[file] }) { return record }
    let record: Retention.Record
    do throws(FlywheelError) {
      let checkpoint = try CheckpointFile.read(file, verification: .structure)
      try Self.require(checkpoint, isOf: step, file)
      record = Retention.Record(of: checkpoint)
    } catch {
      guard error.isDamage else { throw error }
      return nil
    }
    records.withLock { $0[file] = record }
    return record
  }

  // MARK: Names

  private static func directory(of run: FilePath) -> FilePath { run.appending("checkpoints") }

  /// The checkpoint files of a run with the steps that their names say, in order; others are not ours.
  static func files(in run: FilePath) throws(FlywheelError) -> [(step: Int, path: FilePath)] {
    let directory = directory(of: run)
    guard FileSystem.exists(directory) else { return [] }
    return try FileSystem.names(in: directory)
      .compactMap { name in step(ofName: name).map { ($0, directory.appending(name)) } }
      .sorted { $0.0 < $1.0 }
  }

  /// Checks that a file holds the step that its name says.
  static func require(
    _ checkpoint: Checkpoint,
    isOf step: Int,
    _ file: FilePath
  ) throws(FlywheelError) {
    guard checkpoint.optimizer.step != step else { return }
    throw FlywheelError(
      .mismatch,
      "The file is named after step \(step), but holds step \(checkpoint.optimizer.step).",
      at: .init(path: file)
    )
  }

  private static func name(ofStep step: Int) -> String {
    let digits = String(step)
    return "step-" + String(repeating: "0", count: max(0, 12 - digits.utf8.count)) + digits + ".h5"
  }

  /// The step of a name as `name(ofStep:)` gives it, so that each step has one file.
  private static func step(ofName name: String) -> Int? {
    guard name.hasPrefix("step-"), name.hasSuffix(".h5"),
      let step = Int(name.dropFirst(5).dropLast(3)), step >= 0, self.name(ofStep: step) == name
    else { return nil }
    return step
  }
}

extension Retention.Record {
  /// What a checkpoint says of itself: its metrics are the row of the history at its very step.
  init(of checkpoint: Checkpoint) {
    let step = checkpoint.optimizer.step
    self.init(step: step, time: Timestamp.seconds(of: checkpoint.saved.time))
    guard let row = checkpoint.history.steps.lastIndex(of: Int64(step)) else { return }
    for (name, values) in checkpoint.history.metrics { metrics[name] = values[row] }
  }
}
