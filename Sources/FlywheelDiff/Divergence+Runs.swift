import FlywheelCheckpoint
public import FlywheelCore
import FlywheelRun
import OrderedCollections
public import SystemPackage

extension Divergence {
  /// Compares two runs at every step of which both have a checkpoint, a pair at a time.
  ///
  /// - Parameters:
  ///   - first: The directory of the first run.
  ///   - second: The directory of the second run.
  ///   - tolerance: How far apart a tensor's elements may be.
  /// - Throws: `mismatch` if there is no step of which both have a checkpoint, and what reading a
  ///   checkpoint throws, with the path.
  public init(
    ofRun first: FilePath,
    and second: FilePath,
    within tolerance: (TrainingTensor, DType, DType) -> Tolerance
  ) throws(FlywheelError) {
    let files = (
      Dictionary(uniqueKeysWithValues: try RunDirectory.checkpointSteps(in: first)),
      Dictionary(uniqueKeysWithValues: try RunDirectory.checkpointSteps(in: second))
    )
    var notes: [String] = []
    try self.init(
      .checkpoints,
      first: files.0.keys.sorted(),
      second: files.1.keys.sorted(),
      within: tolerance
    ) { (step) throws(FlywheelError) in
      guard let one = files.0[step], let other = files.1[step] else { return ([:], [:]) }
      return try Self.states(CheckpointFile.read(one), CheckpointFile.read(other), &notes)
    }
    self.notes = notes
  }
}
