/// What dumped steps say of the rule that made them, ready to be shown.
public struct Explanation: Sendable {
  /// The family that explains the steps; nil if none does.
  public var family: Family?
  /// The answer in one to three sentences.
  public var verdict: [String]
  /// What was measured of weights, and of biases.
  public var kinds: [Kind]
  /// What was measured of each parameter, by its name.
  public var tensors: [Kind]
  /// The presets that fit.
  public var names: [RuleName]
  /// What a person should know, mistakes first.
  public var findings: [Finding]
  /// What the dump cannot show.
  public var notIdentifiable: [OpenQuestion]
  /// The learning rate of each step if it changes, else nothing.
  public var learningRates: [Double]
  /// Which dumps belong to one step.
  public var alignment: Alignment
  /// How the files were understood.
  public var notes: [String]
  /// How the trainer differs from a rule that was meant; nil if none was given.
  public var against: RuleDifference?

  /// A family of rules.
  public enum Family: String, Sendable, Hashable {
    /// SGD's kin.
    case sgd
    /// Adam's kin.
    case adaptive
  }

  /// What was measured of some parameters together.
  public struct Kind: Sendable, Hashable {
    /// What they are: `weights`, `biases`, or a parameter's name.
    public var name: String
    /// The names of the parameters.
    public var parameters: [String]
    /// What was dumped of them, in a word for programs.
    public var evidence: String
    /// The step as it was measured, as equations.
    public var equations: [String]
    /// The numbers in them.
    public var numbers: [Number]
    /// How well each line fits, by its name.
    public var fits: [Fit]
    /// How many steps were looked at.
    public var stepCount: Int
    /// How many elements were looked at.
    public var elementCount: Int

    /// Creates a kind.
    public init(
      name: String,
      parameters: [String],
      evidence: String,
      equations: [String],
      numbers: [Number],
      fits: [Fit],
      stepCount: Int,
      elementCount: Int
    ) {
      self.name = name
      self.parameters = parameters
      self.evidence = evidence
      self.equations = equations
      self.numbers = numbers
      self.fits = fits
      self.stepCount = stepCount
      self.elementCount = elementCount
    }
  }

  /// How well a line fits.
  public struct Fit: Sendable, Hashable {
    /// The name of the line.
    public var line: String
    /// How well it does.
    public var fit: Measurement.Fit

    /// Creates a fit.
    public init(line: String, fit: Measurement.Fit) {
      self.line = line
      self.fit = fit
    }
  }

  /// A number with its letter.
  public struct Number: Sendable, Hashable {
    /// Its letter.
    public var letter: String
    /// The number.
    public var estimate: Estimate
    /// What it is in declared numbers, such as `lr lambda/m`; all that it cannot be told from.
    public var products: [String]

    /// Creates a number.
    public init(letter: String, estimate: Estimate, products: [String] = []) {
      self.letter = letter
      self.estimate = estimate
      self.products = products
    }
  }

  /// Creates an explanation.
  public init(
    family: Family?,
    verdict: [String],
    kinds: [Kind] = [],
    tensors: [Kind] = [],
    names: [RuleName] = [],
    findings: [Finding] = [],
    notIdentifiable: [OpenQuestion] = [],
    learningRates: [Double] = [],
    alignment: Alignment = Alignment(),
    notes: [String] = [],
    against: RuleDifference? = nil
  ) {
    self.family = family
    self.verdict = verdict
    self.kinds = kinds
    self.tensors = tensors
    self.names = names
    self.findings = findings
    self.notIdentifiable = notIdentifiable
    self.learningRates = learningRates
    self.alignment = alignment
    self.notes = notes
    self.against = against
  }

  /// Whether the question is answered with yes: the rule that was meant is in use, or, if none was, a rule
  /// could be named.
  public var isYes: Bool { against?.isSame ?? !names.isEmpty }

  /// How many other names there are, as the end of a sentence.
  static func others(_ count: Int) -> String {
    count == 0 ? "." : ", and of \(count) other\(count == 1 ? "" : "s")."
  }

  /// A text as a sentence: a capital letter and a full stop.
  static func sentence(_ text: String) -> String {
    text.prefix(1).uppercased() + text.dropFirst() + "."
  }
}
