import ArgumentParser
import FlywheelCore
import FlywheelOptim

/// `flywheel rules`: what every rule's momentum and weight decay mean, and whether two mean the same.
struct RulesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rules",
    abstract: "Show update rules, or compare two: what momentum and weight decay mean.",
    discussion: """
      Frameworks and texts mean different things by momentum and weight decay. This shows the \
      equations of each rule, where its learning rate lives, and what its decay is; 'flywheel train \
      --rule NAME' trains with any of them. Of two rules it says whether they are the same run, and \
      if not, which numbers of the second one would make it so, if any do.

      Rules are named as here or as their frameworks name them, with numbers in brackets or without: \
      'pytorch(lr=0.01)' has this rule's defaults for the rest, 'torch.optim.SGD(lr=0.01)' has \
      torch's. The first number may do without a name: the learning rate. A rule without brackets takes \
      the other one's numbers.

      Examples:
        flywheel rules               # all of them in two tables
        flywheel rules nielsen       # one: equations, invariants, what it takes
        flywheel rules pytorch keras # with numbers for example
        flywheel rules 'torch.optim.SGD(lr=.01, momentum=.9, weight_decay=.1)' \\
          'keras.SGD(.01, momentum=.9, weight_decay=.1)'
        flywheel rules 'sklearn(alpha=.1)' nielsen \\
          --batch-size 200 --train-size 60000
        flywheel rules --json | python3 -m json.tool

      Exit status of a comparison: 0 if the two are the same run as they are, 1 if not, 2 trouble.
      """
  )

  @Argument(
    help: ArgumentHelp(
      "Nothing, a rule, or two to compare. (default: all rules)",
      valueName: "rule"
    )
  )
  var rules: [String] = []

  @Option(help: "The size of a mini-batch, m, for rules that divide by it.")
  var batchSize: Int?

  @Option(help: "The size of the training set, n, for rules that divide by it.")
  var trainSize: Int?

  @Flag(
    help: """
      Print one JSON object: an instance of schemas/rules.schema.json, or of \
      rule-comparison.schema.json.
      """
  )
  var json = false

  @Flag(name: .shortAndLong, help: "Say nothing but errors: the exit status tells.")
  var quiet = false

  func validate() throws {
    guard rules.count <= 2 else {
      throw ValidationError("Found \(rules.count) rules; give none, one, or two to compare.")
    }
    for (name, size) in [("batch-size", batchSize), ("train-size", trainSize)] {
      guard let size, size < 1 else { continue }
      throw ValidationError("--\(name) is \(size); it must be at least 1.")
    }
  }

  func run() throws {
    let calls = try rules.map { text throws(FlywheelError) in try RuleCall(text) }
    if calls.count == 2 {
      try compare(calls[0], calls[1])
      return
    }
    if let call = calls.first, call.given != nil {
      throw ValidationError(
        "Numbers are for comparing two rules; 'flywheel rules \(call.rule.name)' shows this one."
      )
    }
    let chosen = calls.isEmpty ? UpdateRule.presets : calls.map(\.rule)
    if json {
      print([RulesJSON.value(of: chosen).prettyText()])
    } else if let rule = calls.first?.rule {
      print(RuleView.lines(rule))
    } else {
      print(RulesTable.lines(chosen))
    }
  }

  private func compare(_ first: RuleCall, _ second: RuleCall) throws {
    let pair = try RulePair(first, second, batchSize: batchSize, trainingSize: trainSize)
    let weights = try pair.comparison(ofWeights: true)
    let biases = try pair.comparison(ofWeights: false)
    if json {
      print([RuleComparisonJSON.value(of: pair, weights: weights, biases: biases).prettyText()])
    } else {
      print(RuleComparisonView.lines(of: pair, weights: weights, biases: biases))
    }
    guard weights.isSame && biases.isSame else { throw ExitCode(ExitStatus.no.rawValue) }
  }

  private func print(_ lines: [String]) {
    guard !quiet else { return }
    Terminal.output.print(lines)
  }
}
