import ArgumentParser
import FlywheelCore
import FlywheelOptim
import FlywheelTrain

/// The update rule and its numbers as flags.
///
/// What a number is if nobody gives it is the rule's own business: the help of `train` lists it.
struct OptimizerOptions: ParsableArguments {
  @Option(
    help: """
      Update rule, such as \(Self.wellKnown.joined(separator: ", ")); 'flywheel rules' lists all. \
      \(Self.training(\.rule.name))
      """
  )
  var rule: String?

  @Option(
    name: [.long, .customLong("lr")],
    parsing: .unconditional,
    help: """
      Learning rate. \
      \(Self.training(\.hyperparameters.learningRate))
      """
  )
  var learningRate: Double?

  @Option(
    parsing: .unconditional,
    help: """
      Momentum coefficient, from 0 to below 1. \
      \(Self.training(\.hyperparameters.momentum))
      """
  )
  var momentum: Double?

  @Option(parsing: .unconditional, help: "\(Self.summary(of: .dampening))")
  var dampening: Double?

  @Option(parsing: .unconditional, help: "\(Self.summary(of: .beta1))")
  var beta1: Double?

  @Option(parsing: .unconditional, help: "\(Self.summary(of: .beta2))")
  var beta2: Double?

  @Option(parsing: .unconditional, help: "\(Self.summary(of: .alpha))")
  var alpha: Double?

  @Option(parsing: .unconditional, help: "\(Self.summary(of: .epsilon))")
  var epsilon: Double?

  @Option(parsing: .unconditional, help: "\(Self.summary(of: .epsilonRoot))")
  var epsRoot: Double?

  @Option(parsing: .unconditional, help: "Weight decay, in the rule's own meaning.")
  var weightDecay: Double?

  @Option(name: .customLong("l2"), parsing: .unconditional, help: "\(Self.summary(of: .l2))")
  var l2: Double?

  @Option(parsing: .unconditional, help: "\(Self.summary(of: .biasL2))")
  var biasL2: Double?

  @Option(parsing: .unconditional, help: "\(Self.summary(of: .learningRateDecay))")
  var lrDecay: Double?

  @Option(parsing: .unconditional, help: "\(Self.summary(of: .initialAccumulator))")
  var initialAccumulatorValue: Double?

  @Flag(inversion: .prefixedNo, help: "\(Self.summary(of: .nesterov))")
  var nesterov: Bool?

  @Flag(inversion: .prefixedNo, help: "\(Self.summary(of: .amsgrad))")
  var amsgrad: Bool?

  @Flag(inversion: .prefixedNo, help: "\(Self.summary(of: .centered))")
  var centered: Bool?

  @Flag(inversion: .prefixedNo, help: "\(Self.summary(of: .biasCorrection))")
  var biasCorrection: Bool?

  @Flag(inversion: .prefixedNo, help: "\(Self.summary(of: .maximize))")
  var maximize: Bool?

  @Flag(inversion: .prefixedNo, help: "\(Self.summary(of: .momentumCorrection))")
  var momentumCorrection: Bool?

  @Option(
    help: """
      Parameters with numbers of their own, such as '*.bias:weight_decay=0'; repeatable, the \
      first that matches counts.
      """,
    transform: GroupArgument.group
  )
  var group: [ParameterGroupOverride] = []

  /// The numbers that were given.
  var hyperparameters: Hyperparameters {
    let numbers: [(Hyperparameter, Double?)] = [
      (.learningRate, learningRate), (.momentum, momentum), (.dampening, dampening),
      (.beta1, beta1), (.beta2, beta2), (.alpha, alpha), (.epsilon, epsilon),
      (.epsilonRoot, epsRoot), (.weightDecay, weightDecay), (.l2, l2), (.biasL2, biasL2),
      (.learningRateDecay, lrDecay), (.initialAccumulator, initialAccumulatorValue),
    ]
    let flags: [(Hyperparameter, Bool?)] = [
      (.nesterov, nesterov), (.amsgrad, amsgrad), (.centered, centered),
      (.biasCorrection, biasCorrection), (.maximize, maximize),
      (.momentumCorrection, momentumCorrection),
    ]
    var hyperparameters = Hyperparameters()
    for case (let name, let number?) in numbers { hyperparameters[name] = .number(number) }
    for case (let name, let flag?) in flags { hyperparameters[name] = .flag(flag) }
    return hyperparameters
  }

  /// Puts what the flags say into a configuration.
  ///
  /// Another rule starts from its own defaults: a learning rate that suits one is far off for another.
  func apply(to configuration: inout TrainingConfiguration) throws(FlywheelError) {
    let before = configuration.rule
    let given = hyperparameters
    let rule: UpdateRule = if let rule { try .named(rule) } else { before }
    for (name, _) in given.ordered { try rule.requireTaken(name) }
    try configuration.use(
      rule,
      rule == before ? configuration.hyperparameters.merging(given) : given
    )
    if !group.isEmpty { configuration.groups = group }
  }

  /// "(default in training: …)": what a file was trained with is not guessed when it is converted.
  private static func training<Value>(_ setting: (TrainingConfiguration) -> Value) -> String {
    TrainingOptions.defaults.map { "(default in training: \(setting($0)))" } ?? ""
  }

  /// The rules that help names; there are too many for it to name all.
  static let wellKnown = ["pytorch", "keras", "nielsen", "adam", "adamw", "rmsprop"]

  /// What a hyperparameter does, and which rules take it, if they are few.
  private static func summary(of name: Hyperparameter) -> String {
    let takers = UpdateRule.presets.compactMap { rule in
      rule.hyperparameters.first { $0.name == name }.map { (rule: rule.name, definition: $0) }
    }
    guard let definition = takers.first?.definition else { return "" }
    let known = takers.map(\.rule).filter { wellKnown.contains($0) }
    var rules = takers.count <= 4 ? takers.map(\.rule) : known
    if rules.count < takers.count { rules.append("others") }
    let summary = definition.summary.prefix(1).uppercased() + definition.summary.dropFirst()
    return "\(summary): \(rules.joined(separator: ", ")). (default: \(definition.fallback.text))"
  }
}
