import FlywheelCore
import FlywheelTrain

/// Shows a run as it goes: one live line on a terminal, plain lines of epochs elsewhere.
struct TrainingProgressView: ~Copyable {
  private let isQuiet: Bool
  private let isLive: Bool
  private let terminal = Terminal.error

  init(isQuiet: Bool) {
    self.isQuiet = isQuiet
    isLive = !isQuiet && Terminal.error.isInteractive
  }

  /// Prints a line that stays.
  func say(_ line: String) {
    guard !isQuiet else { return }
    clear()
    terminal.print(line)
  }

  /// Shows an event.
  func show(_ event: TrainingEvent) {
    if case .saveFailed(let error) = event {
      // Said even when quiet, as every error is.
      clear()
      terminal.print("warning: a checkpoint was not saved: \(error)")
    }
    guard !isQuiet else { return }
    switch event {
    case .saveFailed: break
    case .batch(let snapshot): showLive(snapshot)
    case .epoch(let summary): say(Self.line(summary))
    case .trace(let traced): say("traced \(traced.steps) steps: \(traced.path)")
    }
  }

  /// Removes the live line.
  func clear() {
    if isLive { terminal.write("\r\u{1B}[K") }
  }

  private func showLive(_ snapshot: TrainingEvent.Snapshot) {
    guard isLive else { return }
    let digits = String(snapshot.epochs).count
    let rate = Formatting.grouped(Int(snapshot.samplesPerSecond))
    var parts = [
      "epoch \(Formatting.right(String(snapshot.epoch), digits))/\(snapshot.epochs)",
      Formatting.right("\(Int(100 * snapshot.fraction))%", 4),
      "loss \(Formatting.fixed(snapshot.loss, 4))",
      "accuracy \(Formatting.percent(snapshot.accuracy))",
      rate + " samples/s",
      "\(Formatting.duration(snapshot.secondsLeft)) left",
    ]
    // A line that wraps cannot be redrawn: it is shortened, then loses the rate, the time, the accuracy.
    let width = terminal.width - 1
    if parts.joined(separator: "  ").count > width { parts[4] = rate + "/s" }
    for dropped in [4, 4, 3] where parts.joined(separator: "  ").count > width {
      parts.remove(at: dropped)
    }
    terminal.write("\r\u{1B}[K" + parts.joined(separator: "  ").prefix(width))
  }

  private static func line(_ summary: TrainingEvent.Summary) -> String {
    let width = String(summary.epochs).count
    var parts = [
      "epoch \(Formatting.right(String(summary.epoch), width))/\(summary.epochs)",
      "loss \(Formatting.fixed(summary.trainingLoss, 4))",
      "training \(Formatting.percent(summary.trainingAccuracy))",
    ]
    if let accuracy = summary.validationAccuracy {
      parts.append("validation \(Formatting.percent(accuracy))")
    }
    parts.append("\(Formatting.grouped(Int(summary.samplesPerSecond)))/s")
    return parts.joined(separator: "  ")
  }
}
