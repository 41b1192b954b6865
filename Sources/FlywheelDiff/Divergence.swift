public import FlywheelCore
public import OrderedCollections

/// Where two trainings part: their tensors held against each other at every step that both have.
public struct Divergence: Sendable {
  /// Where the steps come from.
  public let source: Source
  /// The tensors that both have at some step that both have, in their order.
  public private(set) var tensors: [TensorDivergence] = []
  /// The steps that both have, in order.
  public let steps: [Int]
  /// The steps that only the first has, and those that only the second has.
  public let unpairedSteps: (first: [Int], second: [Int])
  /// What could not be compared at some step that both have, in the order in which it was met.
  public private(set) var unpaired: [Unpaired] = []
  /// What else a person should know to understand why they part.
  public internal(set) var notes: [String] = []

  /// Where the steps come from.
  public enum Source: Sendable, Hashable {
    /// The checkpoints of two runs: states, perhaps many steps apart.
    case checkpoints
    /// The rows of two traces: every step, with the gradient that it was taken with.
    case rows
  }

  /// A tensor without a partner.
  public struct Unpaired: Sendable, Hashable {
    /// The tensor.
    public let tensor: TrainingTensor
    /// What is wrong.
    public let reason: Reason
    /// At how many steps.
    public internal(set) var count: Int

    /// Why there is no partner.
    public enum Reason: Sendable, Hashable {
      /// Only the first has it.
      case onlyInFirst
      /// Only the second has it.
      case onlyInSecond
      /// Both have it, in two shapes.
      case shapes(Shape, Shape)
    }
  }

  /// The tensors of a training at one step.
  public typealias State = OrderedDictionary<TrainingTensor, Tensor>

  /// Compares two trainings, a step at a time.
  ///
  /// - Parameters:
  ///   - source: Where the steps come from.
  ///   - first: The steps that the first has, in order.
  ///   - second: The steps that the second has, in order.
  ///   - tolerance: How far apart a tensor's elements may be.
  ///   - read: Reads the two states at a step; the ones before are let go of by then.
  /// - Throws: `mismatch` if there is no step that both have, and what reading throws.
  public init(
    _ source: Source,
    first: [Int],
    second: [Int],
    within tolerance: (TrainingTensor, DType, DType) -> Tolerance,
    reading read: (Int) throws(FlywheelError) -> (first: State, second: State)
  ) throws(FlywheelError) {
    let (inFirst, inSecond) = (Set(first), Set(second))
    self.source = source
    steps = first.filter(inSecond.contains)
    unpairedSteps = (
      first.filter { !inSecond.contains($0) }, second.filter { !inFirst.contains($0) }
    )
    guard !steps.isEmpty else {
      throw FlywheelError(
        .mismatch,
        "There is no step that both have: the first has \(Self.words(first)), the second "
          + "\(Self.words(second))."
      )
    }
    var places: [TrainingTensor: Int] = [:]
    var gaps: [Gap: Int] = [:]
    for step in steps {
      let (one, other) = try read(step)
      for (tensor, left) in one {
        guard let right = other[tensor] else {
          note(tensor, .onlyInFirst, &gaps)
          continue
        }
        guard left.shape == right.shape else {
          note(tensor, .shapes(left.shape, right.shape), &gaps)
          continue
        }
        let allowed = tolerance(tensor, left.dtype, right.dtype)
        let difference = try FlywheelError.locating(tensor: tensor.key) {
          () throws(FlywheelError) in
          try left.difference(from: right, within: allowed)
        }
        if places[tensor] == nil {
          places[tensor] = tensors.count
          tensors.append(TensorDivergence(of: tensor))
        }
        if let place = places[tensor] { tensors[place].append(difference, at: step) }
      }
      for tensor in other.keys where one[tensor] == nil { note(tensor, .onlyInSecond, &gaps) }
    }
  }

  /// A tensor and what is wrong with it.
  private struct Gap: Hashable {
    var tensor: TrainingTensor
    var reason: Unpaired.Reason
  }

  private mutating func note(
    _ tensor: TrainingTensor,
    _ reason: Unpaired.Reason,
    _ gaps: inout [Gap: Int]
  ) {
    let gap = Gap(tensor: tensor, reason: reason)
    if let place = gaps[gap] {
      unpaired[place].count += 1
    } else {
      gaps[gap] = unpaired.count
      unpaired.append(Unpaired(tensor: tensor, reason: reason, count: 1))
    }
  }

  /// Steps as a person reads them: all of a few, or the ends and how many there are.
  static func words(_ steps: [Int]) -> String {
    guard let first = steps.first, let last = steps.last else { return "none" }
    guard steps.count > 6 else { return steps.map { "\($0)" }.joined(separator: ", ") }
    return "\(steps.count) from \(first) to \(last)"
  }

  /// Whether no tensor ever leaves the tolerance, and none is always without a partner.
  ///
  /// A buffer that one of the two makes some steps later is still the same state.
  public var isWithin: Bool {
    parting == nil && unpaired.allSatisfy { $0.count < steps.count }
  }
}
