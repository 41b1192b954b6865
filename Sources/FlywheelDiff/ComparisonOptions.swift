public import FlywheelConvert
public import FlywheelDialects

/// What may be asked of a comparison.
public struct ComparisonOptions: Sendable {
  /// How partners are found.
  public var pairing: PairingMethod?
  /// What is allowed.
  public var tolerances: Tolerances
  /// Whether arrays of two types may be the same.
  public var ignoresDType: Bool
  /// Which arrays to compare, by name; all, and the numbers around them, if there is no pattern.
  public var selection: [NamePattern]
  /// How the first side is to be understood.
  public var first: Understanding
  /// How the second side is to be understood.
  public var second: Understanding

  /// How a file without a document is to be understood.
  public struct Understanding: Sendable {
    /// Whose names it has; nil if nobody says.
    public var dialect: Dialect?
    /// What it was trained with; nil if nobody says.
    public var optimizer: StatedOptimizer?

    /// Says what is known.
    public init(dialect: Dialect? = nil, optimizer: StatedOptimizer? = nil) {
      self.dialect = dialect
      self.optimizer = optimizer
    }

    var isAsked: Bool { dialect != nil || optimizer != nil }
  }

  /// Creates options.
  ///
  /// - Parameters:
  ///   - pairing: How partners are found; nil for by name, or by dialect where that finds more.
  ///   - tolerances: What is allowed.
  ///   - ignoresDType: Whether arrays of two types may be the same.
  ///   - selection: Which arrays to compare.
  ///   - first: How the first side is to be understood.
  ///   - second: How the second side is to be understood.
  public init(
    pairing: PairingMethod? = nil,
    tolerances: Tolerances = Tolerances(),
    ignoresDType: Bool = false,
    selection: [NamePattern] = [],
    first: Understanding = Understanding(),
    second: Understanding = Understanding()
  ) {
    self.pairing = pairing
    self.tolerances = tolerances
    self.ignoresDType = ignoresDType
    self.selection = selection
    self.first = first
    self.second = second
  }
}
