import FlywheelCore

/// Where two trainings part: their states held against each other at every step that both have.
public struct Divergence: Sendable {
  /// Where the steps come from.
  public let source: Source
  /// The steps that both have and that were compared, in order; there may be none.
  public private(set) var steps: [Int] = []
  /// The steps that only the first has, and those that only the second has.
  public let unpairedSteps: (first: [Int], second: [Int])
  /// The tensors that were compared at some step, in the order of the first side.
  public private(set) var tensors: [TensorDivergence] = []
  /// What could not be compared at some step, in the order in which it was met.
  public private(set) var unpaired: [Unpaired] = []
  /// The settings that differ at some step, in the order in which they were met.
  public private(set) var settings: [SettingDivergence] = []
  /// What a person should know besides.
  public private(set) var notes: [String] = []

  /// Where the steps come from.
  public enum Source: String, Sendable, Hashable {
    /// The checkpoints of two runs: states, perhaps many steps apart.
    case checkpoints
    /// The rows of two traces: every step, with the gradient that it was taken with.
    case rows
  }

  /// A tensor without a partner that it can be compared with.
  public struct Unpaired: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// What it is.
    public let role: DiffTensor.Role
    /// What is wrong.
    public let verdict: TensorVerdict
    /// At how many of the steps.
    public internal(set) var count: Int
  }

  /// A setting in which the two differ.
  public struct SettingDivergence: Sendable, Hashable {
    /// The first step at which they do.
    public let step: Int
    /// The two values at that step.
    public let setting: SettingComparison
  }

  /// What is held against each other at one step.
  struct StepComparison {
    var tensors: [TensorComparison] = []
    var settings: [SettingComparison] = []
    var notes: [String] = []
    /// Whether there was anything to compare.
    var isCompared = true
  }

  /// Compares two trainings, a step at a time.
  ///
  /// - Parameters:
  ///   - source: Where the steps come from.
  ///   - first: The steps that the first has, in order.
  ///   - second: The steps that the second has, in order.
  ///   - compare: Compares the two states at a step; those before are let go of by then.
  /// - Throws: What comparing throws.
  init(
    _ source: Source,
    first: [Int],
    second: [Int],
    comparing compare: (Int) throws(FlywheelError) -> StepComparison?
  ) throws(FlywheelError) {
    let (inFirst, inSecond) = (Set(first), Set(second))
    self.source = source
    unpairedSteps = (
      first.filter { !inSecond.contains($0) }, second.filter { !inFirst.contains($0) }
    )
    var places = Places()
    for step in first where inSecond.contains(step) {
      guard let comparison = try compare(step) else { continue }
      if comparison.isCompared { steps.append(step) }
      for tensor in comparison.tensors { add(tensor, at: step, &places) }
      for setting in comparison.settings where !setting.isSame {
        add(setting, at: step, &places)
      }
      for note in comparison.notes where !notes.contains(note) { notes.append(note) }
    }
  }

  /// Where what has been met already is kept.
  private struct Places {
    var tensors: [DiffTensor.Role: Int] = [:]
    var unpaired: [Unpaired: Int] = [:]
    var settings: Set<[String]> = []
  }

  private mutating func add(
    _ comparison: TensorComparison,
    at step: Int,
    _ places: inout Places
  ) {
    guard let role = (comparison.first ?? comparison.second)?.role else { return }
    guard let difference = comparison.difference else {
      var unpaired = Unpaired(
        name: comparison.name,
        role: role,
        verdict: comparison.verdict,
        count: 0
      )
      if let place = places.unpaired[unpaired] {
        self.unpaired[place].count += 1
      } else {
        places.unpaired[unpaired] = self.unpaired.count
        unpaired.count = 1
        self.unpaired.append(unpaired)
      }
      return
    }
    if places.tensors[role] == nil {
      places.tensors[role] = tensors.count
      tensors.append(TensorDivergence(name: comparison.name, role: role))
    }
    if let place = places.tensors[role] { tensors[place].append(difference, at: step) }
  }

  private mutating func add(
    _ setting: SettingComparison,
    at step: Int,
    _ places: inout Places
  ) {
    let key = [setting.section, setting.name] + setting.parameters
    guard places.settings.insert(key).inserted else { return }
    settings.append(SettingDivergence(step: step, setting: setting))
  }

  /// Whether no tensor ever leaves the tolerance, none is always without a partner, and no row is.
  ///
  /// A buffer that one of the two makes some steps later is still the same state. Which checkpoints a run
  /// keeps is no difference.
  public var isWithin: Bool {
    parting == nil && unpaired.allSatisfy { $0.count < steps.count }
      && (source == .checkpoints || unpairedSteps.first.isEmpty && unpairedSteps.second.isEmpty)
  }
}
