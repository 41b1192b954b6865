/// All that the dumped steps of an SGD-like trainer show: of each parameter, of weights and biases as
/// wholes, and of each step.
public struct DumpMeasurement: Sendable, Hashable {
  /// Each parameter, over all steps.
  public var parameters: [Measurement]
  /// All weights together, over all steps; nil if there are none.
  public var weights: Measurement?
  /// All biases together, over all steps; nil if there are none.
  public var biases: Measurement?
  /// Each step, all weights together and all biases together: a schedule shows here.
  public var steps: [Step]
  /// What a person should know of how it was measured.
  public var notes: [String]

  /// One step.
  public struct Step: Sendable, Hashable {
    /// The place of the dump that it begins at.
    public var place: Int
    /// Its weights; nil if nothing can be told of them.
    public var weights: Measurement?
    /// Its biases; nil if nothing can be told of them.
    public var biases: Measurement?

    /// Creates a step.
    public init(place: Int, weights: Measurement?, biases: Measurement?) {
      self.place = place
      self.weights = weights
      self.biases = biases
    }
  }

  /// Puts measurements together.
  public init(
    parameters: [Measurement],
    weights: Measurement?,
    biases: Measurement?,
    steps: [Step],
    notes: [String] = []
  ) {
    self.parameters = parameters
    self.weights = weights
    self.biases = biases
    self.steps = steps
    self.notes = notes
  }
}
