public import FlywheelCore
import FlywheelFormats
import FlywheelOptim
import FlywheelRun
import OrderedCollections
public import SystemPackage

extension StepDump {
  /// Reads consecutive dumps of a training.
  ///
  /// They are a Flywheel trace; or a file for each dump; or one file whose arrays have the steps as their
  /// first axis, or the number of the step in their names. Any format that Flywheel reads will do.
  ///
  /// - Parameters:
  ///   - paths: The files, in the order of the steps; those whose names differ by a number alone are put in
  ///     the order of the numbers.
  ///   - options: How arrays are named, where the usual names do not say it.
  /// - Throws: `invalidArgument` if there is but one dump, or a number that is not finite; `notFound` if
  ///   there are no weights, or an array is missing in between; `mismatch` for shapes that contradict one
  ///   another and for steps that do not follow one another; and what opening and reading throw.
  public init(
    reading paths: [FilePath],
    options: DumpOptions = DumpOptions()
  ) throws(FlywheelError) {
    for path in paths where try TraceFile.recognizes(path) {
      guard paths.count == 1 else {
        throw FlywheelError(
          .invalidArgument,
          "This is a trace, which holds many steps by itself; give it alone.",
          at: .init(path: path)
        )
      }
      try self.init(try TraceFile.read(path), at: path)
      return
    }
    let order = DumpOrder(paths)
    var files: [DumpFile] = []
    for path in order.paths {
      var file = try DumpFile(path)
      if options.areNamesUsual { try file.understandOptimizer() }
      files.append(file)
    }
    guard !files.isEmpty else {
      throw FlywheelError(.invalidArgument, "Give the files of at least two consecutive dumps.")
    }
    let frames = try DumpFrames(files, options)
    self.init(
      series: try frames.series(),
      notes: [order.note, files.lazy.compactMap(\.matching).first].compactMap(\.self) + frames.notes
    )
    let leftOver = OrderedSet(frames.names.leftOver + files.flatMap(\.others))
    if !leftOver.isEmpty { notes.append("left out: \(DumpNames.list(Array(leftOver)))") }
    try readNumbers(files, count: frames.count)
  }

  /// Takes what single numbers in the files say.
  private mutating func readNumbers(_ files: [DumpFile], count: Int) throws(FlywheelError) {
    var found: OrderedDictionary<DumpNumber, [Double]> = [:]
    // The first files may lack what an optimizer only has once it has taken a step.
    var firstFile: [DumpNumber: Int] = [:]
    for (place, file) in files.enumerated() {
      var own: OrderedDictionary<DumpNumber, [Double]> = [:]
      for key in file.numbers.keys {
        guard let number = DumpNumber(key) else { continue }
        let values = try file.values(key)
        // A counter for each parameter is one for all, if they agree.
        own[number] = own[number].map { $0 == values ? values : [.nan] } ?? values
      }
      for (number, values) in own {
        found[number, default: []] += values
        if firstFile[number] == nil { firstFile[number] = place }
      }
    }
    takeSettings(files, count: count)
    for (number, values) in found where values.allSatisfy(\.isFinite) {
      guard let first = values.first else { continue }
      switch number {
      case .step:
        let place = files.count == count ? firstFile[number] ?? 0 : 0
        try takeSteps(values, after: place, count: count, path: files.first?.reader.path)
      case .hyperparameter(.learningRate) where values.count == count:
        learningRates = values
        stated.learningRate = first
      case .hyperparameter(let name):
        guard values.allSatisfy({ $0 == first }) else { continue }
        stated[name] = .number(first)
        if name == .learningRate { learningRates = Array(repeating: first, count: count) }
      case .batchSize, .trainingSize: continue
      }
    }
    let sizes = [DumpNumber.batchSize, .trainingSize].map { name in
      found[name].flatMap(\.first).flatMap { Int(exactly: $0) }.flatMap { $0 > 0 ? $0 : nil }
    }
    if let batch = sizes[0], let training = sizes[1] {
      self.sizes = TrainingSizes(batch: batch, training: training)
    }
    if !stated.values.isEmpty {
      let numbers = stated.ordered.map { "\($0.name.rawValue) \($0.value.number)" }
      notes.append("the dump says \(numbers.joined(separator: ", "))")
    }
  }

  /// Takes what the files' metadata says of the optimizer; arrays are what it really used, and go before.
  private mutating func takeSettings(_ files: [DumpFile], count: Int) {
    let settings = files.compactMap(\.settings)
    guard let first = settings.first, settings.count == files.count else { return }
    for name in [Hyperparameter.learningRate, .momentum, .weightDecay] {
      guard let value = first[name], settings.allSatisfy({ $0[name] == value }) else { continue }
      stated[name] = value
    }
    if settings.count == count, first[.learningRate] != nil {
      learningRates = settings.map(\.learningRate)
    }
  }

  /// Takes the numbers of the steps, which must follow one another, where the first dumps may lack them.
  private mutating func takeSteps(
    _ values: [Double],
    after place: Int,
    count: Int,
    path: FilePath?
  ) throws(FlywheelError) {
    let steps = values.compactMap { Int(exactly: $0) }
    guard steps.count == values.count, let first = steps.first, first >= place else { return }
    for (step, next) in zip(steps, steps.dropFirst()) where steps.count + place == count {
      guard step < .max, next == step + 1 else {
        throw FlywheelError(
          .mismatch,
          "The dumps say step \(step) and then step \(next): what an update rule does is only seen between "
            + "consecutive steps. Dump every step.",
          at: .init(path: path)
        )
      }
    }
    firstStep = first - place
  }
}
