/// How good a conversion is, and what a person must know of it.
public enum Verdict: Sendable, Hashable {
  /// The target goes on as the source would, whatever the learning rate does.
  case exact
  /// Exact as long as the rate does not change; `otherwise` says what would have to be scheduled then.
  case exactWhileRateIsConstant(otherwise: String)
  /// Exact under any schedule, because the target's momentum follows the rate; `schedule` says how.
  case exactWithScheduledMomentum(schedule: String)
  /// Not exact; the target is off by no more than this.
  case bounded(ErrorBound)
  /// No numbers of the target make the source's run, or none for the state it is in.
  case impossible(reason: String)
}

extension Verdict {
  /// A word for programs: `exact`, `exact_while_rate_is_constant`, `exact_with_scheduled_momentum`,
  /// `bounded` or `impossible`.
  public var kind: String {
    switch self {
    case .exact: "exact"
    case .exactWhileRateIsConstant: "exact_while_rate_is_constant"
    case .exactWithScheduledMomentum: "exact_with_scheduled_momentum"
    case .bounded: "bounded"
    case .impossible: "impossible"
    }
  }

  /// Whether the target goes on exactly as the source would.
  ///
  /// - Parameter isRateConstant: Whether no schedule changes the rate.
  /// - Returns: Whether it does.
  public func isExact(whenRateIsConstant isRateConstant: Bool) -> Bool {
    switch self {
    case .exact, .exactWithScheduledMomentum: true
    case .exactWhileRateIsConstant: isRateConstant
    case .bounded, .impossible: false
    }
  }
}

extension Verdict: CustomStringConvertible {
  /// A sentence for people, which starts with a small letter and has no full stop.
  public var description: String {
    switch self {
    case .exact: "exact"
    case .exactWhileRateIsConstant(let otherwise):
      "exact while the learning rate is constant; under a schedule \(otherwise)"
    case .exactWithScheduledMomentum(let schedule): "exact with scheduled momentum: \(schedule)"
    case .bounded(let bound): "not exact: \(bound)"
    case .impossible(let reason): "impossible: \(reason)"
    }
  }
}
