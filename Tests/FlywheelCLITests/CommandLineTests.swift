import ArgumentParser
import FlywheelCore
import FlywheelOptim
import FlywheelTrain
import Testing

@testable import FlywheelCLI

@Suite("The command line")
struct CommandLineTests {
  @Test("Flags win over the configuration, and leave alone what they do not name")
  func flagsWin() throws {
    var base = try TrainingConfiguration()
    base.epochs = 7
    base.seed = 3
    let options = try TrainingOptions.parse([
      "--layers", "784-30-10", "--learning-rate", "0.5", "--rule", "nielsen", "--seed", "9",
    ])
    let result = try options.applied(to: base)
    #expect(result.network.layers == [784, 30, 10])
    #expect(result.hyperparameters.learningRate == 0.5)
    #expect(result.hyperparameters.momentum == base.hyperparameters.momentum)
    #expect(result.rule == .nielsen)
    #expect(result.seed == 9)
    #expect(result.epochs == 7)
  }

  @Test(
    "Widths are numbers with dashes between them",
    arguments: [
      ("784-30-10", [784, 30, 10]), ("4-2", [4, 2]), ("", nil), ("784-", nil), ("a-b", nil),
      ("784,30", nil), ("-3-4", nil),
    ] as [(String, [Int]?)]
  )
  func widths(_ text: String, _ expected: [Int]?) {
    #expect(LayerWidths(argument: text)?.widths == expected)
  }

  @Test("Every command's help has an example that starts with its name")
  func help() {
    for command in FlywheelCommand.configuration.subcommands {
      let name = command.configuration.commandName ?? ""
      #expect(command.configuration.discussion.contains("Examples:\n  flywheel \(name)"))
    }
  }

  @Test("Every value that a flag documents as the default is the default")
  func defaults() throws {
    let help = TrainingOptions.helpMessage()
    let configuration = try TrainingConfiguration()
    #expect(help.contains("(default: \(configuration.hyperparameters.learningRate))"))
    #expect(help.contains("(default: \(configuration.data.batchSize))"))
  }
}
