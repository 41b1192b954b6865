import FlywheelCore
import FlywheelOptim
import Testing

@testable import FlywheelTrain

@Suite("Groups of parameters")
struct ParameterGroupTests {
  @Test(
    "A star stands for any characters, or none",
    arguments: [
      ("layers.0.bias", "layers.0.bias", true), ("layers.0.bias", "*", true),
      ("layers.0.bias", "*.bias", true), ("layers.0.bias", "layers.*", true),
      ("layers.0.bias", "*.0.*", true), ("layers.0.bias", "l*s*s", true),
      ("layers.0.bias", "**bias**", true), ("layers.0.bias", "layers.0.bias*", true),
      ("layers.0.bias", "", false), ("layers.0.bias", "bias", false),
      ("layers.0.bias", "*.weight", false), ("layers.0.bias", "layers.0.bias.*", false),
      ("layers.0.bias", "*1*", false), ("layers.0.bias", "layers.?.bias", false),
      ("", "", true), ("", "*", true), ("aab", "*ab", true), ("abab", "*ab", true),
    ]
  )
  func globs(name: String, pattern: String, expected: Bool) {
    #expect(ParameterGroupOverride.matches(name, pattern) == expected)
  }

  @Test("Every parameter is in the first group that it matches, or in group 0")
  func grouping() throws {
    var configuration = try TrainingConfiguration()
    configuration.network.layers = [4, 3, 3, 2]
    configuration.groups = [
      ParameterGroupOverride(
        parameters: ["layers.2.*"],
        hyperparameters: Hyperparameters([.learningRate: .number(0.5)])
      ),
      ParameterGroupOverride(
        parameters: ["*.bias"],
        hyperparameters: Hyperparameters([.weightDecay: .number(0.25), .momentum: .number(0)])
      ),
    ]
    let grouping = try ParameterGrouping(configuration)
    #expect(grouping.groups == [0, 2, 0, 2, 1, 1])
    let base = configuration.hyperparameters
    #expect(grouping.hyperparameters.map(\.learningRate) == [0.05, 0.5, 0.05])
    #expect(grouping.hyperparameters.map(\.weightDecay) == [0, 0, 0.25])
    #expect(grouping.hyperparameters.map(\.momentum) == [base.momentum, base.momentum, 0])
  }
}
