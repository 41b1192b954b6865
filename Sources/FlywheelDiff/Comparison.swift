import FlywheelCheckpoint
import FlywheelConvert
public import FlywheelCore
import FlywheelDialects
import FlywheelOptim
import OrderedCollections

/// Two files held against each other: their arrays, and of training states everything else that decides how
/// they go on.
///
/// The second side is brought into the first's convention: names, axes, and, where the update rules are
/// others but mean the same, the optimizer's buffers. Which run wrote a file, when, and with what, is no
/// difference.
public struct Comparison: Sendable {
  /// The first side.
  public let first: DiffInput
  /// The second side.
  public let second: DiffInput
  /// How partners were found.
  public let pairing: PairingMethod
  /// The arrays, the worst first.
  public let tensors: [TensorComparison]
  /// The numbers around them, in the order of a checkpoint's document; none if only one side has any.
  public let settings: [SettingComparison]
  /// How the second side's optimizer is said in the first's convention, for each kind of parameters.
  public let translations: [StateTranslation]
  /// What a person should know besides.
  public let notes: [String]

  /// Whether both sides mean the same.
  public var isSame: Bool {
    tensors.allSatisfy(\.verdict.isSame) && settings.allSatisfy(\.isSame)
  }

  /// Compares.
  ///
  /// - Parameters:
  ///   - first: The first side, as it was read.
  ///   - second: The second side, as it was read.
  ///   - options: What is asked for.
  /// - Throws: What understanding and reading throw, `invalidArgument` for a pattern that no array matches.
  public init(
    _ first: DiffInput,
    _ second: DiffInput,
    _ options: ComparisonOptions = ComparisonOptions()
  ) throws(FlywheelError) {
    var plan = try ComparisonPlan(first, second, options)
    try plan.select()
    self.first = plan.first
    self.second = plan.second
    pairing = plan.pairing.method
    translations = plan.translations
    settings = plan.settings()
    notes = plan.first.notes + plan.second.notes + plan.notes
    var tensors =
      plan.pairing.onlyFirst.map { TensorComparison(first: $0, second: nil, verdict: .onlyFirst) }
      + plan.pairing.onlySecond.map {
        TensorComparison(first: nil, second: $0, verdict: .onlySecond)
      }
    for pair in plan.pairing.pairs {
      tensors.append(try TensorComparison(pair.first, pair.second, options))
    }
    self.tensors = tensors.enumerated().sorted { left, right in
      if left.element.verdict != right.element.verdict {
        return left.element.verdict > right.element.verdict
      }
      let (one, other) = (left.element.severity, right.element.severity)
      return one == other ? left.offset < right.offset : one > other
    }.map(\.element)
  }
}

extension TensorComparison {
  /// How bad it is among those with the same verdict.
  fileprivate var severity: Double {
    guard let excess, !excess.isNaN else { return 0 }
    return excess
  }
}
