import FlywheelCore
import FlywheelTensorBoard
import OrderedCollections
import SystemPackage

/// Histories as TensorBoard's event files.
enum HistoryEvents {
  /// Writes one file for each run, in a directory under its name, as TensorBoard tells runs apart.
  ///
  /// - Throws: `inputOutput`; files that were there before are then whole.
  static func write(_ set: HistorySet, to directory: FilePath) throws(FlywheelError) {
    for run in set.runs {
      let folder = directory.appending(run.name)
      try FileSystem.createDirectory(folder)
      try AtomicFile.write(
        bytes(of: run.history, set.metrics),
        to: folder.appending(EventFile.name)
      )
    }
  }

  private static func bytes(of history: RunHistory, _ metrics: OrderedSet<String>) -> [UInt8] {
    let times = RunTimes(history)
    var file = EventFile(time: times.start)
    for (row, time) in zip(history.rows, times.rows) {
      let scalars = row.values.filter { metrics.contains($0.key) || MetricName.isProgress($0.key) }
        .map { (tag: MetricName($0.key).tag, value: $0.value) }
      file.append(scalars, step: row.step, time: time)
    }
    return file.bytes
  }
}
