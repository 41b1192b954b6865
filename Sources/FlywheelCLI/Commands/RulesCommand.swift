import ArgumentParser
import FlywheelCore
import FlywheelOptim

/// `flywheel rules`: what every rule's momentum and weight decay mean.
struct RulesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rules",
    abstract: "Show update rules: their equations, where the lr lives, what decay means.",
    discussion: """
      Frameworks and texts mean different things by momentum and weight decay. This says what each \
      means: 'flywheel train --rule NAME' trains with any of them.

      Examples:
        flywheel rules               # all of them in two tables
        flywheel rules nielsen       # one: equations, invariants, what it takes
        flywheel rules --json | python3 -m json.tool
      """
  )

  @Argument(help: ArgumentHelp("A rule's name. (default: all rules)", valueName: "rule"))
  var rules: [String] = []

  @Flag(help: "Print one JSON object: an instance of schemas/rules.schema.json.")
  var json = false

  func run() throws {
    let chosen = try rules.map { name throws(FlywheelError) in try UpdateRule.named(name) }
    if json {
      let shown = chosen.isEmpty ? UpdateRule.presets : chosen
      Terminal.output.print(RulesJSON.value(of: shown).prettyText())
    } else if let rule = chosen.first {
      for line in RuleView.lines(rule) { Terminal.output.print(line) }
    } else {
      for line in RulesTable.lines(UpdateRule.presets) { Terminal.output.print(line) }
    }
  }
}
