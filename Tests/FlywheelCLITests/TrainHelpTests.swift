import ArgumentParser
import FlywheelOptim
import Testing

@testable import FlywheelCLI

@Suite("The help of flywheel train")
struct TrainHelpTests {
  @Test("The best-known rules are told with the numbers that they take and their defaults")
  func rules() throws {
    let rules = try OptimizerOptions.wellKnown.map { try UpdateRule.named($0) }
    let texts = rules.map { rule in
      let numbers = rule.hyperparameters.map { "\($0.name.rawValue) \($0.fallback.text)" }
      // One column less than there are: help would break a full line once more.
      let lines = Formatting.wrapped(numbers, after: "  ", columns: 79)
      return (["Rule \(rule.name): \(rule.summary)."] + lines).joined(separator: "\n")
    }
    #expect(TrainCommand.rules == texts.joined(separator: "\n"))
    #expect(TrainCommand.configuration.discussion.contains(TrainCommand.rules))
  }
}
