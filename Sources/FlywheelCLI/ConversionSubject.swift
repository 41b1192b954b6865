import FlywheelCheckpoint
import FlywheelConvert
import FlywheelCore
import FlywheelDialects
import FlywheelFormats
import OrderedCollections

/// What `convert` takes a file for where no flag says it.
enum ConversionSubject: Equatable {
  /// Arrays, whatever they mean, with what a person should know.
  case arrays(notes: [String])
  /// A training state.
  case state
  /// A training state if it can be one, and else arrays.
  case stateIfPossible

  /// Looks at what there is: a whole checkpoint that becomes a file of a framework's own kind is of use to nobody
  /// in other names, nor is what one framework says of its optimizer to another.
  ///
  /// - Parameters:
  ///   - reader: The file.
  ///   - source: Its format.
  ///   - target: The format that it gets.
  /// - Throws: What reading throws.
  init(
    of reader: any ArchiveReader,
    _ source: FileFormat,
    as target: FileFormat
  ) throws(FlywheelError) {
    guard let name = target.dialect else {
      self = .arrays(notes: [])
      return
    }
    let found = try ConversionSource(reader)
    if let training = found.training {
      self = training.noun == "checkpoint" ? .state : .arrays(notes: [])
      return
    }
    let own = try Dialect.named(name)
    let isKeras = KerasConfiguration.isDescribed(in: found.metadata)
    let arrays = OrderedDictionary(
      found.tensors.map { ($0.source, $0.original) },
      uniquingKeysWith: { first, _ in first }
    )
    switch own {
    case .kerasNamed:
      // Files of Keras hold arrays of a model only, which has to be described.
      self = isKeras ? .arrays(notes: []) : .state
    case .keras:
      let areNumbered = arrays.keys.contains { $0.split(separator: "/").dropLast().last == "vars" }
      guard !isKeras, !areNumbered else {
        let note = "a .weights.h5 holds no model: load it into one that is like its source"
        self = .arrays(notes: isKeras ? [note] : [])
        return
      }
      self = .state
    default:
      let optimizer = try? FoundOptimizer.find(in: found.metadata)
      let hasOptimizer = optimizer.map { $0.dialect != name } ?? false
      let dialects =
        source.dialect == name ? [] : Dialect.candidates(for: arrays).map(\.dialect)
      let isOther = isKeras || !dialects.isEmpty && !dialects.contains(own)
      let notes = isOther ? [Self.note(on: dialects, own)] : []
      self = hasOptimizer ? .stateIfPossible : .arrays(notes: notes)
    }
  }

  /// What is said of arrays that keep the names of other frameworks than the target's.
  private static func note(on dialects: [Dialect], _ own: Dialect) -> String {
    let names = dialects.map { "'\($0.name)'" }.joined(separator: " or ")
    return "the arrays keep the names and axes of \(names.isEmpty ? "Keras" : names); "
      + "--to \(own.name) makes dense layers its own"
  }
}
