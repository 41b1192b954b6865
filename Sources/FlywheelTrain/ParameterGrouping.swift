import FlywheelCore
import FlywheelOptim

/// Which group each parameter of a network is in, and the hyperparameters of each group.
///
/// Group 0 has the configuration's own; group k those with the overrides of its place k − 1.
struct ParameterGrouping {
  /// The whole hyperparameters of each group.
  let hyperparameters: [Hyperparameters]
  /// The group of each parameter, in the order of `NetworkShape.parameterNames`.
  let groups: [Int]

  /// Sorts the parameters of a configuration's network into groups.
  ///
  /// - Throws: `invalidArgument` for a pattern that no parameter matches, a group whose parameters are
  ///   all taken, and numbers that the rule does not take.
  init(_ configuration: TrainingConfiguration) throws(FlywheelError) {
    let names = configuration.network.parameterNames
    var groups = Array(repeating: 0, count: names.count)
    var hyperparameters = [configuration.hyperparameters]
    for (place, group) in configuration.groups.enumerated() {
      guard !group.parameters.isEmpty else {
        throw FlywheelError(
          .invalidArgument,
          "Group \(place + 1) of parameters names none; give names or patterns such as '*.bias'."
        )
      }
      for pattern in group.parameters {
        let matching = names.indices.filter {
          ParameterGroupOverride.matches(names[$0], pattern)
        }
        guard !matching.isEmpty else {
          throw FlywheelError(
            .invalidArgument,
            "No parameter matches '\(pattern)'; there are \(names.joined(separator: ", "))."
          )
        }
        for index in matching where groups[index] == 0 { groups[index] = place + 1 }
      }
      guard groups.contains(place + 1) else {
        throw FlywheelError(
          .invalidArgument,
          "All parameters that match '\(group.parameters.joined(separator: ", "))' are in groups "
            + "before it; where several match, the first counts."
        )
      }
      hyperparameters.append(try Self.hyperparameters(of: group, in: configuration))
    }
    self.groups = groups
    self.hyperparameters = hyperparameters
  }

  private static func hyperparameters(
    of group: ParameterGroupOverride,
    in configuration: TrainingConfiguration
  ) throws(FlywheelError) -> Hyperparameters {
    let rule = configuration.rule
    for (name, _) in group.hyperparameters.ordered { try rule.requireTaken(name) }
    do throws(FlywheelError) {
      return try rule.completed(configuration.hyperparameters.merging(group.hyperparameters))
    } catch {
      throw FlywheelError(
        error.code,
        "In the group '\(group.parameters.joined(separator: ", "))': \(error.message)"
      )
    }
  }
}
