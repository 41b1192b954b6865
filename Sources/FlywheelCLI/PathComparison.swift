import FlywheelCheckpoint
import FlywheelConvert
import FlywheelCore
import FlywheelDiff
import FlywheelFormats
import FlywheelPlot
import FlywheelRun
import SystemPackage

/// Two paths of the command line held against each other: files, or two runs or two traces step by step.
struct PathComparison {
  /// The two states: of runs the newest ones, of traces those of the last step that both have.
  let comparison: Comparison
  /// Where two runs or two traces part; nil for anything else.
  let divergence: Divergence?

  /// Whether both sides mean the same, at every step that both have.
  var isSame: Bool { comparison.isSame && divergence?.isWithin ?? true }

  /// Compares.
  ///
  /// - Parameters:
  ///   - first: The first path.
  ///   - second: The second path.
  ///   - options: What is asked for.
  ///   - naming: New names, shapes and types that the second side's arrays get first.
  /// - Throws: What reading and comparing throw.
  init(
    _ first: FilePath,
    _ second: FilePath,
    _ options: ComparisonOptions,
    naming: ConversionOptions
  ) throws(FlywheelError) {
    if try Self.isRun(first), try Self.isRun(second) {
      comparison = try Comparison(
        try DiffInput(newestOf: first),
        try DiffInput(newestOf: second, naming: naming),
        options
      )
      divergence = try Divergence(ofRun: first, and: second, options, naming: naming)
      return
    }
    // What is renamed in a trace are its arrays of all rows.
    if naming.map.isEmpty, naming.renames.isEmpty, try Self.isTrace(first), try Self.isTrace(second)
    {
      let (one, other) = (try TraceFile.read(first), try TraceFile.read(second))
      let steps = Set(other.rows.map(\.step))
      if let last = one.rows.last(where: { steps.contains($0.step) })?.step {
        comparison = try Comparison(
          try DiffInput(one, atStep: last, from: first),
          try DiffInput(other, atStep: last, from: second),
          options
        )
        divergence = try Divergence(of: one, and: other, options)
        return
      }
    }
    comparison = try Comparison(
      try Self.input(first),
      try Self.input(second, naming: naming),
      options
    )
    divergence = nil
  }

  private static func isRun(_ path: FilePath) throws(FlywheelError) -> Bool {
    guard FileSystem.isDirectory(path) else { return false }
    return try !ResolvedFile.isArchive(path)
  }

  private static func isTrace(_ path: FilePath) throws(FlywheelError) -> Bool {
    guard !FileSystem.isDirectory(path), FileSystem.exists(path) else { return false }
    return try TraceFile.recognizes(path)
  }

  private static func input(
    _ path: FilePath,
    naming: ConversionOptions = ConversionOptions()
  ) throws(FlywheelError) -> DiffInput {
    try isRun(path)
      ? DiffInput(newestOf: path, naming: naming) : DiffInput(reading: path, naming: naming)
  }

  /// The metrics of both paths in one chart; nil if one of them has none.
  static func history(_ first: FilePath, _ second: FilePath) -> LineChart? {
    // A file of another program, or a run that has just begun, has no metrics: that is no fault.
    guard let one = try? RunHistory(reading: first), let other = try? RunHistory(reading: second),
      let histories = try? HistorySet([one, other])
    else { return nil }
    let counts = [one, other].allSatisfy { $0.metrics.contains("epoch") }
    return HistoryChart(histories, counts ? .epoch : .step).chart()
  }
}
