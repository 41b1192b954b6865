public import FlywheelCore
public import OrderedCollections

/// Under which names, and in which arrangement, the arrays of a checkpoint lie in its file, where those are
/// another program's and not Flywheel's own.
public struct CheckpointLayout: Sendable {
  /// The dialect whose names they are, as `OptimizerState.dialect` has it.
  public var dialect: String
  /// Where arrays lie, by the keys that `CheckpointKey` gives them; what is not here lies under its own.
  public var places: OrderedDictionary<String, Place>
  /// Arrays that only say in the dialect's way what the document says too: numbers of steps, rates.
  public var counters: OrderedDictionary<String, Tensor>

  /// Where an array lies, and how.
  public struct Place: Sendable, Hashable {
    /// The key in the file.
    public var key: String
    /// How the array lies there.
    public var arrangement: TensorArrangement

    /// Creates a place.
    public init(key: String, arrangement: TensorArrangement = .identity) {
      self.key = key
      self.arrangement = arrangement
    }
  }

  /// Creates a layout.
  public init(
    dialect: String,
    places: OrderedDictionary<String, Place>,
    counters: OrderedDictionary<String, Tensor> = [:]
  ) {
    self.dialect = dialect
    self.places = places
    self.counters = counters
  }
}
