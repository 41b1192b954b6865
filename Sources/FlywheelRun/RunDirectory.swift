public import FlywheelCheckpoint
public import FlywheelCore
import OrderedCollections
public import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A run on disk: its configuration, its logs and its checkpoints, held by one process at a time.
///
///     RUN/configuration.json     what was asked for, with every default filled in
///     RUN/metrics.jsonl          one line an epoch, without any clock: equal runs have equal files
///     RUN/timing.jsonl           how long things took
///     RUN/checkpoints/step-….h5  names sort by step
///     RUN/lock                   held while a process trains
public struct RunDirectory: ~Copyable, Sendable {
  /// Where the run is.
  public let path: FilePath
  /// The configuration it was created with.
  public let configuration: JSONValue

  /// The checkpoints, and the right to write them.
  let checkpoints: CheckpointStore

  /// A file that holds a checkpoint, and why it was passed over.
  public struct Skipped: Sendable {
    /// The file.
    public var path: FilePath
    /// What is wrong with it.
    public var reason: FlywheelError
  }

  /// The newest checkpoint of a run that is whole.
  public struct Newest: Sendable {
    /// The checkpoint.
    public var checkpoint: Checkpoint
    /// Its file.
    public var path: FilePath
    /// Newer files that are damaged, newest first.
    public var skipped: [Skipped]
  }

  /// Creates a run.
  ///
  /// - Parameters:
  ///   - path: A directory that does not exist yet, or is empty.
  ///   - configuration: What was asked for, with every default filled in.
  /// - Throws: `alreadyExists` if there is something, `busy`, or `inputOutput`.
  public init(creating path: FilePath, configuration: JSONValue) throws(FlywheelError) {
    try FileSystem.createDirectory(path)
    if !FileSystem.exists(path.appending("lock")),
      let name = try FileSystem.names(in: path).first
    {
      throw Self.occupied(path, by: name)
    }
    // The lock comes before anything else, so that of two processes only one fills the directory.
    let lock = try RunLock(path.appending("lock"))
    // Looked at under the lock: another process may have trained here meanwhile. A run that was killed
    // before it saved anything is started again in its place.
    if let name = try Self.remains(in: path) { throw Self.occupied(path, by: name) }
    try Self.removeTemporaryFiles(in: path)
    try FileSystem.createDirectory(path.appending("checkpoints"))
    try Self.write(configuration, in: path)
    self.path = path
    self.configuration = configuration
    checkpoints = CheckpointStore(of: path, holding: lock)
  }

  /// Opens a run to go on with it.
  ///
  /// - Parameter path: The directory.
  /// - Throws: `notFound` if it is no run, `busy` if another process trains in it.
  public init(opening path: FilePath) throws(FlywheelError) {
    let file = path.appending("configuration.json")
    guard FileSystem.exists(file) else {
      throw FlywheelError(
        .notFound,
        FileSystem.exists(path)
          ? "This is no run: it has no configuration.json. If a run was stopped here at its very "
            + "start, 'flywheel train' starts it again."
          : "There is no such directory; 'flywheel train' creates a run.",
        at: .init(path: path)
      )
    }
    let lock = try RunLock(path.appending("lock"))
    let bytes = try OpenFile.contents(of: file)
    let configuration = try FlywheelError.locating(path: file) { () throws(FlywheelError) in
      try JSONValue(parsing: bytes)
    }
    try Self.removeTemporaryFiles(in: path)
    self.path = path
    self.configuration = configuration
    checkpoints = CheckpointStore(of: path, holding: lock)
  }

  /// What of a directory is worth keeping: anything but what a run writes before its first checkpoint.
  private static func remains(in path: FilePath) throws(FlywheelError) -> String? {
    let early = ["lock", "configuration.json", "metrics.jsonl", "timing.jsonl", "checkpoints"]
    for name in try FileSystem.names(in: path)
    where !early.contains(name) && !name.hasSuffix(AtomicFile.temporarySuffix) {
      return name
    }
    let checkpoints = path.appending("checkpoints")
    guard FileSystem.exists(checkpoints) else { return nil }
    return try FileSystem.names(in: checkpoints)
      .first { !$0.hasSuffix(AtomicFile.temporarySuffix) }
  }

  private static func occupied(_ path: FilePath, by name: String) -> FlywheelError {
    FlywheelError(
      .alreadyExists,
      name.hasSuffix(".h5")
        ? "The directory holds a run already, with checkpoint '\(name)'; go on with "
          + "'flywheel resume', or name another directory."
        : "The directory is not empty (it holds '\(name)'); name another directory.",
      at: .init(path: path)
    )
  }

  /// Removes what a killed process left; the caller holds the lock, so that nobody is writing.
  private static func removeTemporaryFiles(in path: FilePath) throws(FlywheelError) {
    for directory in [path, path.appending("checkpoints")] where FileSystem.exists(directory) {
      for name in try FileSystem.names(in: directory)
      where name.hasSuffix(AtomicFile.temporarySuffix) {
        try FileSystem.removeFile(directory.appending(name))
      }
    }
  }

  /// The checkpoint files of a run, oldest first.
  ///
  /// - Parameter path: The run's directory.
  /// - Throws: `inputOutput` if it cannot be listed.
  /// - Returns: The files.
  public static func checkpoints(in path: FilePath) throws(FlywheelError) -> [FilePath] {
    try CheckpointStore.files(in: path).map(\.path)
  }

