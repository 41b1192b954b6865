import FlywheelCheckpoint
import FlywheelCore
import FlywheelRun
import OrderedCollections
import SystemPackage

/// The metrics of a run as far as it has come.
struct RunHistory {
  /// The path as it was typed.
  var path: FilePath
  /// What is known at each step, in order of the steps.
  var rows: [Row]
  /// When the checkpoint that rows come from was saved, and at which step; nil if there is none.
  var saved: (time: String, step: Int)?
  /// How many seconds training took up to a step since the row before, by that step.
  var seconds: [Int: Double]
  /// What was passed over, for the person to know.
  var warnings: [String]

  /// What is known at a step.
  struct Row {
    /// The number of steps taken.
    var step: Int
    /// The metrics under their names.
    var values: OrderedDictionary<String, Double>
  }

  /// Creates a history.
  init(
    path: FilePath,
    rows: [Row],
    saved: (time: String, step: Int)? = nil,
    seconds: [Int: Double] = [:],
    warnings: [String] = []
  ) {
    self.path = path
    self.rows = rows
    self.saved = saved
    self.seconds = seconds
    self.warnings = warnings
  }

  /// Reads the history of a run, or of a checkpoint file.
  ///
  /// A run's is that of its newest whole checkpoint, and the lines of `metrics.jsonl` that go beyond it:
  /// training may go on, or may have ended, without a save since.
  init(reading path: FilePath) throws(FlywheelError) {
    guard FileSystem.exists(path) else {
      throw FlywheelError(
        .notFound,
        "There is no such run; name a run's directory, as 'flywheel train' makes it, or a checkpoint.",
        at: .init(path: path)
      )
    }
    var history = RunHistory(path: path, rows: [])
    if FileSystem.isDirectory(path) {
      try history.readDirectory()
    } else {
      history.take(try CheckpointFile.read(path))
    }
    guard !history.rows.isEmpty else {
      throw FlywheelError(
        .notFound,
        "The run has no history yet: it has not finished an epoch. Train on, and plot it then.",
        at: .init(path: path)
      )
    }
    self = history
  }

  /// The metrics' names, in the order in which they turn up.
  var metrics: OrderedSet<String> {
    OrderedSet(rows.lazy.flatMap(\.values.keys))
  }

  private mutating func readDirectory() throws(FlywheelError) {
    let metrics = path.appending("metrics.jsonl")
    let hasCheckpoint = try !RunDirectory.checkpoints(in: path).isEmpty
    guard hasCheckpoint || FileSystem.exists(metrics) else {
      throw FlywheelError(
        .notFound,
        FileSystem.exists(path.appending("configuration.json"))
          ? "The run has no history yet: it has not finished an epoch. Train on, and plot it then."
          : "This is no run: it has neither checkpoints nor metrics.jsonl.",
        at: .init(path: path)
      )
    }
    if hasCheckpoint, let newest = try newest() {
      for skipped in newest.skipped {
        warnings.append("skipped a damaged checkpoint: \(skipped.reason)")
      }
      take(newest.checkpoint)
    }
    if FileSystem.exists(metrics) { try takeLog(metrics) }
    let timing = path.appending("timing.jsonl")
    if FileSystem.exists(timing) { try takeTiming(timing) }
  }

  /// The newest checkpoint; nil if none is whole: the log says the same without proof.
  private mutating func newest() throws(FlywheelError) -> RunDirectory.Newest? {
    // A run that is training deletes old checkpoints; one that is gone has a successor.
    for _ in 0..<3 {
      do throws(FlywheelError) {
        return try RunDirectory.newest(in: path)
      } catch {
        if error.code == .notFound { continue }
        guard error.isDamage else { throw error }
        warnings.append("\(error)")
        return nil
      }
    }
    return nil
  }

  private mutating func take(_ checkpoint: Checkpoint) {
    saved = (checkpoint.saved.time, checkpoint.optimizer.step)
    let history = checkpoint.history
    for (index, step) in history.steps.enumerated() {
      let values = history.metrics.map { ($0.key, $0.value[index]) }
      rows.append(Row(step: Int(step), values: OrderedDictionary(uniqueKeysWithValues: values)))
    }
  }

  /// Adds the lines of the log that go beyond the rows; of two lines for a step, the later one counts.
  private mutating func takeLog(_ file: FilePath) throws(FlywheelError) {
    let last = rows.last?.step ?? .min
    var newer: OrderedDictionary<Int, OrderedDictionary<String, Double>> = [:]
    let log = try JSONLines(reading: file)
    for object in log.objects {
      var object = object
      guard let step = try? object.integer("step", in: 0...), step > last else { continue }
      var values: OrderedDictionary<String, Double> = [:]
      for name in object.names where name != "step" {
        // A null, or anything else that is no number, is a value that is missing.
        if let value = try? object.double(name) { values[name] = value }
      }
      newer[step] = values
    }
    rows += newer.map { Row(step: $0.key, values: $0.value) }.sorted { $0.step < $1.step }
    if log.damagedCount > 0 {
      warnings.append("passed over \(log.damagedCount) lines that are no JSON objects in \(file)")
    }
  }

  private mutating func takeTiming(_ file: FilePath) throws(FlywheelError) {
    for object in try JSONLines(reading: file).objects {
      var object = object
      guard let step = try? object.integer("step", in: 0...),
        let value = try? object.double("seconds"), value.isFinite, value >= 0
      else { continue }
      seconds[step] = value
    }
  }
}
