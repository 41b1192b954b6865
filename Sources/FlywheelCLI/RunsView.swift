import FlywheelCheckpoint
import FlywheelCore
import FlywheelRun
import SystemPackage

/// Runs as a table that fits 80 columns, and as JSON.
enum RunsView {
  static func lines(_ runs: [RunSummary]) -> [String] {
    let heading = ["run", "state", "progress", "best", "files", "size", "saved (UTC)"]
    var rows = [heading] + runs.map(row)
    let rest = (1..<heading.count).reduce(0) { sum, column in sum + 2 + width(rows, column) }
    let room = max(8, 80 - rest)
    for index in rows.indices { rows[index][0] = end(of: rows[index][0], within: room) }
    let widths = heading.indices.map { width(rows, $0) }
    let table = rows.map { row in
      let cells = row.indices.map { column in
        (3...5).contains(column)
          ? Formatting.right(row[column], widths[column])
          : Formatting.left(row[column], column == 6 ? 0 : widths[column])
      }
      return cells.joined(separator: "  ")
    }
    return table + notes(runs)
  }

  private static func row(_ run: RunSummary) -> [String] {
    [
      run.path.string,
      state(run),
      progress(run),
      run.newest?.progress.best.map { Formatting.fixed($0.value, 4) } ?? "",
      Formatting.grouped(run.checkpointCount),
      Formatting.bytes(run.byteCount),
      run.newest.map { time in
        let parts = time.time.split(separator: "T")
        return parts.count == 2 ? "\(parts[0]) \(parts[1].prefix(5))" : time.time
      } ?? "",
    ]
  }

  private static func state(_ run: RunSummary) -> String {
    if run.isTraining { return "training" }
    if run.trouble != nil { return "broken" }
    return run.isFinished ? "done" : "stopped"
  }

  private static func progress(_ run: RunSummary) -> String {
    guard let newest = run.newest else { return "" }
    guard let epochs = run.epochs else { return "step \(Formatting.grouped(newest.step))" }
    return "\(newest.progress.epoch)/\(epochs)"
  }

  /// What the table has no room for.
  private static func notes(_ runs: [RunSummary]) -> [String] {
    var lines: [String] = []
    let metrics = Set(runs.compactMap { $0.newest?.progress.best?.metric }).sorted()
    for metric in metrics {
      let those = runs.filter { $0.newest?.progress.best?.metric == metric }.map(\.path.string)
      lines +=
        metrics.count > 1
        ? Formatting.wrapped(those, after: "best: \(metric) of ") : ["best: \(metric)"]
    }
    for run in runs {
      if let trouble = run.trouble { lines.append("\(run.path): \(trouble)") }
      for damaged in run.damaged where run.newest != nil {
        lines.append("\(run.path): damaged: \(damaged.reason)")
      }
    }
    return lines
  }

  private static func width(_ rows: [[String]], _ column: Int) -> Int {
    rows.map { $0[column].count }.max() ?? 0
  }

  /// The end of a path, which tells runs apart better than its start.
  private static func end(of text: String, within width: Int) -> String {
    text.count <= width ? text : "…" + text.suffix(width - 1)
  }

  static func json(_ runs: [RunSummary]) -> JSONValue {
    ["runs": .array(runs.map(json))]
  }

  private static func json(_ run: RunSummary) -> JSONValue {
    [
      "run": JSONValue(run.path.string),
      "training": JSONValue(run.isTraining),
      "finished": JSONValue(run.isFinished),
      "epoch": run.newest.map { JSONValue($0.progress.epoch) } ?? .null,
      "epochs": run.epochs.map { JSONValue($0) } ?? .null,
      "step": run.newest.map { JSONValue($0.step) } ?? .null,
      "best": run.newest?.progress.best.map { best in
        [
          "metric": JSONValue(best.metric), "value": JSONValue(best.value),
          "step": JSONValue(best.step),
        ]
      } ?? .null,
      "saved": run.newest.map { JSONValue($0.time) } ?? .null,
      "checkpoint": run.newest.map { JSONValue($0.path.string) } ?? .null,
      "checkpoints": JSONValue(run.checkpointCount),
      "bytes": JSONValue(run.byteCount),
      "damaged": .array(
        run.damaged.map { skipped in
          ["file": JSONValue(skipped.path.string), "reason": JSONValue(skipped.reason.description)]
        }
      ),
      "trouble": run.trouble.map { trouble in
        ["code": JSONValue(trouble.code.rawValue), "reason": JSONValue(trouble.description)]
      } ?? .null,
    ]
  }
}
