/// How a run's checkpoints are saved.
public struct SavePolicy: Sendable, Hashable {
  /// Which checkpoints are kept.
  public var retention: Retention
  /// Whether training goes on while a checkpoint is written.
  public var isInBackground: Bool
  /// What a save that failed means for training.
  public var onFailure: FailureResponse

  /// What a save that failed means for training; older checkpoints are whole either way.
  public enum FailureResponse: String, Sendable, Hashable, CaseIterable {
    /// Training ends with the save's error.
    case stop
    /// Training goes on, the error is reported, and the next save tries again.
    case goOn = "go_on"
  }

  /// Creates a policy.
  ///
  /// - Parameters:
  ///   - retention: Which checkpoints are kept.
  ///   - isInBackground: Whether training goes on while a checkpoint is written.
  ///   - onFailure: What a save that failed means for training.
  public init(
    retention: Retention = Retention(last: 3),
    isInBackground: Bool = true,
    onFailure: FailureResponse = .stop
  ) {
    self.retention = retention
    self.isInBackground = isInBackground
    self.onFailure = onFailure
  }
}
