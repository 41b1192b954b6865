public import FlywheelCheckpoint
public import FlywheelCore
import FlywheelOptim
import OrderedCollections

extension TrainingConfiguration {
  /// Takes the rule, the numbers and the groups of a checkpoint's optimizer over.
  ///
  /// - Parameters:
  ///   - checkpoint: The checkpoint.
  ///   - numbers: What of a group counts.
  /// - Throws: `unsupported` if Flywheel's trainer does not run such an optimizer.
  mutating func useOptimizer(
    of checkpoint: Checkpoint,
    _ numbers: (ParameterGroup) -> Hyperparameters
  ) throws(FlywheelError) {
    let optimizer = checkpoint.optimizer
    guard let rule = UpdateRule.preset(optimizer.rule) else {
      throw FlywheelError(
        .unsupported,
        "The optimizer's rule is '\(optimizer.rule)', which this Flywheel does not know; 'flywheel rules' lists "
          + "those that it does."
      )
    }
    guard optimizer.gradient == .mean else {
      throw FlywheelError(
        .unsupported,
        "The optimizer takes the sum of a mini-batch's gradients; Flywheel's trainer takes their mean."
      )
    }
    var names: OrderedDictionary<Int, [String]> = [:]
    for (name, parameter) in checkpoint.parameters {
      names[parameter.group, default: []].append(name)
    }
    names.sort { $0.key < $1.key }
    let common = numbers(optimizer.groups[names.keys.first ?? 0])
    try use(rule, common)
    groups = names.dropFirst().map { index, names in
      let own = numbers(optimizer.groups[index]).values.filter { common[$0.key] != $0.value }
      return ParameterGroupOverride(parameters: names, hyperparameters: Hyperparameters(own))
    }
  }
}

extension Checkpoint {
  /// What Flywheel's trainer wrote of itself, its optimizer the one that the checkpoint has: a converted
  /// checkpoint can be resumed then.
  ///
  /// - Throws: What reading the configuration throws, and `unsupported` for an optimizer that the trainer
  ///   does not run.
  /// - Returns: The configuration; another trainer's words as they are.
  public func trainerFollowingOptimizer() throws(FlywheelError) -> JSONValue {
    guard case .object(let members) = trainer, members["optimizer"] != nil else { return trainer }
    var configuration = try TrainingConfiguration(trainer)
    try configuration.useOptimizer(of: self) { group in
      var numbers = group.hyperparameters
      numbers.learningRate = group.initialLearningRate
      return numbers
    }
    configuration.schedule = schedule ?? .constant
    return configuration.json
  }
}
