public import FlywheelCore
public import SystemPackage

/// Something that happened in a run, for whoever watches it.
public enum TrainingEvent: Sendable {
  /// Some batches are done; sent a few times a second.
  case batch(Snapshot)
  /// An epoch is done.
  case epoch(Summary)
  /// A trace is written.
  case trace(Traced)
  /// A checkpoint could not be saved; training goes on, or ends with an error that came before.
  case saveFailed(FlywheelError)

  /// A trace in its file.
  public struct Traced: Sendable {
    /// The file.
    public var path: FilePath
    /// How many steps it has.
    public var steps: Int
  }

  /// Where training is at the moment.
  public struct Snapshot: Sendable {
    /// The epoch at hand, counted from 1.
    public var epoch: Int
    /// How many epochs there will be.
    public var epochs: Int
    /// How much of the epoch at hand is done, from 0 to 1.
    public var fraction: Double
    /// The mean loss over the epoch so far.
    public var loss: Double
    /// The share of samples classified right over the epoch so far.
    public var accuracy: Double
    /// Samples per second of wall time since the start of this process.
    public var samplesPerSecond: Double
    /// Seconds to go, at that rate.
    public var secondsLeft: Double
  }

  /// What an epoch measured.
  public struct Summary: Sendable {
    /// The epoch, counted from 1.
    public var epoch: Int
    /// How many epochs there will be.
    public var epochs: Int
    /// The mean loss over its samples, each before the step on it.
    public var trainingLoss: Double
    /// The share of its samples classified right.
    public var trainingAccuracy: Double
    /// The mean loss on the samples held out; nil if there are none.
    public var validationLoss: Double?
    /// The share of the samples held out that is classified right; nil if there are none.
    public var validationAccuracy: Double?
    /// Samples per second of wall time in this epoch.
    public var samplesPerSecond: Double
    /// Wall seconds of the part of the epoch that this process did.
    public var seconds: Double
  }
}
