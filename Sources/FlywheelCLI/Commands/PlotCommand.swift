import ArgumentParser
import FlywheelCore
import FlywheelPlot
import SystemPackage

/// `flywheel plot`: the history of runs as a chart, a table, or TensorBoard's event files.
struct PlotCommand: FileReadingCommand {
  static let configuration = CommandConfiguration(
    commandName: "plot",
    abstract: "Draw the loss, accuracy and learning rate of runs, or export them.",
    discussion: """
      Without an output, draws on the terminal. A run's history is that of its newest whole \
      checkpoint and the newer lines of metrics.jsonl, so that runs can be looked at while they \
      train. Several runs are drawn over each other.

      TensorBoard gets a directory for each run ('tensorboard --logdir DIRECTORY' shows them); writing \
      again replaces the run's file. Metrics are timed by timing.jsonl, back from when the checkpoint \
      was saved.

      Examples:
        flywheel plot runs/1
        flywheel plot runs/1 runs/2 runs/3 -o runs.svg
        flywheel plot runs/1 --metric loss --x step -o loss.svg
        flywheel plot runs/* --csv history.csv
        flywheel plot runs/* --tensorboard logs
      """
  )

  @Argument(help: ArgumentHelp("Runs' directories, or checkpoint files.", valueName: "run"))
  var runs: [String]

  @Option(
    name: [.customShort("o"), .long],
    help: ArgumentHelp("Write an SVG; '-' is standard output.", valueName: "file")
  )
  var output: String?

  @Option(
    help: ArgumentHelp("Write a table; '-' is standard output.", valueName: "file")
  )
  var csv: String?

  @Option(
    help: ArgumentHelp("Write event files for TensorBoard.", valueName: "directory")
  )
  var tensorboard: String?

  @Option(
    help: ArgumentHelp(
      "Only this metric, or all of this kind, such as 'loss'; may be given again.",
      valueName: "name"
    )
  )
  var metric: [String] = []

  @Option(
    help: ArgumentHelp(
      "What to draw over. (default: epoch, if the runs count epochs)",
      valueName: "axis"
    )
  )
  var x: HistoryChart.Abscissa?

  @OptionGroup var reading: ReadingOptions

  func validate() throws {
    if output == "-" && csv == "-" {
      throw ValidationError("Only one of --output and --csv can go to standard output.")
    }
    if let output, output != "-", FilePath(output).extension?.lowercased() != "svg" {
      throw ValidationError("--output is '\(output)'; a chart is written as SVG, to a file.svg.")
    }
    var seen: Set<FilePath> = []
    for run in runs where !seen.insert(Self.place(run)).inserted {
      throw ValidationError("'\(run)' is given twice.")
    }
  }

  private static func place(_ run: String) -> FilePath {
    FileSystem.absolute(FilePath(run)).lexicallyNormalized()
  }

  func run() throws {
    var histories: [RunHistory] = []
    for run in runs {
      let history = try RunHistory(reading: FilePath(run))
      for warning in history.warnings { Terminal.error.print("warning: \(warning)") }
      histories.append(history)
    }
    let set = try HistorySet(histories, selection: metric)
    // Everything that can be wrong with the question comes before the first file is written.
    let abscissa = try abscissa(for: histories)
    if let csv { try TextFile.write(HistoryCSV.text(set), to: csv) }
    if let output { try TextFile.write(HistoryChart(set, abscissa).chart().svg(), to: output) }
    if let tensorboard {
      try HistoryEvents.write(set, to: FilePath(tensorboard))
      Terminal.error.print("look with: tensorboard --logdir \(ShellWord.quoted(tensorboard))")
    }
    if csv == nil && output == nil && tensorboard == nil {
      show(HistoryChart(set, abscissa).chart(isBrief: true))
    }
  }

  private func abscissa(for histories: [RunHistory]) throws(FlywheelError) -> HistoryChart.Abscissa
  {
    let uncounted = histories.first { !$0.metrics.contains("epoch") }
    if x == .epoch, let uncounted {
      throw FlywheelError(
        .notFound,
        "The run's history has no metric 'epoch'; draw over steps with --x step.",
        at: .init(path: uncounted.path)
      )
    }
    return x ?? (uncounted == nil ? .epoch : .step)
  }

  /// Draws with what the place that it is drawn on can show.
  private func show(_ chart: LineChart) {
    let terminal = Terminal.output
    let lines = chart.textLines(
      width: terminal.isInteractive ? min(80, terminal.width - 1) : 80,
      glyphs: terminal.isInteractive && Terminal.isUTF8 ? .unicode : .ascii
    )
    let text = lines.map { line in
      line.map { Self.text(of: $0, inColor: terminal.hasColors) }.joined()
    }
    terminal.write(text.joined(separator: "\n") + "\n")
  }

  private static func text(of span: TextSpan, inColor: Bool) -> String {
    let text = Terminal.shown(span.text)
    guard inColor, let index = span.index else { return text }
    // Cyan, yellow, magenta, green, blue, red: bright enough on dark, dark enough on light.
    let colors = [36, 33, 35, 32, 34, 31]
    return "\u{1B}[\(colors[index % colors.count])m\(text)\u{1B}[0m"
  }
}

extension HistoryChart.Abscissa: ExpressibleByArgument {}
