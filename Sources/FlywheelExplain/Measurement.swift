/// What the dumped steps of one parameter, or of several taken together, show of an SGD-like rule.
public struct Measurement: Sendable, Hashable {
  /// The parameters that it is of.
  public var names: [String]
  /// Whether they are weights rather than biases.
  public var isWeight: Bool
  /// What was dumped of them.
  public var evidence: Evidence
  /// The coefficients that can be told; one that is not here cannot be.
  public var coefficients: [Coefficient: Estimate]
  /// How well the lines fit: that of the buffer and that of the weight, as far as there are.
  public var fits: [Line: Fit]
  /// Which dumps were paired.
  public var alignment: Alignment
  /// The places of the dumps that its steps begin at.
  public var steps: [Int]
  /// How many elements of the parameters were looked at.
  public var elementCount: Int

  /// What was dumped.
  public enum Evidence: String, Sendable, Hashable {
    /// Weights, buffers and gradients: a b c p q r.
    case whole
    /// Weights and buffers: d e h.
    case withoutGradient = "without_gradient"
    /// Weights and gradients: D L q κ.
    case withoutVelocity = "without_velocity"
    /// Weights alone, of which some never had a gradient: D and L, or L alone where D leaves no trace.
    case weightsOnly = "weights_only"
  }

  /// A line of the update.
  public enum Line: String, Sendable, Hashable {
    /// v' = …
    case velocity
    /// w' − w = …
    case weight
  }

  /// How well a line fits.
  public struct Fit: Sendable, Hashable {
    /// √(Σ residual² / Σ of the left side²).
    public var residual: Double
    /// The residual that the rounding of the dumped numbers alone would leave, likewise.
    public var rounding: Double
    /// The condition number of the columns, each scaled to length 1.
    public var condition: Double

    /// Creates a fit.
    public init(residual: Double, rounding: Double, condition: Double) {
      self.residual = residual
      self.rounding = rounding
      self.condition = condition
    }

    /// Whether no more is left than rounding explains.
    public var isExplained: Bool { residual <= 16 * rounding }
  }

  /// Creates a measurement.
  public init(
    names: [String],
    isWeight: Bool,
    evidence: Evidence,
    coefficients: [Coefficient: Estimate],
    fits: [Line: Fit],
    alignment: Alignment = Alignment(),
    steps: [Int],
    elementCount: Int
  ) {
    self.names = names
    self.isWeight = isWeight
    self.evidence = evidence
    self.coefficients = coefficients
    self.fits = fits
    self.alignment = alignment
    self.steps = steps
    self.elementCount = elementCount
  }
}
