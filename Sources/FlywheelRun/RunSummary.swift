public import FlywheelCheckpoint
public import FlywheelCore
import OrderedCollections
public import SystemPackage

/// What a run looks like from outside, without locking it and without reading its tensors.
///
/// It is true for the moment at which it was taken: another process may be training.
public struct RunSummary: Sendable {
  /// Where the run is.
  public var path: FilePath
  /// Whether a process holds the run now.
  public var isTraining: Bool
  /// The newest checkpoint; nil if there is none that can be read.
  public var newest: Newest?
  /// The total of epochs that the configuration asks for; nil if it does not say.
  public var epochs: Int?
  /// The number of files that hold a checkpoint.
  public var checkpointCount: Int
  /// The bytes of all files of the run.
  public var byteCount: Int
  /// Checkpoints that are damaged as far as can be seen without reading every byte, oldest first.
  public var damaged: [RunDirectory.Skipped]
  /// Why the run cannot go on as it is; nil if nothing is seen that would stop it.
  public var trouble: FlywheelError?

  /// What the newest checkpoint says.
  public struct Newest: Sendable {
    /// Its file.
    public var path: FilePath
    /// The number of steps behind.
    public var step: Int
    /// How far training had come.
    public var progress: Progress
    /// When it was saved, as RFC 3339 has it, in UTC.
    public var time: String
  }

  /// Whether all epochs that were asked for are done.
  public var isFinished: Bool {
    guard let epochs, let newest else { return false }
    return newest.progress.epoch >= epochs
  }

  /// Looks at a run.
  ///
  /// - Parameter path: Its directory. What is wrong with it is told in the summary.
  public init(of path: FilePath) {
    self.path = path
    isTraining = RunLock.isHeld(path.appending("lock"))
    checkpointCount = 0
    byteCount = 0
    damaged = []
    do throws(FlywheelError) {
      epochs = try Self.epochs(in: path)
      try addCheckpoints()
      try addSizes()
    } catch {
      trouble = error
    }
    if trouble == nil, newest == nil { trouble = withoutCheckpoint }
  }

  /// The runs in a directory, and the directory itself if it is one; no deeper.
  ///
  /// - Parameter directory: Where to look.
  /// - Throws: `notFound` or `inputOutput` if it cannot be listed.
  /// - Returns: Summaries; numbered runs come first, in the order of their numbers, then the others.
  public static func runs(in directory: FilePath) throws(FlywheelError) -> [RunSummary] {
    let names = try FileSystem.names(in: directory)
    let numbered = names.filter { Int($0) != nil }.sorted { Int($0) ?? 0 < Int($1) ?? 0 }
    let children = (numbered + names.filter { Int($0) == nil }).map { directory.appending($0) }
    return ([directory] + children).filter(isRun).map { RunSummary(of: $0) }
  }

  private static func isRun(_ path: FilePath) -> Bool {
    FileSystem.isDirectory(path.appending("checkpoints"))
      || FileSystem.isDirectory(path) && FileSystem.exists(path.appending("configuration.json"))
  }

  private static func epochs(in path: FilePath) throws(FlywheelError) -> Int? {
    let file = path.appending("configuration.json")
    let configuration = try FlywheelError.locating(path: file) { () throws(FlywheelError) in
      try JSONValue(parsing: try OpenFile.contents(of: file))
    }
    guard case .object(let members) = configuration else { return nil }
    guard case .integer(let epochs)? = members["epochs"] else { return nil }
    return Int(exactly: epochs)
  }

  private mutating func addCheckpoints() throws(FlywheelError) {
    var unreadable: FlywheelError?
    for (step, file) in try CheckpointStore.files(in: path) {
      do throws(FlywheelError) {
        let checkpoint = try CheckpointFile.read(file, verification: .structure)
        try CheckpointStore.require(checkpoint, isOf: step, file)
        checkpointCount += 1
        newest = Newest(
          path: file,
          step: step,
          progress: checkpoint.progress,
          time: checkpoint.saved.time
        )
        unreadable = nil
      } catch {
        // Whoever trains in the run may just have deleted it.
        guard FileSystem.exists(file) else { continue }
        checkpointCount += 1
        if error.isDamage || FileSystem.byteCount(of: file) == nil {
          damaged.append(.init(path: file, reason: error))
        } else {
          unreadable = error
        }
      }
    }
    // A resume would not pass over one that may be whole.
    trouble = unreadable
  }

  private mutating func addSizes() throws(FlywheelError) {
    for directory in [path, path.appending("checkpoints")] {
      for name in FileSystem.exists(directory) ? try FileSystem.names(in: directory) : [] {
        byteCount += FileSystem.byteCount(of: directory.appending(name)) ?? 0
      }
    }
  }

  private var withoutCheckpoint: FlywheelError {
    guard let last = damaged.last else {
      return FlywheelError(
        .notFound,
        isTraining
          ? "The run has no checkpoint yet."
          : "The run has no checkpoint: it was stopped before the first was saved.",
        at: .init(path: path)
      )
    }
    return FlywheelError(
      .corrupted,
      "None of the run's \(damaged.count) checkpoints is whole. The newest: \(last.reason)",
      at: .init(path: path)
    )
  }
}
