import FlywheelCore
import FlywheelDialects
import FlywheelOptim
import Testing

@Suite("The table of dialects")
struct DialectTableTests {
  @Test("Every rule of a dialect is one that Flywheel knows")
  func rulesExist() throws {
    for dialect in Dialect.all {
      for rule in dialect.rules { _ = try UpdateRule.named(rule) }
      #expect(Set(dialect.rules).count == dialect.rules.count)
    }
  }

  @Test("Every rule of a dialect has a family with the slots that it keeps")
  func familiesCoverRules() throws {
    for dialect in Dialect.all {
      for name in dialect.rules {
        let rule = try UpdateRule.named(name)
        var hyperparameters = try rule.completed(.init())
        if case .sgd = rule, rule.hyperparameters.contains(where: { $0.name == .momentum }) {
          hyperparameters = hyperparameters.merging(.init(learningRate: 0.1, momentum: 0.9))
        }
        let slots = Set(rule.slotNames(hyperparameters))
        guard !slots.isEmpty else { continue }
        let families = dialect.families.filter { $0.rules.contains(name) }
        #expect(
          families.contains { slots.isSubset(of: $0.slots.map(\.name)) },
          "\(dialect.name) \(name) \(slots)"
        )
      }
    }
  }

  @Test("Names are found, and those that are not are answered with a list")
  func names() throws {
    for dialect in Dialect.all { #expect(try Dialect.named(dialect.name) == dialect) }
    let error = #expect(throws: FlywheelError.self) { try Dialect.named("torch") }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains("pytorch, keras") == true)
  }

  @Test("Groups are where an optimizer can have them")
  func groups() {
    #expect(
      Dialect.all.filter { $0.groupNumbers?.isEmpty != true }.map(\.name)
        == ["flywheel", "pytorch", "optax", "caffe", "mxnet"]
    )
  }
}
