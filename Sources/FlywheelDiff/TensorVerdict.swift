/// What comes of comparing an array with its partner, the worst last.
public enum TensorVerdict: String, Sendable, Hashable, Comparable, CaseIterable {
  /// Every bit is the same.
  case identical
  /// All elements are as close as the tolerance asks.
  case close
  /// Elements are further apart.
  case different
  /// One side has NaNs or infinities where the other has numbers.
  case nonFinite = "non_finite"
  /// The types differ, whatever the elements are.
  case dtype
  /// The shapes differ, so that elements have no partners.
  case shape
  /// There is no way to hold the two against each other.
  case incomparable
  /// Only the second side has it.
  case onlySecond = "only_second"
  /// Only the first side has it.
  case onlyFirst = "only_first"

  /// Whether both sides say the same.
  public var isSame: Bool { self <= .close }

  /// Whether the first is less severe.
  public static func < (left: TensorVerdict, right: TensorVerdict) -> Bool {
    left.severity < right.severity
  }

  private var severity: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
