import FlywheelCheckpoint
public import FlywheelCore
import FlywheelRun
public import SystemPackage

extension Divergence {
  /// Compares two runs at every step of which both have a checkpoint, a pair at a time.
  ///
  /// - Parameters:
  ///   - first: The directory of the first run.
  ///   - second: The directory of the second run.
  ///   - options: What is asked for; names are those of Flywheel's own checkpoints.
  /// - Throws: `mismatch` if there is no step of which both have a checkpoint, and what reading a
  ///   checkpoint throws, with the path.
  public init(
    ofRun first: FilePath,
    and second: FilePath,
    _ options: ComparisonOptions = ComparisonOptions()
  ) throws(FlywheelError) {
    let files = (
      Dictionary(uniqueKeysWithValues: try RunDirectory.checkpointSteps(in: first)),
      Dictionary(uniqueKeysWithValues: try RunDirectory.checkpointSteps(in: second))
    )
    try self.init(
      .checkpoints,
      first: files.0.keys.sorted(),
      second: files.1.keys.sorted()
    ) { (step) throws(FlywheelError) in
      guard let one = files.0[step], let other = files.1[step] else {
        return StepComparison(tensors: [], settings: [], notes: [])
      }
      return try StepComparison(
        try DiffInput(try CheckpointFile.read(one), from: one),
        try DiffInput(try CheckpointFile.read(other), from: other),
        options
      )
    }
  }
}
