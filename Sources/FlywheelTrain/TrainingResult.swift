public import FlywheelCheckpoint
public import SystemPackage

/// How a run, or the part of it that this process did, ended.
public struct TrainingResult: Sendable {
  /// The signal that ended it; nil if all epochs are done.
  public var signal: CInt?
  /// Why it ended before its last epoch; nil if it did not, or a signal ended it.
  public var earlyStop: EarlyStopping.Standing?
  /// How far it came.
  public var progress: Progress
  /// The number of steps taken.
  public var step: Int
  /// The newest checkpoint.
  public var checkpoint: FilePath
  /// The trace that was written; nil if none was asked for, or training ended before its first step.
  public var trace: FilePath?
  /// Mean loss on the test samples; nil before the end, or if there are none.
  public var testLoss: Double?
  /// The share of test samples classified right; nil before the end, or if there are none.
  public var testAccuracy: Double?
  /// Samples per second of CPU time since training began, saves and validation included.
  public var samplesPerCPUSecond: Double
}
