public import FlywheelCore

/// How one parameter's optimizer state goes from one rule to another: the target's numbers, its buffers,
/// its step count, and how good all that is.
///
/// Everything follows from the two rules' formulas; no pair of rules is known by name.
public struct RuleConversion: Sendable, Hashable {
  /// What is converted.
  public let source: RuleUse
  /// What it becomes.
  ///
  /// Its numbers are found: as a person would write them, and off where the parameter
  /// does not feel them. If the verdict is `impossible`, they are only what came to be known.
  public let target: RuleUse
  /// The target's buffers; none where the target starts without, as at a first step that both rules take
  /// alike.
  public let buffers: [BufferConversion]
  /// The target's step count.
  public let step: Int
  /// What any learning rate of the source is multiplied by to be the target's: a schedule's, too, where
  /// that of the next step is 0.
  public let rateScale: Double
  /// How good it is.
  public let verdict: Verdict
  /// The target's hyperparameters that this parameter does not feel, so that any value does: another
  /// parameter of its group may decide.
  public let free: Set<Hyperparameter>
  /// What a person should know besides, as sentences.
  public let remarks: [String]

  /// Converts.
  ///
  /// - Parameters:
  ///   - source: The rule in use.
  ///   - rule: The rule to go to.
  ///   - given: Numbers of the target that are insisted on; the others are found.
  ///   - moment: What is known of the run.
  /// - Throws: `invalidArgument` if the target does not take a given number, or not that value.
  public init(
    _ source: RuleUse,
    to rule: UpdateRule,
    with given: Hyperparameters = Hyperparameters(),
    at moment: ConversionMoment
  ) throws(FlywheelError) {
    for (name, value) in given.ordered {
      try rule.requireTaken(name)
      try rule.hyperparameters.first { $0.name == name }?.validate(value)
    }
    switch (source.rule, rule) {
    case (.sgd(let old), .sgd(let new)):
      self =
        SGDConversion(source: source, old: old, new: new, given: given, moment: moment).conversion
    case (.adaptive(let old), .adaptive(let new)):
      self =
        AdaptiveConversion(source: source, old: old, new: new, given: given, moment: moment)
        .conversion
    case (.sgd, .adaptive):
      self.init(source, to: rule, given, at: moment, onlyOneDivides: rule.name)
    case (.adaptive, .sgd):
      self.init(source, to: rule, given, at: moment, onlyOneDivides: source.rule.name)
    }
  }

  init(
    source: RuleUse,
    target: RuleUse,
    buffers: [BufferConversion],
    step: Int,
    rateScale: Double,
    verdict: Verdict,
    free: Set<Hyperparameter>,
    remarks: [String]
  ) {
    self.source = source
    self.target = target
    self.buffers = buffers
    self.step = step
    self.rateScale = rateScale
    self.verdict = verdict
    self.free = free
    self.remarks = remarks
  }

  /// A conversion between the families.
  private init(
    _ source: RuleUse,
    to rule: UpdateRule,
    _ given: Hyperparameters,
    at moment: ConversionMoment,
    onlyOneDivides name: String
  ) {
    self.init(
      source,
      to: RuleUse(source, under: rule, Hyperparameters(rule, given)),
      at: moment,
      impossible:
        "'\(source.rule.name)' and '\(rule.name)' are of different families: only '\(name)' "
        + "divides by the root of a second moment"
    )
  }

  /// A conversion that cannot be.
  init(
    _ source: RuleUse,
    to target: RuleUse,
    at moment: ConversionMoment,
    impossible reason: String
  ) {
    self.init(
      source: source,
      target: target,
      buffers: [],
      step: moment.step,
      rateScale: 1,
      verdict: .impossible(reason: reason),
      free: [],
      remarks: []
    )
  }
}

extension RuleConversion {
  /// One set of the target's numbers that does for this parameter and for one of another kind, weights and
  /// biases.
  ///
  /// A number that the one does not feel is the other's to decide, such as a penalty on biases only.
  ///
  /// - Parameter other: The conversion of the other parameter, to the same rule.
  /// - Returns: The numbers; nil if none do for both.
  public func numbers(with other: RuleConversion) -> Hyperparameters? {
    let isPossible = [self, other].allSatisfy {
      if case .impossible = $0.verdict { false } else { true }
    }
    guard isPossible else { return nil }
    var common = target.hyperparameters
    for (name, value) in other.target.hyperparameters.ordered {
      if free.contains(name) {
        common[name] = value
      } else if !other.free.contains(name), common[name] != value {
        return nil
      }
    }
    return common
  }

  /// What a person should know where only one of two rules divides by the size of the mini-batch at hand.
  static func batchRemark(_ sizes: TrainingSizes) -> String {
    "exact for mini-batches of \(sizes.batch): one of another size, like a short last one, "
      + "changes only one of the two rules"
  }
}

extension RuleUse {
  /// The same parameter under another rule.
  init(_ other: RuleUse, under rule: UpdateRule, _ hyperparameters: Hyperparameters) {
    self.init(
      rule: rule,
      hyperparameters: hyperparameters,
      sizes: other.sizes,
      isWeight: other.isWeight
    )
  }
}

extension Hyperparameters {
  /// All that a rule takes: off, but for what is given.
  init(_ rule: UpdateRule, _ given: Hyperparameters) {
    self.init(
      Dictionary(
        rule.hyperparameters.map { definition in
          (definition.name, given[definition.name] ?? definition.fallback.off)
        },
        uniquingKeysWith: { first, _ in first }
      )
    )
  }

  /// Whether the number or switch is there and on.
  func isOn(_ name: Hyperparameter) -> Bool { number(name) != 0 }
}

extension Hyperparameters.Value {
  /// The value of the same kind that is as good as not set.
  var off: Self {
    switch self {
    case .number: .number(0)
    case .flag: .flag(false)
    }
  }
}
