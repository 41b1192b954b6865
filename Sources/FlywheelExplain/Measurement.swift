public import FlywheelCore

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
  /// The type in whose precision the weights are: it may be narrower than that of the arrays.
  ///
  /// A trainer that multiplies a weight by 1 − x in it cannot shrink it by x more closely than half a step
  /// below 1 says.
  public var dtype: DType
  /// The largest |gradient| of an element at any dump; nil without gradients.
  ///
  /// The mean over a mini-batch of a softmax's or a sigmoid's cross-entropy has none above 1 for the biases
  /// of the last layer: a larger one is a sum.
  public var largestGradient: Double?
  /// Whether the step before which there was no buffer was left out, because it does not fit the others.
  public var hasOtherBeginning = false
  /// Whether the buffers never changed although gradients were not 0: what was computed was never stored.
  public var hasStillVelocity = false
  /// The array of another parameter that explains a line which its own do not; nil if none does or need.
  public var borrowing: Borrowing?

  /// What was dumped.
  public enum Evidence: String, Sendable, Hashable, CaseIterable {
    /// Weights, buffers and gradients: a b c p q r.
    case whole
    /// Weights and buffers: d e h.
    case withoutGradient = "without_gradient"
    /// Weights and gradients: D L q κ.
    case withoutVelocity = "without_velocity"
    /// Weights alone, of which some never had a gradient: D and L.
    ///
    /// Where weights that have no gradient only shrink, D leaves no trace, and L is what they lose in a step.
    case weightsOnly = "weights_only"
  }

  /// A line of the update.
  public enum Line: String, Sendable, Hashable, CaseIterable {
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

  /// An array of another parameter that takes the place of the parameter's own.
  public struct Borrowing: Sendable, Hashable {
    /// The line that it explains.
    public var line: Line
    /// The other parameter.
    public var name: String
    /// What of the other parameter it is.
    public var kind: Kind
    /// How well the line fits with it.
    public var fit: Fit

    /// What may be taken from another parameter.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
      /// Its buffer, instead of the parameter's own.
      case velocity
      /// Its gradient, instead of the parameter's own.
      case gradient
      /// Both.
      case both
    }

    /// Creates a borrowing.
    public init(line: Line, name: String, kind: Kind, fit: Fit) {
      self.line = line
      self.name = name
      self.kind = kind
      self.fit = fit
    }
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
    elementCount: Int,
    dtype: DType = .float64,
    largestGradient: Double? = nil
  ) {
    self.names = names
    self.isWeight = isWeight
    self.evidence = evidence
    self.coefficients = coefficients
    self.fits = fits
    self.alignment = alignment
    self.steps = steps
    self.elementCount = elementCount
    self.dtype = dtype
    self.largestGradient = largestGradient
  }
}