  /// The checkpoint files of a run with the steps that their names say, oldest first.
  ///
  /// - Parameter path: The run's directory.
  /// - Throws: `inputOutput` if it cannot be listed.
  /// - Returns: Each step, which has one file, and the file.
  public static func checkpointSteps(
    in path: FilePath
  ) throws(FlywheelError) -> [(step: Int, path: FilePath)] {
    try CheckpointStore.files(in: path)
  }

  /// The newest checkpoint that verifies, found by looking: no pointer file can be wrong.
  ///
  /// - Parameter path: The run's directory.
  /// - Throws: `notFound` if there is none at all, `corrupted` if none is whole, or why one that is not
  ///   damaged cannot be read.
  /// - Returns: The checkpoint, and what was passed over.
  public static func newest(in path: FilePath) throws(FlywheelError) -> Newest {
    var skipped: [Skipped] = []
    for (step, file) in try CheckpointStore.files(in: path).reversed() {
      do throws(FlywheelError) {
        let checkpoint = try CheckpointFile.read(file)
        try CheckpointStore.require(checkpoint, isOf: step, file)
        return Newest(checkpoint: checkpoint, path: file, skipped: skipped)
      } catch {
        // One that is whole but cannot be read now, or by this version, must not be trained over.
        guard error.isDamage || FileSystem.byteCount(of: file) == nil else { throw error }
        skipped.append(Skipped(path: file, reason: error))
      }
    }
    guard let first = skipped.first else {
      throw FlywheelError(
        .notFound,
        "The run has no checkpoint: it was stopped before the first was saved. "
          + "'flywheel train' starts it again in the same directory.",
        at: .init(path: path)
      )
    }
    throw FlywheelError(
      .corrupted,
      "None of the run's \(skipped.count) checkpoints is whole. The newest: \(first.reason)",
      at: .init(path: path)
    )
  }

  /// The newest checkpoint of this run that verifies, to go on from.
  ///
  /// - Throws: As `newest(in:)`.
  /// - Returns: The checkpoint, and what was passed over.
  public func newest() throws(FlywheelError) -> Newest {
    let newest = try Self.newest(in: path)
    checkpoints.noteWhole(newest.checkpoint.optimizer.step)
    return newest
  }

  /// Saves a checkpoint durably, then deletes the ones that the policy no longer keeps.
  ///
  /// Checkpoints of later steps are deleted too: they are what a resume passed over, and the run now
  /// goes on without them.
  ///
  /// - Parameters:
  ///   - checkpoint: The checkpoint.
  ///   - retention: What to keep.
  /// - Throws: `alreadyExists` if a later checkpoint is whole, or may be because `newest()` was not asked;
  ///   `noSpace` before anything is written, `inputOutput` or `libraryFailure`; older checkpoints are
  ///   then untouched.
  /// - Returns: The file.
  public func save(
    _ checkpoint: Checkpoint,
    retention: Retention
  ) throws(FlywheelError) -> FilePath {
    try checkpoints.save(checkpoint, retention: retention)
  }

  /// Replaces `configuration.json`.
  ///
  /// - Parameter configuration: What it should say.
  /// - Throws: `inputOutput`; the old file is then untouched.
  public func rewriteConfiguration(_ configuration: JSONValue) throws(FlywheelError) {
    try Self.write(configuration, in: path)
  }

  private static func write(
    _ configuration: JSONValue,
    in path: FilePath
  ) throws(FlywheelError) {
    let text = configuration.prettyText() + "\n"
    try AtomicFile.write(Array(text.utf8), to: path.appending("configuration.json"))
  }

  /// Makes `metrics.jsonl` say exactly what a history says.
  ///
  /// - Parameter history: The history of the checkpoint that training goes on from.
  /// - Throws: `inputOutput`; the old file is then untouched.
  public func rewriteMetrics(_ history: History) throws(FlywheelError) {
    var bytes: [UInt8] = []
    for row in history.steps.indices { bytes += Self.line(history, row) }
    try AtomicFile.write(bytes, to: path.appending("metrics.jsonl"))
  }

  /// Appends the newest row of a history to `metrics.jsonl`.
  ///
  /// - Parameter history: The history.
  /// - Throws: `inputOutput`.
  public func appendMetrics(_ history: History) throws(FlywheelError) {
    guard let row = history.steps.indices.last else { return }
    try append(Self.line(history, row), to: "metrics.jsonl")
  }

  /// Appends a line to `timing.jsonl`.
  ///
  /// - Parameter entry: What to say.
  /// - Throws: `inputOutput`.
  public func appendTiming(_ entry: JSONValue) throws(FlywheelError) {
    try append(entry.canonicalBytes + [UInt8(ascii: "\n")], to: "timing.jsonl")
  }

  private func append(_ line: [UInt8], to name: String) throws(FlywheelError) {
    let file = try OpenFile(
      path.appending(name),
      flags: O_WRONLY | O_CREAT | O_APPEND,
      purpose: "append to the log"
    )
    try file.write(line.rawBytes)
  }

  private static func line(_ history: History, _ row: Int) -> [UInt8] {
    var members: OrderedDictionary<String, JSONValue> = ["step": JSONValue(Int(history.steps[row]))]
    for (name, values) in history.metrics {
      // An epoch is a number of things; it reads better without a fraction.
      let epoch = name == "epoch" ? Int(exactly: values[row]) : nil
      members[name] = epoch.map { JSONValue($0) } ?? JSONValue(values[row])
    }
    return JSONValue.object(members).canonicalBytes + [UInt8(ascii: "\n")]
  }
}
