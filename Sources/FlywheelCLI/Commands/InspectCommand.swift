import ArgumentParser
import FlywheelCheckpoint
import FlywheelCore
import FlywheelFormats
import FlywheelRun
import SystemPackage

/// `flywheel inspect`: what is in a file, without reading the tensors if not for their statistics.
struct InspectCommand: FileReadingCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what is in a checkpoint, a run's newest one, a trace, or any file of tensors.",
    discussion: """
      Reads names, shapes and the document, and the tensors only for --stats; 'flywheel verify' reads
      every byte. Formats are recognised by their content. Of a file that says what optimizer it was \
      trained with, that is shown, and how its state belongs to the parameters; of an HDF5 file, what \
      reads it.

      Examples:
        flywheel inspect runs/1
        flywheel inspect runs/1/checkpoints/step-000000003125.h5
        flywheel inspect runs/1 --json | python3 -m json.tool
        flywheel inspect runs/1 --stats
        flywheel inspect arrays.npz
      """
  )

  @Argument(
    help: "A checkpoint, a run's directory, a trace, or another file or directory of tensors."
  )
  var file: String

  @Flag(
    help: """
      Print the document: an instance of schemas/checkpoint.schema.json, or of trace.schema.json.
      """
  )
  var json = false

  @Flag(
    name: .customLong("stats"),
    help: """
      Read the tensors too, and show the range, mean, standard deviation and norm of their finite \
      numbers (of complex ones: of absolute values). With --json: a JSON object of its own.
      """
  )
  var showsStatistics = false

  @OptionGroup var reading: ReadingOptions

  func run() throws {
    let path = try ResolvedFile.newest(FilePath(file))
    let format = try FileFormat.of(contentsOf: path)
    let reader = try format.open(path, checking: .structure)
    let document = try reader.document()
    let training = try reader.trainingDocument()
    if training != nil && json && !showsStatistics {
      let isTrace = Trace.isDocument(document)
      let value = try isTrace ? Trace.documentJSON(document) : Checkpoint.documentJSON(document)
      Terminal.output.print(value.prettyText())
      return
    }
    let listing = try ArchiveListing(reader, training)
    var statistics: [String: TensorStatistics] = [:]
    if showsStatistics {
      for member in listing.members where !Self.isState(member.key, of: training) {
        statistics[member.key] = try listing.statistics(of: member)
      }
    }
    let obstacles = training == nil ? try reader.metadata().obstacles : []
    let optimizer =
      if training == nil { try FoundOptimizerView(reader) } else { FoundOptimizerView?.none }
    if json {
      let shown = showsStatistics ? statistics : nil
      Terminal.output.print(listing.json(format, shown, obstacles, optimizer).prettyText())
      return
    }
    let size =
      "\(format.name), \(Formatting.bytes(DiskUsage.bytes(of: path, format))) on disk"
      + (reader.readerDescription.map { ", read by \($0)" } ?? "")
    let head =
      if training == nil {
        [
          "\(path): \(size), no Flywheel checkpoint, "
            + Formatting.count(listing.members.count, "array")
        ] + (optimizer?.lines ?? [])
      } else {
        try lines(document, path, size) + [""]
      }
    Terminal.output.print(
      head + CheckpointView.table(listing.members, statistics)
        + obstacles.map { "\($0.name): \($0.reason)" }
    )
  }

  /// A checkpoint or a trace as text.
  private func lines(
    _ document: Tensor?,
    _ path: FilePath,
    _ size: String
  ) throws(FlywheelError) -> [String] {
    if Trace.isDocument(document) {
      return TraceView.lines(try TraceFile.read(path, verification: .structure), path, size)
    }
    let checkpoint = try CheckpointFile.read(path, verification: .structure)
    // An older document is read as the newest schema has it; what it says itself is in its bytes.
    var stored = try JSONObject(try Checkpoint.documentJSON(document))
    return CheckpointView.lines(checkpoint, schema: try stored.integer("schema"), path, size)
  }

  /// Whether a member holds no numbers to take statistics of: the document, or a generator's words.
  private static func isState(_ key: String, of training: TrainingDocument?) -> Bool {
    key == CheckpointKey.document || training != nil && key.hasPrefix("random/")
  }
}
