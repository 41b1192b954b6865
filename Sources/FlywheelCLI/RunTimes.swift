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
      beginning = (Self.seconds(saved.time) ?? 0) - (index.map { sums[$0] } ?? 0)
    }
    start = beginning
    rows = sums.map { beginning + $0 }
  }

  /// The seconds since 1970 of a time like `2026-01-02T03:04:05Z`; nil for another text.
  static func seconds(_ time: String) -> Double? {
    let separators: Set<Character> = ["-", "T", ":", "Z"]
    let numbers = time.split(whereSeparator: separators.contains).compactMap { Int($0) }
    guard numbers.count == 6, time.hasSuffix("Z"), time.utf8.count == 20 else { return nil }
    // Years that begin in March end with the leap day, so that months have fixed beginnings.
    let isEarly = numbers[1] <= 2
    let year = isEarly ? numbers[0] - 1 : numbers[0]
    let month = isEarly ? numbers[1] + 9 : numbers[1] - 3
    let leapDays = year / 4 - year / 100 + year / 400
    let days = 365 * year + leapDays + (153 * month + 2) / 5 + numbers[2] - 1 - 719_468
    return Double(((days * 24 + numbers[3]) * 60 + numbers[4]) * 60 + numbers[5])
  }
}
