/// Shows on a terminal how far a conversion has come; elsewhere nothing.
final class ConversionProgressView {
  private let total: Int
  private let isLive: Bool
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  private var shown: ContinuousClock.Instant

  init(total: Int, isQuiet: Bool) {
    self.total = total
    isLive = !isQuiet && Terminal.error.isInteractive
    start = clock.now
    shown = start
  }

  /// Shows how many bytes are done, ten times a second at most.
  func show(_ done: Int) {
    guard isLive else { return }
    let now = clock.now
    guard now - shown >= .milliseconds(100) else { return }
    shown = now
    let seconds = (now - start) / .seconds(1)
    let rate = Double(done) / seconds
    let parts = [
      "\(Formatting.bytes(done)) of \(Formatting.bytes(total))",
      Formatting.right("\(Int(100 * Double(done) / Double(max(1, total))))%", 4),
      "\(Formatting.bytes(Int(rate)))/s",
      "\(Formatting.duration(Double(total - done) / rate)) left",
    ]
    let line = parts.joined(separator: "  ").prefix(Terminal.error.width - 1)
    Terminal.error.write("\r\u{1B}[K" + line)
  }

  /// Removes the line.
  func clear() {
    if isLive { Terminal.error.write("\r\u{1B}[K") }
  }
}
