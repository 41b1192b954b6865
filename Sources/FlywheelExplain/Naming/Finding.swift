/// Something about a trainer that a person should know, in a sentence.
public struct Finding: Sendable, Hashable {
  /// A word for programs.
  public let kind: Kind
  /// Whether it is likely to be a mistake, or only how the trainer does it.
  public let isMistake: Bool
  /// The sentence.
  public let text: String
  /// The same in a few words, where it belongs into a summary.
  let summary: String?

  /// A word for programs.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    // How the trainer does it.

    /// Heavy-ball momentum, and whose.
    case momentum
    /// Where the learning rate is.
    case learningRatePlace = "learning_rate_place"
    /// Nesterov's look-ahead.
    case nesterov
    /// No momentum.
    case noMomentum = "no_momentum"
    /// The decay joins the gradient.
    case decayCoupled = "decay_coupled"
    /// The decay passes the velocity by.
    case decayDecoupled = "decay_decoupled"
    /// No decay was seen, and how large one would have been.
    case noDecay = "no_decay"
    /// Weights are decayed, biases are not.
    case biasesNotDecayed = "biases_not_decayed"
    /// The learning rate changes.
    case schedule
    /// Adam's moments are used as they are, small as they begin.
    case noBiasCorrection = "no_bias_correction"

    // What is likely to be a mistake.

    /// The gradient is the sum over the mini-batch.
    case gradientSummed = "gradient_summed"
    /// The gradient that was dumped looks like a sum over the mini-batch.
    case gradientMayBeSummed = "gradient_may_be_summed"
    /// The decay is much weaker than in PyTorch with the same numbers.
    case decayWeak = "decay_weak"
    /// The decay is coupled and decoupled, or twice what was declared.
    case decayAppliedTwice = "decay_applied_twice"
    /// Weights grow where they should shrink.
    case decayGrows = "decay_grows"
    /// Biases are decayed as weights are.
    case biasesDecayed = "biases_decayed"
    /// The velocity never takes the gradient in.
    case velocityNotStored = "velocity_not_stored"
    /// The velocity keeps all of itself, or more.
    case velocityNeverForgets = "velocity_never_forgets"
    /// The look-ahead is neither heavy ball nor Nesterov.
    case lookAheadWrong = "look_ahead_wrong"
    /// The learning rate enters the velocity, and multiplies it again.
    case learningRateTwice = "learning_rate_twice"
    /// The step climbs.
    case climbs
    /// A parameter moves along the velocity or the gradient of another one.
    case wrongLayer = "wrong_layer"
    /// A step uses the gradient of the step before.
    case gradientLate = "gradient_late"
    /// Gradients were dumped after their steps.
    case gradientDumpedAfter = "gradient_dumped_after"
    /// Weights and biases have other momenta or learning rates.
    case biasesDiffer = "biases_differ"
    /// No rule of the family explains the steps.
    case unexplained
    /// Something that has no word of its own.
    case other
    /// Rounding hides what was declared.
    case hiddenByRounding = "hidden_by_rounding"
  }

  /// Creates a finding.
  public init(_ kind: Kind, isMistake: Bool = false, _ text: String) {
    self.init(kind, isMistake: isMistake, text, summary: nil)
  }

  init(_ kind: Kind, isMistake: Bool = false, _ text: String, summary: String?) {
    self.kind = kind
    self.isMistake = isMistake
    self.text = text
    self.summary = summary
  }
}
