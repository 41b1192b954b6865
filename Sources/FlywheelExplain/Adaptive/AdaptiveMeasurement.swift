/// What the dumped steps of weights, or of biases, show of an Adam-like rule.
public struct AdaptiveMeasurement: Sendable, Hashable {
  /// The parameters that it is of.
  public var names: [String]
  /// Whether they are weights rather than biases.
  public var isWeight: Bool
  /// What was dumped of them.
  public var evidence: Measurement.Evidence
  /// The numbers that can be told, at the rule that fits best; one that is not here cannot be.
  public var estimates: [AdaptiveQuantity: Estimate]
  /// The learning rate of each step, where it changes as no rule says.
  public var learningRates: [StepRate]
  /// How well the lines fit, as far as there are.
  public var fits: [Line: Measurement.Fit]
  /// Which dumps were paired.
  public var alignment: Alignment
  /// How many steps came before the first dump: as was said, as the buffers show, or found by trying; nil
  /// if it leaves no trace.
  public var firstStep: Int?
  /// Up to where ε leaves no trace; nil if it can be told.
  public var epsilonBound: Double?
  /// The places of the dumps that its steps begin at.
  public var steps: [Int]
  /// How many elements the parameters have.
  public var elementCount: Int

  /// A line of the update.
  public enum Line: String, Sendable, Hashable {
    /// m' = …
    case first
    /// s' = …
    case second
    /// w' − w = …
    case weight
    /// v' = …, where the momentum was dumped.
    case momentum
  }

  /// A step with a learning rate of its own.
  public struct StepRate: Sendable, Hashable {
    /// The place of the dump that it begins at.
    public var place: Int
    /// The learning rate.
    public var learningRate: Estimate

    /// Creates a step.
    public init(place: Int, learningRate: Estimate) {
      self.place = place
      self.learningRate = learningRate
    }
  }

  init(_ sample: AdaptiveSample, evidence: Measurement.Evidence) {
    names = sample.names
    isWeight = sample.isWeight
    self.evidence = evidence
    estimates = [:]
    learningRates = []
    fits = [:]
    alignment = Alignment()
    steps = []
    elementCount = sample.elementCount
  }
}
