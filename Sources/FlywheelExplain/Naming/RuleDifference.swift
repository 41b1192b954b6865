public import FlywheelOptim

/// How a trainer differs from a rule that was meant.
public struct RuleDifference: Sendable, Hashable {
  /// The rule that was meant, with its numbers.
  public var rule: UpdateRule
  /// Its numbers.
  public var hyperparameters: Hyperparameters
  /// How the two stand to each other.
  public var relation: Relation
  /// What differs, the largest first.
  public var differences: [Difference]
  /// The calls of the rule that was meant that make the trainer's run; none if none do.
  public var equivalents: [Equivalent]
  /// What a person must know of these calls, or why there are none: sentences.
  public var remarks: [String]
  /// The lines to change so that the trainer does what was meant.
  public var changes: [Change]

  /// How two rules stand to each other.
  public enum Relation: String, Sendable, Hashable {
    /// The same numbers: the buffers are the same, too.
    case same
    /// The same weights; the buffer is kept in another way.
    case sameRun = "same_run"
    /// Other weights.
    case other
    /// What was dumped does not tell them apart.
    case compatible
  }

  /// A difference.
  public struct Difference: Sendable, Hashable {
    /// A word for programs.
    public var kind: Kind
    /// The sentence.
    public var text: String
    /// How many times as large the larger number is; nil if no number differs.
    public var ratio: Double?

    /// A word for programs.
    public enum Kind: String, Sendable, Hashable {
      /// A steady gradient moves weights further, or less far.
      case learningRate = "learning_rate"
      /// The gradient is a sum.
      case gradientSummed = "gradient_summed"
      /// Velocities keep another part of themselves.
      case momentum
      /// One looks ahead.
      case lookAhead = "look_ahead"
      /// Weights shrink faster, or less fast.
      case decay
      /// The decay goes through the velocity in one only.
      case decayPlace = "decay_place"
      /// Biases are decayed in one only.
      case biasDecay = "bias_decay"
      /// Something else.
      case other
    }

    /// Creates a difference.
    public init(_ kind: Kind, _ text: String, ratio: Double? = nil) {
      self.kind = kind
      self.text = text
      self.ratio = ratio
    }
  }

  /// A call of the rule that was meant with numbers that make the trainer's run.
  public struct Equivalent: Sendable, Hashable {
    /// Of what: `all`, `weights` or `biases`.
    public var parameters: String
    /// The call.
    public var call: String

    /// Creates an equivalent.
    public init(parameters: String, call: String) {
      self.parameters = parameters
      self.call = call
    }
  }

  /// Lines of code to change.
  public struct Change: Sendable, Hashable {
    /// Of what: `all`, `weights` or `biases`.
    public var parameters: String
    /// What the trainer does.
    public var before: String
    /// What it would have to do.
    public var after: String

    /// Creates a change.
    public init(parameters: String, before: String, after: String) {
      self.parameters = parameters
      self.before = before
      self.after = after
    }
  }

  /// Creates a difference.
  public init(
    rule: UpdateRule,
    hyperparameters: Hyperparameters,
    relation: Relation,
    differences: [Difference] = [],
    equivalents: [Equivalent] = [],
    remarks: [String] = [],
    changes: [Change] = []
  ) {
    self.rule = rule
    self.hyperparameters = hyperparameters
    self.relation = relation
    self.differences = differences
    self.equivalents = equivalents
    self.remarks = remarks
    self.changes = changes
  }

  /// Whether the trainer does what was meant, as far as the dump shows.
  public var isSame: Bool { relation != .other }
}
