import FlywheelCheckpoint
import FlywheelOptim

/// The groups of a converted optimizer: parameters share one as far as their numbers allow.
struct ConvertedGroups {
  /// The groups, in the order in which parameters need them.
  private(set) var groups: [ParameterGroup] = []
  /// The numbers of each group that none of its parameters feels.
  private var free: [Set<Hyperparameter>] = []

  /// Finds the group for a parameter, or makes one.
  ///
  /// - Parameters:
  ///   - conversion: How the parameter is converted.
  ///   - source: The group that it is in.
  /// - Returns: The index of its new group.
  mutating func place(_ conversion: RuleConversion, of source: ParameterGroup) -> Int {
    let wanted = Self.group(conversion, of: source)
    for index in groups.indices {
      guard let shared = union(index, wanted, conversion.free) else { continue }
      groups[index].hyperparameters = shared
      free[index].formIntersection(conversion.free)
      return index
    }
    groups.append(wanted)
    free.append(conversion.free)
    return groups.count - 1
  }

  /// The numbers that are right for a group's parameters and for another; nil if there are none.
  private func union(
    _ index: Int,
    _ wanted: ParameterGroup,
    _ wantedFree: Set<Hyperparameter>
  ) -> Hyperparameters? {
    let group = groups[index]
    guard group.lastLearningRate == wanted.lastLearningRate,
      group.initialLearningRate == wanted.initialLearningRate
    else { return nil }
    var shared = group.hyperparameters
    for (name, value) in wanted.hyperparameters.values where shared[name] != value {
      if wantedFree.contains(name) { continue }
      guard free[index].contains(name) else { return nil }
      shared[name] = value
    }
    return shared
  }

  /// The rates that a schedule and a correction know change as the next step's does.
  private static func group(
    _ conversion: RuleConversion,
    of source: ParameterGroup
  ) -> ParameterGroup {
    let numbers = conversion.target.hyperparameters
    let (old, new) = (source.hyperparameters.learningRate, numbers.learningRate)
    func scaled(_ rate: Double) -> Double {
      if rate == old { return new }
      return conversion.rateScale == 1 ? rate : (rate * conversion.rateScale).shortestDecimal
    }
    return ParameterGroup(
      hyperparameters: numbers,
      lastLearningRate: source.lastLearningRate.map(scaled),
      initialLearningRate: scaled(source.initialLearningRate)
    )
  }
}
