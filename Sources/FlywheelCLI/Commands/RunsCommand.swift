import ArgumentParser
import FlywheelCore
import FlywheelRun
import SystemPackage

/// `flywheel runs`: what runs there are, and how far each has come.
struct RunsCommand: FileReadingCommand {
  static let configuration = CommandConfiguration(
    commandName: "runs",
    abstract: "List runs with their progress, best metric and size.",
    discussion: """
      Looks at each run's configuration and at the documents of its checkpoints, not at the tensors, \
      and disturbs no run that is training. A run that is broken is listed with the reason.

      Examples:
        flywheel runs                # the runs in runs/
        flywheel runs experiments old/runs/3
        flywheel runs --json | python3 -m json.tool
      """
  )

  @Argument(
    help: ArgumentHelp(
      "Directories that hold runs, or runs. (default: runs)",
      valueName: "dir"
    )
  )
  var directories: [String] = []

  @Flag(help: "Print one JSON object for scripts.")
  var json = false

  @OptionGroup var reading: ReadingOptions

  func run() throws {
    var runs: [RunSummary] = []
    var isIncomplete = false
    for directory in directories.isEmpty ? ["runs"] : directories {
      do throws(FlywheelError) {
        runs += try RunSummary.runs(in: FilePath(directory))
      } catch {
        Terminal.error.print("error: \(error)")
        isIncomplete = true
      }
    }
    if json {
      Terminal.output.print(RunsView.json(runs).prettyText())
    } else if !runs.isEmpty {
      Terminal.output.print(RunsView.lines(runs))
    } else if !isIncomplete {
      Terminal.output.print("There are no runs here; 'flywheel train' makes one.")
    }
    if isIncomplete { throw ExitCode(ExitStatus.trouble.rawValue) }
  }
}
