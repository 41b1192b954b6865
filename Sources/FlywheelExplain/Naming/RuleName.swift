public import FlywheelOptim

/// A preset that makes what was measured, with the numbers that it needs for it.
public struct RuleName: Sendable, Hashable {
  /// The rule.
  public let rule: UpdateRule
  /// All numbers that the rule takes; those of biases are the same but for what `areBiasesUndecayed` says.
  public internal(set) var hyperparameters: Hyperparameters
  /// Whether biases are not decayed though the rule decays all: a group of parameters of their own.
  public let areBiasesUndecayed: Bool
  /// The numbers that the dump does not show: any would do.
  public let open: [Hyperparameter]
  /// The sizes that the numbers are for.
  public internal(set) var sizes: TrainingSizes
  /// The size that nobody gave and that the decay is divided by, m or n; nil if all that matter are known.
  ///
  /// It counts as 1 in the numbers.
  public internal(set) var unknownSize: Formula.Symbol?
  /// How much agrees.
  public internal(set) var match: Match
  /// How the trainer's buffer becomes the rule's, for weights; nil if there is none, or nothing shows it.
  public internal(set) var bufferMap: BufferMap?

  /// How much agrees.
  public enum Match: String, Sendable, Hashable {
    /// Every coefficient, so that the buffer is kept in the same way, too.
    case numbers
    /// The same, but with other numbers than the declared ones.
    case undeclared
    /// What decides which weights come out; the buffer is kept in another way, or was not dumped.
    case run
    /// What was dumped, which does not decide the run.
    case part
  }

  /// The rule with its numbers as a person types it; `?` for a number that is open, `*m` after one that is
  /// for mini-batches of 1.
  public var call: String {
    let arguments = rule.hyperparameters.compactMap { definition -> String? in
      let name = definition.name
      guard let value = hyperparameters[name] else { return nil }
      if open.contains(name) { return "\(name.rawValue)=?" }
      let isSaid = name == .learningRate || !value.isOff || !definition.fallback.isOff
      guard isSaid else { return nil }
      guard case .number(let number) = value else { return "\(name.rawValue)=\(value.text)" }
      let text = Int(exactly: number).map { "\($0)" } ?? "\(number)"
      let isPerSize = RuleFit.decays.contains(name) && number != 0
      let factor = isPerSize ? unknownSize.map { "*\($0.rawValue)" } : nil
      return "\(name.rawValue)=\(text)\(factor ?? "")"
    }
    return "\(rule.name)(\(arguments.joined(separator: ", ")))"
  }

  /// The form that the rule's numbers make.
  ///
  /// - Parameter isWeight: Whether it is that of weights.
  /// - Returns: The form of a step once there is a buffer.
  func form(isWeight: Bool) -> SGDForm<Double>? {
    guard case .sgd(let rule) = rule else { return nil }
    return rule.resolve(
      numbers(isWeight: isWeight),
      sizes: sizes,
      hasBuffer: true,
      isWeight: isWeight
    )
  }

  /// The numbers of weights or of biases.
  func numbers(isWeight: Bool) -> Hyperparameters {
    guard !isWeight, areBiasesUndecayed else { return hyperparameters }
    var numbers = hyperparameters
    for name in RuleFit.decays where numbers[name] != nil { numbers[name] = .number(0) }
    return numbers
  }
}
