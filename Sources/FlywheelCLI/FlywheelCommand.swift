public import ArgumentParser
import FlywheelCore
import FlywheelHDF5

/// The root of the command line.
public struct FlywheelCommand: ParsableCommand {
  /// How help presents it.
  public static let configuration = CommandConfiguration(
    commandName: "flywheel",
    abstract: "Train, save and resume networks whose momentum survives.",
    discussion: """
      Weights, velocities and all optimizer state go to HDF5 checkpoints that h5py opens, and to .npz \
      files that numpy opens; a run that is stopped or killed goes on bit for bit.

      Examples:
        flywheel train               # a small network on built-in digits
        flywheel train --data MNIST_DIR --layers 784-30-10 --rule nielsen
        flywheel resume runs/1       # go on from the newest whole checkpoint
        flywheel runs                # what runs there are, and how far each has come
        flywheel inspect runs/1      # what is in it
        flywheel verify runs/1       # is it as it was written
        flywheel convert runs/1 state.npz   # for numpy; and back
        flywheel diff runs/1 runs/2  # where they differ, and how far
        flywheel rules pytorch       # what a rule's momentum and weight decay mean
        flywheel explain steps.npz   # which rule a trainer really applies
        flywheel plot runs/1         # how it went

      Exit status: 0 fine, 1 differs or does not verify, 2 trouble, 64 wrong usage, 129, 130 and 143 stopped \
      by SIGHUP, SIGINT and SIGTERM after saving.
      """,
    version: Flywheel.version,
    subcommands: [
      TrainCommand.self, ResumeCommand.self, RunsCommand.self, InspectCommand.self,
      VerifyCommand.self, ConvertCommand.self, DiffCommand.self, ExplainCommand.self,
      RulesCommand.self, PlotCommand.self, DigitsCommand.self,
    ]
  )

  /// Creates the command; the parser does.
  public init() {}

  /// Runs the command line and ends the process with the documented exit status.
  public static func start() -> Never {
    do {
      var command = try parseAsRoot()
      let reader = (command as? any FileReadingCommand)?.reading.hdf5
      try HDF5Implementation.$current.withValue(reader ?? .current) { try command.run() }
      exit(withError: ExitCode.success)
    } catch let error as FlywheelError {
      Terminal.error.print("error: \(error)")
      exit(withError: ExitCode(ExitStatus.trouble.rawValue))
    } catch {
      exit(withError: error)
    }
  }
}
