import FlywheelCheckpoint
import OrderedCollections
import SystemPackage

/// A trace as text for people, at most 80 columns wide as far as names allow.
enum TraceView {
  static func lines(_ trace: Trace, _ path: FilePath, _ size: String) -> [String] {
    var lines = [
      "\(path)",
      "  Flywheel trace, schema \(Trace.schema), by \(trace.writer)",
      "  run \(trace.saved.run), saved \(trace.saved.time)",
      "  \(size)",
      "",
    ]
    lines += CheckpointView.optimizerLines(
      trace.optimizer,
      groupOfEach: trace.parameters.values.map(\.group)
    )
    lines.append("rows       \(trace.rows.count), one for each step")
    // Where the rates change a person wants to see how; hundreds of rows nobody reads.
    let shown = 8
    for row in trace.rows.prefix(shown) {
      let rates = row.learningRates.map { "\($0)" }.joined(separator: ", ")
      lines.append("  after \(Formatting.grouped(row.step)) steps: lr \(rates)")
    }
    if trace.rows.count > shown { lines.append("  …") }
    return lines
  }
}
