import ArgumentParser
import FlywheelCheckpoint
import FlywheelConvert
import FlywheelCore
import FlywheelFormats
import FlywheelTrain
import SystemPackage

/// `flywheel resume`: goes on with a run.
struct ResumeCommand: FileReadingCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume",
    abstract: "Go on with a run from its newest whole checkpoint, bit for bit.",
    usage: "flywheel resume <run> [<options>]",
    discussion: """
      Damaged checkpoints are named and skipped. Given a checkpoint file instead of a run, a new run \
      starts from it, and the file's own run stays as it is; 'flywheel convert' may have changed its \
      format, and taken it to another framework. A run that early stopping ended goes on \
      with --no-early-stopping, or with more patience in its configuration.json.

      A file that another program saved goes on in a new run, too, at the end of one of its epochs: what \
      it says of its optimizer and, as files of Keras do, of its layers and loss counts, and what it does \
      not say has to be given. The order of the samples is that of the --seed.

      Examples:
        flywheel resume runs/1
        flywheel resume runs/1 --epochs 20     # 20 in all, not 20 more
        flywheel resume runs/1/checkpoints/step-000000003125.h5 -o runs/branch
        flywheel resume state.npz
        flywheel resume model.pt --data MNIST_DIR --batch-size 32 --activation relu \\
          --loss softmax_cross_entropy --epochs 10
      """
  )

  @Argument(help: ArgumentHelp("A run's directory, or a checkpoint file.", valueName: "run"))
  var source: String

  @Option(parsing: .unconditional, help: "The new total number of epochs.")
  var epochs: Int?

  @Flag(
    help: "Train on where early stopping ended the run, or would end it; from now on."
  )
  var noEarlyStopping = false

  @Option(
    help: "Where the data are now, if they have moved; or which they are: as 'train' takes them."
  )
  var data: String?

  @Option(
    name: [.customShort("o"), .long],
    help: "The new run's directory, if a checkpoint file is given. (default: runs/1, runs/2, …)"
  )
  var output: String?

  @Option(
    help: TraceArgument.help,
    transform: TraceArgument.request
  )
  var trace: TraceRequest?

  @OptionGroup(title: "Of a file that another program saved")
  var continuation: ContinuationOptions

  @OptionGroup(title: "Output")
  var reporting: ReportingOptions

  @OptionGroup var reading: ReadingOptions

  func validate() throws {
    if let epochs, epochs < 1 {
      throw ValidationError("epochs is \(epochs); it must be a whole number of at least 1.")
    }
    if output != nil, FileSystem.isDirectory(FilePath(source)),
      try !ResolvedFile.isArchive(FilePath(source))
    {
      throw ValidationError("--output goes with a checkpoint file; a run goes on where it is.")
    }
  }

  func run() throws {
    let path = FilePath(source)
    let runner = TrainingRunner(reporting)
    if try ResolvedFile.isArchive(path) {
      if let found = try foreignState(path) {
        return try goOn(from: found.state, found.network, runner)
      }
      try requireNoContinuation()
      try runner.run(in: output) { target throws(FlywheelError) in
        try TrainingSession(
          from: path,
          at: target,
          epochs: epochs,
          data: data,
          stopsEarly: !noEarlyStopping,
          trace: trace
        )
      }
    } else {
      try requireNoContinuation()
      try runner.run(
        try TrainingSession(
          resuming: path,
          epochs: epochs,
          data: data,
          stopsEarly: !noEarlyStopping,
          trace: trace
        )
      )
    }
  }

  /// The state in a file that does not say how Flywheel's trainer goes on with it, with the network that it
  /// describes; nil if it says so.
  private func foreignState(
    _ path: FilePath
  ) throws(FlywheelError) -> (state: StartingState, network: KerasNetwork?)? {
    let reader = try FileFormat.open(path)
    guard let training = try reader.trainingDocument() else {
      return try otherState(reader)
    }
    guard training.noun == "checkpoint", continuation.isAsked else { return nil }
    let state = try StartingState(reading: path)
    return TrainingSession.isOfTrainer(state.checkpoint) ? nil : (state, nil)
  }

  /// The state in a file that is none of Flywheel's.
  private func otherState(
    _ reader: any ArchiveReader
  ) throws(FlywheelError) -> (state: StartingState, network: KerasNetwork?) {
    do throws(FlywheelError) {
      return try continuation.state(reader)
    } catch {
      guard !continuation.isAsked else { throw error }
      var error = error
      error.message =
        "The file has no '\(CheckpointKey.document)', as Flywheel's checkpoints have, so it is read as another "
        + "program's. " + error.message
      throw error
    }
  }

  private func goOn(
    from state: StartingState,
    _ network: KerasNetwork?,
    _ runner: TrainingRunner
  ) throws {
    let configuration = try continuation.configuration(
      of: state,
      network,
      data: data,
      epochs: epochs
    )
    try runner.run(in: output) { target throws(FlywheelError) in
      try TrainingSession(continuing: state, as: configuration, at: target, trace: trace)
    }
  }

  private func requireNoContinuation() throws {
    guard continuation.isAsked else { return }
    throw ValidationError(
      "A checkpoint says itself how it was trained; only --epochs, --data and --no-early-stopping may change that. "
        + "Leave out \(continuation.given.joined(separator: ", "))."
    )
  }
}
