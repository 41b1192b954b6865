import FlywheelCheckpoint
public import FlywheelConvert
public import FlywheelCore
import FlywheelRun
public import SystemPackage

extension Divergence {
  /// Compares two runs at every step of which both have a checkpoint that is whole, a pair at a time.
  ///
  /// - Parameters:
  ///   - first: The directory of the first run.
  ///   - second: The directory of the second run.
  ///   - options: What is asked for.
  ///   - naming: New names, shapes and types that the second run's arrays get first.
  /// - Throws: Why a checkpoint that is not damaged cannot be read, with the path, and what comparing
  ///   throws.
  public init(
    ofRun first: FilePath,
    and second: FilePath,
    _ options: ComparisonOptions = ComparisonOptions(),
    naming: ConversionOptions = ConversionOptions()
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
      guard let one = files.0[step], let other = files.1[step] else { return nil }
      let checkpoints: (Checkpoint, Checkpoint)
      do throws(FlywheelError) {
        checkpoints = (try CheckpointFile.read(one), try CheckpointFile.read(other))
      } catch {
        guard error.isDamage else { throw error }
        return StepComparison(passedOver: "passed over step \(step): \(error)")
      }
      return try StepComparison(
        try DiffInput(checkpoints.0, from: one),
        try DiffInput(checkpoints.1, from: other, naming),
        options
      )
    }
  }
}
