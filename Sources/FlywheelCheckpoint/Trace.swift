public import FlywheelCore
public import OrderedCollections

/// Consecutive steps of a training, one row each: the weights and buffers before the step, and the
/// gradient that it was taken with.
///
/// So the update rule that was really applied can be found out, or an assumed one checked: rule,
/// state and gradient of a row give the state of the next.
public struct Trace: Sendable {
  /// Which program wrote it.
  public var writer: String
  /// Which run wrote it, and when.
  public var saved: Checkpoint.Saved
  /// The parameters of the model, in order.
  public var parameters: OrderedDictionary<String, TracedParameter>
  /// The optimizer as it was before the first row's step.
  ///
  /// Its slots have a row for each step before which the buffer existed: the last ones, since a buffer
  /// once made stays.
  public var optimizer: OptimizerState
  /// The steps, in order.
  public var rows: [Row]

  /// The version of the layout that this Flywheel writes, and the newest that it reads.
  public static let schema = 1

  /// One step.
  public struct Row: Sendable, Hashable {
    /// The number of steps taken before it.
    public var step: Int
    /// The learning rate of this step for each of the optimizer's groups.
    public var learningRates: [Double]

    /// Creates a row.
    public init(step: Int, learningRates: [Double]) {
      self.step = step
      self.learningRates = learningRates
    }
  }

  /// Creates a trace.
  public init(
    writer: String = Flywheel.writer,
    saved: Checkpoint.Saved,
    parameters: OrderedDictionary<String, TracedParameter>,
    optimizer: OptimizerState,
    rows: [Row]
  ) {
    self.writer = writer
    self.saved = saved
    self.parameters = parameters
    self.optimizer = optimizer
    self.rows = rows
  }
}
