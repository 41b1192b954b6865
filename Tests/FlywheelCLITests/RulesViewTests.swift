import FlywheelOptim
import Testing

@testable import FlywheelCLI

/// Rules as tables and as text.
@Suite("Rules for people")
struct RulesViewTests {
  @Test("The tables name every rule and fit 80 columns")
  func tables() {
    let lines = RulesTable.lines(UpdateRule.presets)
    let names = lines.compactMap { $0.split(separator: " ").first.map(String.init) }
    for rule in UpdateRule.presets { #expect(names.contains(rule.name)) }
    for line in lines { #expect(line.count <= 80, "\(line)") }
  }

  @Test("A rule's text fits 80 columns and has its equations", arguments: UpdateRule.presets)
  func rule(rule: UpdateRule) {
    let lines = RuleView.lines(rule)
    for line in lines {
      #expect(line.count <= 80, "\(line)")
      #expect(line.last != " ", "\(line)")
    }
    let text = lines.joined(separator: " ").split(separator: " ").joined(separator: " ")
    for equation in rule.equations() { #expect(text.contains(equation)) }
    for definition in rule.hyperparameters { #expect(text.contains(definition.name.rawValue)) }
    #expect(text.contains(rule.source))
  }

  @Test(
    "Decay is said by where it enters and how strongly",
    arguments: [
      ("pytorch", ["coupled lambda all"]),
      ("keras", ["decoupled lr lambda all", "coupled 2 l2 all"]),
      ("nielsen", ["coupled lambda/n weights"]), ("network3", ["coupled lambda m/n weights"]),
      ("sklearn", ["coupled lambda/m weights"]), ("lasagne", ["coupled 2 l2 weights"]),
      ("question", ["decoupled lr lambda/m weights"]), ("sgdw", ["decoupled lambda all"]),
      ("optimisers_jl_decoupled", ["decoupled lambda all"]), ("tf1", []),
      ("mxnet_nag_1_9", ["mixed lambda all"]), ("caffe", ["coupled lambda all"]),
      ("adamw", ["decoupled lr lambda all"]), ("sklearn_adam", ["coupled lambda/m weights"]),
    ]
  )
  func decay(name: String, phrases: [String]) throws {
    let found = DecayPhrase.all(of: try UpdateRule.named(name))
    #expect(found.map { "\($0.kind) \($0.strength) \($0.scope)" } == phrases)
  }
}
