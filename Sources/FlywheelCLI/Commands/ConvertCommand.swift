import ArgumentParser
import CFlywheelSystem
import FlywheelCheckpoint
import FlywheelConvert
import FlywheelCore
import FlywheelDeflate
import FlywheelDialects
import FlywheelFormats
import FlywheelRun
import OrderedCollections
import SystemPackage

/// `flywheel convert`: the same tensors in another container, or the same run for another framework.
struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Write tensors in another format, or a training state for another framework.",
    discussion: """
      Formats are HDF5 (.h5, .hdf5), .npz, .npy, a directory of .npy files, which is a name that ends \
      in '/', safetensors: .safetensors, or .safetensors.index.json for several files as transformers \
      splits them, PyTorch's .pt, .pth, .ckpt and .bin, and Keras's .keras, its older .keras.h5, and \
      .weights.h5. Checkpoint folders of transformers and of torch.distributed.checkpoint are read. The \
      input is recognised by its content, the output by its name. There and back gives the same tensors, \
      attributes and document, bit for bit; of a checkpoint or a trace each checksum is compared on the \
      way. What the output cannot hold is refused by name, unless --drop leaves it out.

      In a pattern '*' stands for any characters but '/', '**' for any characters, '?' for one. --only \
      selects tensors, with their attributes, by the names in the input; then the first rule of --map that matches counts, and the first \
      --rename for what no rule has renamed. A checkpoint that is not converted as a whole becomes a plain \
      archive, without the document that 'flywheel resume' needs.

      --to takes a checkpoint to another framework: its names and shapes, and its update rule's numbers \
      and buffers, so that training goes on as the same run. --from reads what a framework saved. A \
      checkpoint that becomes a framework's own kind of file, .pt or .keras, goes --to that framework if \
      nothing is said. What converts only as long as the learning rate stays is said; what cannot be exact \
      is refused, unless --approximate asks for it and says how far off it is. What the file does not say, \
      such as the momentum, has to be given: of a file --rule and the numbers say what it was trained with, \
      of a checkpoint what the result is to have. 'flywheel rules A B' shows the mathematics.

      Examples:
        flywheel convert runs/1 state.npz
        flywheel convert state.npz state.h5
        flywheel convert runs/1 weights/ --only 'model/**'
        flywheel convert runs/1 weights.npz --only 'model/**' --rename model/=
        flywheel convert keras.h5 weights.npz --map rules.json --drop
        flywheel convert big.h5 model.safetensors.index.json --shard-size 2GB
        flywheel convert runs/1 state.pt
        flywheel convert checkpoint.pt model.keras
        flywheel convert runs/1 for_numpy.npz --to nielsen
        flywheel convert runs/1 next.npz --to keras --next-learning-rate 0.005
        flywheel convert runs/adam next.npz --to keras --approximate
        flywheel convert torch.npz state.h5 --from pytorch --rule pytorch \\
          --lr 0.01 --momentum 0.9 --group '*.weight:weight_decay=1e-4'
      """
  )

  @Argument(
    help: ArgumentHelp(
      "A file of any format, a run's directory (its newest checkpoint), or a directory of .npy files.",
      valueName: "in"
    )
  )
  var input: String

  @Argument(help: ArgumentHelp("What to write; its name says the format.", valueName: "out"))
  var output: String

  @Option(
    help: ArgumentHelp(
      "0 for none, 1 to 9 as gzip has them, or fast, made for tensors. (default: fast for .npz, 0 for HDF5)",
      valueName: "level"
    ),
    transform: Compression.init(parsing:)
  )
  var compress: Compression?

  @Option(
    help: ArgumentHelp(
      "The most bytes of tensors in each file of a .safetensors.index.json. (default: 5GB)",
      valueName: "size"
    ),
    transform: ByteCountArgument.parse
  )
  var shardSize: Int?

  @Option(
    help: ArgumentHelp("Convert only tensors that match; may be given again.", valueName: "pattern")
  )
  var only: [String] = []

  @Option(
    help: ArgumentHelp(
      """
      Give a tensor another name, or all whose names begin alike: model/=net/, module.= to leave the \
      beginning out; may be given again.
      """,
      valueName: "from=to"
    ),
    transform: Rename.init(parsing:)
  )
  var rename: [Rename] = []

  @Option(
    help: ArgumentHelp(
      "Rename, transpose, reshape and cast by the rules of a JSON file (schemas/map.schema.json).",
      valueName: "file"
    )
  )
  var map: String?

  @Flag(help: "Leave out what the output cannot hold, and say what.")
  var drop = false

  @Flag(help: "Replace a file that is there already, once the new one is durable.")
  var force = false

  @OptionGroup(title: "Training state")
  var state: StateOptions

  @OptionGroup(title: "Output")
  var reporting: ReportingOptions

  func run() throws {
    fw_signals_install()
    let source = try ResolvedFile.newest(FilePath(input))
    let target = FilePath(output)
    let (from, to) = (try FileFormat.of(contentsOf: source), try FileFormat.of(name: output))
    try requireFree(target)
    let reader = try Self.open(source, from)
    guard try !isAboutState(reader, to) else {
      return try convertState(reader, (source, from), (target, to))
    }
    var conversion = try Conversion(of: reader, try options())
    let view = ConversionProgressView(
      total: conversion.tensors.reduce(0) { $0 &+ $1.original.byteCount },
      isQuiet: reporting.quiet || reporting.json
    )
    do throws(FlywheelError) {
      let expected = conversion.tensors.reduce(0) { $0 &+ $1.result.byteCount }
      let writer = try to.create(
        target,
        compression: compress,
        expectedByteCount: expected,
        shardByteCount: shardSize
      )
      try conversion.write(to: writer) { (count) throws(FlywheelError) in
        guard fw_signals_pending() == 0 else {
          throw FlywheelError(.inputOutput, "Stopped by a signal; nothing was written.")
        }
        view.show(count)
      }
    } catch {
      view.clear()
      let signal = fw_signals_pending()
      guard signal == 0 else {
        Terminal.error.print("\(error.message)")
        throw ExitStatus.stopped(by: signal)
      }
      throw error
    }
    view.clear()
    report(conversion, (source, from), (target, to))
  }

  /// Whether the tensors' meaning is converted: if a flag asks for it, and where a whole checkpoint becomes a
  /// file of a framework's own kind, which is of use to nobody in other names.
  private func isAboutState(
    _ reader: any ArchiveReader,
    _ format: FileFormat
  ) throws(FlywheelError) -> Bool {
    if state.isAsked { return true }
    guard format.dialect != nil, only.isEmpty, rename.isEmpty, map == nil else { return false }
    if try reader.trainingDocument()?.noun == "checkpoint" { return true }
    // Keras's files hold arrays of a model only, which has to be described.
    guard format.dialect == Dialect.kerasNamed.name else { return false }
    return try !KerasConfiguration.isDescribed(in: reader.metadata())
  }

  /// Converts what the tensors mean: their dialect, and the optimizer's rule.
  private func convertState(
    _ reader: any ArchiveReader,
    _ source: (path: FilePath, format: FileFormat),
    _ target: (path: FilePath, format: FileFormat)
  ) throws {
    let own = try target.format.dialect.map { (name) throws(FlywheelError) in
      try Dialect.named(name)
    }
    var state = state
    // Both are Keras's names: numbers in one of its files, words in the others.
    if own == .kerasNamed, state.to == .keras { state.to = own }
    let conversion: StateConversion
    do throws(FlywheelError) {
      conversion = try StateConversion(of: reader, state, try options(), inFileOf: own)
    } catch {
      guard let own, !state.isAsked else { throw error }
      let instead =
        own == .kerasNamed
        ? "an .h5 file has room for arrays in other names."
        : "--to flywheel writes one in Flywheel's own names all the same."
      throw FlywheelError(
        error.code,
        "\(error.message)\n\(target.format.name) files are for '\(own.name)'; \(instead)",
        at: error.location,
        cause: error.cause
      )
    }
    var (archive, index) = try conversion.checkpoint.indexedArchive()
    var notes = conversion.notes
    if own == .kerasNamed {
      guard conversion.target == own else {
        throw FlywheelError(
          .unsupported,
          "A model of Keras has its arrays under the names of 'keras_named', not '\(conversion.target.name)'; leave "
            + "--to out, or write an .h5 file.",
          at: .init(path: target.path)
        )
      }
      let model = try KerasConfiguration(of: conversion.checkpoint)
      archive.attributes.merge(model.attributes) { own, _ in own }
      notes += model.notes
    }
    let writer = try target.format.create(
      target.path,
      compression: compress,
      expectedByteCount: archive.byteCount,
      shardByteCount: shardSize
    )
    try writer.write(archive, try conversion.statement()) { index.entries[$0]?.crc32 }
    for note in notes { Terminal.error.print("note: \(note)") }
    let before = DiskUsage.bytes(of: source.path, source.format)
    let after = DiskUsage.bytes(of: target.path, target.format)
    let view = StateConversionView(conversion)
    if reporting.json {
      guard case .object(var members) = view.json else { return }
      members["source"] = Self.json(source.path, source.format, before)
      members["target"] = Self.json(target.path, target.format, after)
      members["content"] = "checkpoint"
      members["notes"] = .array(notes.map { JSONValue($0) })
      Terminal.output.print(JSONValue.object(members).prettyText())
    } else if !reporting.quiet {
      for line in view.lines { Terminal.output.print(line) }
      Terminal.output.print(
        "\(target.path): checkpoint of \(Formatting.count(archive.tensors.count, "tensor")), "
          + "\(Formatting.bytes(after)) (\(target.format.name))"
      )
    }
  }

  /// Opens the source so that each byte is checked once: by the document's index if it has one, or else by
  /// the container's checksums.
  private static func open(
    _ path: FilePath,
    _ format: FileFormat
  ) throws(FlywheelError) -> any ArchiveReader {
    let reader = try format.open(path, checking: .structure)
    return try reader.trainingDocument() == nil ? format.open(path) : reader
  }

  private func options() throws(FlywheelError) -> ConversionOptions {
    ConversionOptions(
      selection: only.map { NamePattern($0) },
      map: try map.map(MapRule.list(inFile:)) ?? [],
      renames: rename,
      drops: drop
    )
  }

  private func requireFree(_ target: FilePath) throws(FlywheelError) {
    guard FileSystem.exists(target) else { return }
    let isDirectory = FileSystem.isDirectory(target)
    if isDirectory, try FileSystem.names(in: target).isEmpty { return }
    guard isDirectory || !force else { return }
    throw FlywheelError(
      .alreadyExists,
      isDirectory
        ? "The directory holds something already, and is never overwritten; name another."
        : "The file is there already; --force replaces it.",
      at: .init(path: target)
    )
  }

  // MARK: What is said

  private func report(
    _ conversion: Conversion,
    _ source: (path: FilePath, format: FileFormat),
    _ target: (path: FilePath, format: FileFormat)
  ) {
    let before = DiskUsage.bytes(of: source.path, source.format)
    let after = DiskUsage.bytes(of: target.path, target.format)
    // Said even when quiet: nothing is left out in silence.
    for note in conversion.notes { Terminal.error.print("note: \(note)") }
    for obstacle in conversion.obstacles {
      Terminal.error.print("left out: \(obstacle.name): \(obstacle.reason)")
    }
    if reporting.json {
      let document: JSONValue = [
        "source": Self.json(source.path, source.format, before),
        "target": Self.json(target.path, target.format, after),
        "content": JSONValue(conversion.noun ?? "archive"),
        "tensors": .array(conversion.tensors.map(Self.json)),
        "left_out": .array(
          conversion.obstacles.map {
            ["name": JSONValue($0.name), "reason": JSONValue($0.reason)]
          }
        ),
        "notes": .array(conversion.notes.map { JSONValue($0) }),
      ]
      Terminal.output.print(document.prettyText())
    } else if !reporting.quiet {
      let count = conversion.tensors.count
      let share = before > 0 ? ", \(Formatting.percent(Double(after) / Double(before)))" : ""
      Terminal.output.print(
        "\(target.path): \(conversion.noun ?? "archive") of \(Formatting.count(count, "tensor"))"
          + ", \(Formatting.bytes(after)) (\(target.format.name)) from \(Formatting.bytes(before)) "
          + "(\(source.format.name))\(share)"
      )
    }
  }

  private static func json(_ path: FilePath, _ format: FileFormat, _ byteCount: Int) -> JSONValue {
    [
      "file": JSONValue(path.string), "format": JSONValue(format.identifier),
      "bytes": JSONValue(byteCount),
    ]
  }

  private static func json(_ tensor: ConvertedTensor) -> JSONValue {
    [
      "source": JSONValue(tensor.source),
      "name": JSONValue(tensor.target),
      "type": JSONValue("\(tensor.result.element)"),
      "shape": .array(tensor.result.shape.extents.map { JSONValue($0) }),
      "bytes": JSONValue(tensor.result.byteCount),
      "changed": JSONValue(!tensor.isUnchanged),
    ]
  }
}
