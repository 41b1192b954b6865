/// The sizes that some rules divide by.
public struct TrainingSizes: Sendable, Hashable {
  /// The size of a full mini-batch, m.
  public var batch: Int
  /// The size of the training set, n.
  public var training: Int

  /// Creates the pair.
  public init(batch: Int, training: Int) {
    self.batch = batch
    self.training = training
  }
}
