import ArgumentParser
import FlywheelCheckpoint
import FlywheelCore
import FlywheelHDF5
import FlywheelRun
import OrderedCollections
import SystemPackage

/// `flywheel inspect`: what is in a file, without reading the tensors if not for their statistics.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what is in a checkpoint, a run's newest one, a trace, or any HDF5 file.",
    discussion: """
      Reads names, shapes and the document, and the tensors only for --stats; 'flywheel verify' reads
      every byte.

      Examples:
        flywheel inspect runs/1
        flywheel inspect runs/1/checkpoints/step-000000003125.h5
        flywheel inspect runs/1 --json | python3 -m json.tool
        flywheel inspect runs/1 --stats
      """
  )

  @Argument(help: "A checkpoint, a run's directory, a trace, or another HDF5 file.")
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

  func run() throws {
    let path = try ResolvedFile.newest(FilePath(file))
    let file = try HDF5File(opening: path)
    let datasets = try file.allDatasets()
    let hasDocument = datasets.contains { $0.path == "/" + CheckpointKey.document }
    let document = hasDocument ? try file.tensorIfPresent(CheckpointKey.document) : nil
    let isTrace = Trace.isDocument(document)
    if hasDocument && json && !showsStatistics {
      let value = try isTrace ? Trace.documentJSON(document) : Checkpoint.documentJSON(document)
      Terminal.output.print(value.prettyText())
      return
    }
    let links = hasDocument ? [] : try file.allLinks()
    var statistics: [String: TensorStatistics] = [:]
    if showsStatistics {
      for dataset in datasets where !Self.isState(dataset.path, ofDocument: hasDocument) {
        statistics[dataset.path] = try Self.statistics(of: dataset, in: file)
      }
    }
    if json {
      Terminal.output.print(archive(datasets, statistics, links).prettyText())
      return
    }
    if isTrace {
      let trace = try TraceFile.read(path, verification: .structure)
      for line in TraceView.lines(trace, path) { Terminal.output.print(line) }
      Terminal.output.print()
    } else if hasDocument {
      let checkpoint = try CheckpointFile.read(path, verification: .structure)
      // An older document is read as the newest schema has it; what it says itself is in its bytes.
      var stored = try JSONObject(try Checkpoint.documentJSON(document))
      let schema = try stored.integer("schema")
      for line in CheckpointView.lines(checkpoint, schema: schema, path) {
        Terminal.output.print(line)
      }
      Terminal.output.print()
    } else {
      Terminal.output.print("\(path): HDF5, no Flywheel checkpoint, \(datasets.count) datasets")
    }
    for line in CheckpointView.table(datasets, statistics) { Terminal.output.print(line) }
    for link in links {
      Terminal.output.print("\(link.path.dropFirst()) -> \(Self.target(of: link.kind))")
    }
  }

  /// A file's datasets and links as JSON.
  private func archive(
    _ datasets: [HDF5Dataset],
    _ statistics: [String: TensorStatistics],
    _ links: [HDF5Link]
  ) -> JSONValue {
    let rows = datasets.map { dataset -> JSONValue in
      var row: OrderedDictionary<String, JSONValue> = [
        "name": JSONValue(String(dataset.path.dropFirst())),
        "type": JSONValue(dataset.typeDescription),
        "shape": .array(dataset.shape.extents.map { JSONValue($0) }),
      ]
      if showsStatistics { row["statistics"] = statistics[dataset.path]?.json ?? .null }
      return .object(row)
    }
    let targets = links.map { link -> JSONValue in
      [
        "name": JSONValue(String(link.path.dropFirst())),
        "target": JSONValue(Self.target(of: link.kind)),
      ]
    }
    return ["format": "hdf5", "tensors": .array(rows), "links": .array(targets)]
  }

  private static func target(of link: HDF5Member.Kind) -> String {
    switch link {
    case .softLink(let target): target
    case .externalLink(let file, let target): "\(target) in the file \(file)"
    default: "something that this version does not know"
    }
  }

  /// Whether a dataset holds no numbers to take statistics of: the document, or a generator's words.
  private static func isState(_ path: String, ofDocument hasDocument: Bool) -> Bool {
    path == "/" + CheckpointKey.document || hasDocument && path.hasPrefix("/random/")
  }

  /// The statistics of a dataset; nil if it holds nothing that Flywheel reads as a tensor.
  private static func statistics(
    of dataset: HDF5Dataset,
    in file: borrowing HDF5File
  ) throws(FlywheelError) -> TensorStatistics? {
    do throws(FlywheelError) {
      return try file.tensor(dataset.path).statistics()
    } catch {
      guard error.code == .unsupported else { throw error }
      return nil
    }
  }
}

extension TensorStatistics {
  fileprivate var json: JSONValue {
    func number(_ value: Double?) -> JSONValue { value.map { JSONValue($0) } ?? .null }
    return [
      "count": JSONValue(count),
      "zeros": JSONValue(zeroCount),
      "nan": JSONValue(nanCount),
      "positive_infinity": JSONValue(positiveInfinityCount),
      "negative_infinity": JSONValue(negativeInfinityCount),
      "minimum": number(minimum),
      "maximum": number(maximum),
      "mean": number(mean),
      "standard_deviation": number(standardDeviation),
      "norm": number(norm),
    ]
  }
}
