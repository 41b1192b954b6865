import ArgumentParser
import FlywheelCheckpoint
import FlywheelCore
import FlywheelHDF5
import FlywheelRun
import SystemPackage

/// `flywheel inspect`: what is in a file, without reading the tensors.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what is in a checkpoint, a run's newest checkpoint, or any HDF5 file.",
    discussion: """
      Reads names, shapes and the document, not the tensors; 'flywheel verify' reads every byte.

      Examples:
        flywheel inspect runs/1
        flywheel inspect runs/1/checkpoints/step-000000003125.h5
        flywheel inspect runs/1 --json | python3 -m json.tool
      """
  )

  @Argument(help: "A checkpoint, a run's directory, or another HDF5 file.")
  var file: String

  @Flag(help: "Print the checkpoint's document: an instance of schemas/checkpoint.schema.json.")
  var json = false

  func run() throws {
    let path = try ResolvedFile.newest(FilePath(file))
    let file = try HDF5File(opening: path)
    let datasets = try file.allDatasets()
    guard datasets.contains(where: { $0.path == "/" + CheckpointKey.document }) else {
      try showArchive(path, datasets, try file.allLinks())
      return
    }
    if json {
      let document = try Checkpoint.documentJSON(try file.tensor(CheckpointKey.document))
      Terminal.output.print(document.prettyText())
      return
    }
    let checkpoint = try CheckpointFile.read(path, verification: .structure)
    for line in CheckpointView.lines(checkpoint, path, datasets) { Terminal.output.print(line) }
  }

  /// Shows a file that is no checkpoint.
  private func showArchive(
    _ path: FilePath,
    _ datasets: [HDF5Dataset],
    _ links: [HDF5Link]
  ) throws {
    let targets = links.map {
      (name: String($0.path.dropFirst()), target: Self.target(of: $0.kind))
    }
    guard !json else {
      let rows = datasets.map { dataset -> JSONValue in
        [
          "name": JSONValue(String(dataset.path.dropFirst())),
          "type": JSONValue(dataset.typeDescription),
          "shape": .array(dataset.shape.extents.map { JSONValue($0) }),
        ]
      }
      let document: JSONValue = [
        "format": "hdf5", "tensors": .array(rows),
        "links": .array(targets.map { ["name": JSONValue($0), "target": JSONValue($1)] }),
      ]
      Terminal.output.print(document.prettyText())
      return
    }
    Terminal.output.print("\(path): HDF5, no Flywheel checkpoint, \(datasets.count) datasets")
    for line in CheckpointView.table(datasets) { Terminal.output.print(line) }
    for (name, target) in targets { Terminal.output.print("\(name) -> \(target)") }
  }

  private static func target(of link: HDF5Member.Kind) -> String {
    switch link {
    case .softLink(let target): target
    case .externalLink(let file, let target): "\(target) in the file \(file)"
    default: "something that this version does not know"
    }
  }
}
