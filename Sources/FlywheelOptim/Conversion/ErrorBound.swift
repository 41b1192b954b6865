/// How far a conversion that is not exact can be off.
///
/// It bounds what one step makes different from the same state; how that grows depends on the loss.
public enum ErrorBound: Sendable, Hashable {
  /// The momentum is off, relative to what it would have to be, by at most this share, as long as the
  /// learning rate does not rise above that of the next step.
  case momentum(share: Double)
  /// The step is off because a denominator has its ε in another place.
  case denominator(source: Denominator, target: Denominator)

  /// What an adaptive rule divides by at the next step: √(s + inside) + outside, for a second moment s.
  public struct Denominator: Sendable, Hashable {
    /// What is added under the root.
    public var inside: Double
    /// What is added to the root.
    public var outside: Double

    /// Creates a denominator.
    public init(inside: Double, outside: Double) {
      self.inside = inside
      self.outside = outside
    }

    /// What is divided by.
    ///
    /// - Parameter root: √s, the root of the second moment as the buffer has it.
    /// - Returns: The denominator.
    public func value(root: Double) -> Double { (root * root + inside).squareRoot() + outside }
  }

  /// The bound for an element.
  ///
  /// - Parameter root: √s, the root of the element's second moment as the buffer has it after the next
  ///   step; the bound of a momentum does not depend on it.
  /// - Returns: The largest relative error, of a step's size or of the momentum. It is infinite where
  ///   the target divides by 0.
  public func value(root: Double) -> Double {
    switch self {
    case .momentum(let share): share
    case .denominator(let source, let target):
      abs(source.value(root: root) - target.value(root: root)) / target.value(root: root)
    }
  }

  /// A bound for all elements whose second moment is at least as large as one, such as the smallest there
  /// is.
  ///
  /// - Parameter root: √s of that one.
  /// - Returns: No less than `value` is for this root and for any larger one.
  public func largest(from root: Double) -> Double {
    switch self {
    case .momentum(let share): return share
    case .denominator(let source, let target):
      // Each of the two parts falls as the root grows, while their difference may rise.
      let square = root * root
      let roots = [source, target].map { (square + $0.inside).squareRoot() }
      let parts = abs(roots[0] - roots[1]) + abs(source.outside - target.outside)
      return parts == 0 ? 0 : parts / target.value(root: root)
    }
  }

  /// The bound as a formula in √s; with the numbers put in.
  public var formula: String {
    switch self {
    case .momentum(let share): "\(share)"
    case .denominator(let source, let target):
      "|\(source) - (\(target))| / (\(target))"
    }
  }
}

extension ErrorBound.Denominator: CustomStringConvertible {
  /// The denominator as a formula.
  public var description: String {
    let root = inside == 0 ? "sqrt(s)" : "sqrt(s + \(inside))"
    return outside == 0 ? root : "\(root) + \(outside)"
  }
}

extension ErrorBound: CustomStringConvertible {
  /// A phrase for people.
  public var description: String {
    switch self {
    case .momentum:
      "the momentum is off by at most \(formula) of itself, as long as the learning rate does not rise"
    case .denominator:
      "epsilon is in another place, so that a step is off by at most \(formula) of itself"
    }
  }
}
