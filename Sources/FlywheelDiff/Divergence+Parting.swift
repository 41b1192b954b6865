extension Divergence {
  /// A moment at which trainings part.
  public struct Parting: Sendable, Hashable {
    /// The number of steps taken before the state in which it shows.
    public var step: Int
    /// The tensors in which it shows first, in their order.
    public var tensors: [DiffTensor.Role]
    /// What is to blame; nil where that does not follow.
    public var cause: Cause?

    /// Creates a moment.
    public init(step: Int, tensors: [DiffTensor.Role], cause: Cause? = nil) {
      self.step = step
      self.tensors = tensors
      self.cause = cause
    }
  }

  /// Why trainings part, as far as equal tensors prove it.
  public enum Cause: String, Sendable, Hashable {
    /// They differ in the first state that both have.
    case start
    /// Equal weights have another gradient: other data, another order, loss or model, or sums in another
    /// order.
    case gradient
    /// Equal gradients and equal buffers become other buffers: another rule, or other numbers for it.
    case buffers
    /// Equal gradients and equal buffers move equal weights elsewhere: another rule, or other numbers.
    case weights
  }

  /// The first moment at which a tensor leaves the tolerance; nil if none does.
  ///
  /// It has a cause only if it is also where the two differ at all for the first time.
  public var parting: Parting? {
    guard var parting = earliest(\.departure) else { return nil }
    if let first = firstDifference, first.step == parting.step,
      first.tensors.contains(where: parting.tensors.contains)
    {
      parting.cause = first.cause
    }
    return parting
  }

  /// The first moment at which any value differs, however little; nil if none does.
  public var firstDifference: Parting? {
    guard var parting = earliest(\.firstDifference), let role = parting.tensors.first else {
      return nil
    }
    switch (source, role) {
    case (.rows, .gradient): parting.cause = .gradient
    case (_, _) where parting.step == steps.first: parting.cause = .start
    case (.rows, .slot): parting.cause = .buffers
    case (.rows, _): parting.cause = .weights
    case (.checkpoints, _): break
    }
    return parting
  }

  /// When something happens within the steps: states before gradients, and buffers before the weights that
  /// are made of them.
  ///
  /// A row of a trace holds the weights and buffers that the step before has made. Of checkpoints nothing
  /// but the step is known.
  private struct Moment: Hashable, Comparable {
    var step: Int
    var phase: Int

    static func < (one: Self, other: Self) -> Bool {
      (one.step, one.phase) < (other.step, other.phase)
    }
  }

  private func moment(of role: DiffTensor.Role, at step: Int) -> Moment {
    guard source == .rows else { return Moment(step: step, phase: 0) }
    return switch role {
    // What the first states differ in was made by nothing that is seen here.
    case .slot: Moment(step: step, phase: 0)
    case .gradient: Moment(step: step, phase: 2)
    default: Moment(step: step, phase: step == steps.first ? 0 : 1)
    }
  }

  private func earliest(_ step: KeyPath<TensorDivergence, Int?>) -> Parting? {
    let found = tensors.compactMap { divergence in
      divergence[keyPath: step].map { (divergence.role, moment(of: divergence.role, at: $0)) }
    }
    guard let first = found.map(\.1).min() else { return nil }
    return Parting(step: first.step, tensors: found.filter { $0.1 == first }.map(\.0))
  }
}
