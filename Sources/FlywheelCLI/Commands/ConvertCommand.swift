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
struct ConvertCommand: FileReadingCommand {
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
      checkpoint that becomes a framework's own kind of file, .pt, .keras or .weights.h5, goes --to that \
      framework if nothing is said, and so does a model of Keras that becomes a .pt. What converts only as long as the learning rate stays is said; what cannot be exact \
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

  @OptionGroup var reading: ReadingOptions

  func run() throws {
    fw_signals_install()
    let source = try ResolvedFile.newest(FilePath(input))
    let target = FilePath(output)
    let (from, to) = (try FileFormat.of(contentsOf: source), try FileFormat.of(name: output))
    try requireFree(target)
    let reader = try Self.open(source, from)
    let notes: [String]
    switch try subject(of: reader, from, to) {
    case .state:
      return try write(try stateConversion(of: reader, to), (source, from), (target, to))
    case .stateIfPossible:
      switch try possibleConversion(of: reader, to) {
      case .success(let state): return try write(state, (source, from), (target, to))
      case .failure(let error): notes = [try Self.note(on: error, to)]
      }
    case .arrays(let known): notes = known
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
        try Self.requireNoSignal()
        view.show(count)
      }
    } catch {
      view.clear()
      throw Self.ending(error)
    }
    view.clear()
    report(conversion, notes, (source, from), (target, to))
  }

  private static func requireNoSignal() throws(FlywheelError) {
    guard fw_signals_pending() == 0 else {
      throw FlywheelError(.inputOutput, "Stopped by a signal; nothing was written.")
    }
  }

  /// What ends the process after an error: the signal, if there was one.
  private static func ending(_ error: FlywheelError) -> any Error {
    let signal = fw_signals_pending()
    guard signal != 0 else { return error }
    Terminal.error.print("\(error.message)")
    return ExitStatus.stopped(by: signal)
  }

  // MARK: What the tensors mean

  /// What is converted: the tensors' meaning if a flag asks for it, and else what suits the target.
  private func subject(
    of reader: any ArchiveReader,
    _ source: FileFormat,
    _ target: FileFormat
  ) throws(FlywheelError) -> ConversionSubject {
    if state.isAsked { return .state }
    guard only.isEmpty, rename.isEmpty, map == nil else { return .arrays(notes: []) }
    return try ConversionSubject(of: reader, source, as: target)
  }

  /// The dialect of a format's own files; nil for files of no framework.
  private static func dialect(of format: FileFormat) throws(FlywheelError) -> Dialect? {
    try format.dialect.map { (name) throws(FlywheelError) in try Dialect.named(name) }
  }

  /// Converts what the tensors mean: their dialect, and the optimizer's rule.
  private func stateConversion(
    of reader: any ArchiveReader,
    _ format: FileFormat
  ) throws(FlywheelError) -> StateConversion {
    let own = try Self.dialect(of: format)
    let keras: [Dialect] = [.keras, .kerasNamed]
    var state = state
    // Both are Keras's names: numbers in some of its files, words in the others.
    if let own, keras.contains(own), let to = state.to, keras.contains(to) { state.to = own }
    do throws(FlywheelError) {
      return try StateConversion(of: reader, state, try options(), inFileOf: own)
    } catch {
      // Files of Keras have no room for other names; their own errors say what mends them.
      guard let own, !keras.contains(own), !self.state.isAsked, error.code == .unsupported else {
        throw error
      }
      throw FlywheelError(
        error.code,
        "\(error.message)\n\(format.name) files are for '\(own.name)'; --to flywheel writes one in Flywheel's "
          + "own names all the same.",
        at: error.location,
        cause: error.cause
      )
    }
  }

  /// The same where arrays may be no state that can be converted, with the reason.
  private func possibleConversion(
    of reader: any ArchiveReader,
    _ format: FileFormat
  ) throws(FlywheelError) -> Result<StateConversion, FlywheelError> {
    do throws(FlywheelError) {
      let own = try Self.dialect(of: format)
      return .success(try StateConversion(of: reader, state, try options(), inFileOf: own))
    } catch {
      // Where no array is named as weights are, there are arrays all the same.
      guard [.unsupported, .invalidArgument, .mismatch, .notFound].contains(error.code) else {
        throw error
      }
      return .failure(error)
    }
  }

  /// What is said where arrays stay what they are because they are no state for the target.
  private static func note(
    on error: FlywheelError,
    _ format: FileFormat
  ) throws(FlywheelError) -> String {
    let own = try dialect(of: format)?.name ?? ""
    return "the arrays keep their names and axes, since --to \(own) cannot take them over: "
      + error.message
  }

  /// Writes a training state, and says what was done.
  private func write(
    _ conversion: StateConversion,
    _ source: (path: FilePath, format: FileFormat),
    _ target: (path: FilePath, format: FileFormat)
  ) throws {
    var (archive, index) = try conversion.checkpoint.indexedArchive()
    var notes = conversion.notes
    let own = try Self.dialect(of: target.format)
    if own == .kerasNamed || own == .keras {
      guard conversion.target == own else {
        throw FlywheelError(
          .unsupported,
          "\(target.format.name) files have their arrays under the names of '\(own?.name ?? "")', not "
            + "'\(conversion.target.name)'; leave --to out, or write an .npz or plain .h5 file.",
          at: .init(path: target.path)
        )
      }
    }
    if own == .kerasNamed {
      let model = try KerasConfiguration(of: conversion.checkpoint)
      archive.attributes.merge(model.attributes) { own, _ in own }
      notes += model.notes
    }
    do throws(FlywheelError) {
      try Self.requireNoSignal()
      let writer = try target.format.create(
        target.path,
        compression: compress,
        expectedByteCount: archive.byteCount,
        shardByteCount: shardSize
      )
      try writer.write(archive, try conversion.statement()) { (key) throws(FlywheelError) in
        try Self.requireNoSignal()
        return index.entries[key]?.crc32
      }
    } catch {
      throw Self.ending(error)
    }
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
      Terminal.output.print(view.lines)
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
    _ notes: [String],
    _ source: (path: FilePath, format: FileFormat),
    _ target: (path: FilePath, format: FileFormat)
  ) {
    let before = DiskUsage.bytes(of: source.path, source.format)
    let after = DiskUsage.bytes(of: target.path, target.format)
    // Said even when quiet: nothing is left out in silence.
    let notes = notes + conversion.notes
    for note in notes { Terminal.error.print("note: \(note)") }
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
        "notes": .array(notes.map { JSONValue($0) }),
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
