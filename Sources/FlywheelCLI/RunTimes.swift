import FlywheelRun

/// When the rows of a history were measured, as well as a run knows.
///
/// Metrics have no clock, so that equal runs have equal logs. The newest checkpoint says when it was
/// saved, and `timing.jsonl` how long each epoch took: rows count back, and on, from that moment by the
/// seconds of the epochs between, leaving out the pauses of a run that was stopped. Without a timing all
/// rows are of that moment; without a checkpoint time begins in 1970.
struct RunTimes {
  /// When training began, in seconds since 1970.
  let start: Double
  /// When each row was measured, in seconds since 1970.
  let rows: [Double]

  init(_ history: RunHistory) {
    var elapsed = 0.0
    let sums = history.rows.map { row in
      elapsed += history.seconds[row.step] ?? 0
      return elapsed
    }
    var beginning = 0.0
    if let saved = history.saved {
      let index = history.rows.lastIndex { $0.step <= saved.step }
      beginning = Double(Timestamp.seconds(of: saved.time)) - (index.map { sums[$0] } ?? 0)
    }
    start = beginning
    rows = sums.map { beginning + $0 }
  }
}
