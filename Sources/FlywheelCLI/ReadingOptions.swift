import ArgumentParser
import FlywheelHDF5

/// What reads HDF5 files, as a flag of every command that opens files.
struct ReadingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What reads HDF5 files: flywheel, or library for libhdf5, as a second opinion.",
      valueName: "reader"
    )
  )
  var hdf5 = HDF5Implementation.flywheel
}

/// A command that opens files; `FlywheelCommand.start` sees to the reader that it is told to use.
protocol FileReadingCommand: ParsableCommand {
  /// What reads them.
  var reading: ReadingOptions { get }
}
