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
    #expect(result.rule == .sgd(.nielsen))
    #expect(result.seed == 9)
    #expect(result.epochs == 7)
  }

  @Test("Numbers of the configuration's rule stay, those of another rule do not")
  func otherRule() throws {
    var base = try TrainingConfiguration()
    try base.use(.sgd(.pytorch), Hyperparameters(learningRate: 0.5, momentum: 0.75))
    let same = try TrainingOptions.parse(["--rule", "pytorch", "--momentum", "0.25"])
    #expect(try same.applied(to: base).hyperparameters.learningRate == 0.5)
    #expect(try same.applied(to: base).hyperparameters.momentum == 0.25)
    let other = try TrainingOptions.parse(["--rule", "adam", "--beta1", "0.25", "--amsgrad"])
    let result = try other.applied(to: base)
    #expect(result.rule == .adaptive(.adam))
    #expect(result.hyperparameters.learningRate == 0.001)
    #expect(result.hyperparameters[.beta1] == .number(0.25))
    #expect(result.hyperparameters[.amsgrad] == .flag(true))
    #expect(result.hyperparameters[.momentum] == nil)
  }

  @Test(
    "Schedules are a shape and its numbers",
    arguments: [
      ("constant", .constant),
      ("step:every=10", .init(shape: .step(every: 10, factor: 0.1))),
      ("step:every=10,factor=0.5", .init(shape: .step(every: 10, factor: 0.5))),
      (
        "multi_step:at=10-15,unit=step",
        .init(shape: .multiStep(at: [10, 15], factor: 0.1), unit: .step)
      ),
      (
        "cosine:over=20,end=0.1,unit=epoch,warmup=2",
        .init(shape: .cosine(over: 20, end: 0.1), warmup: .init(over: 2))
      ),
      (
        "linear:over=7,warmup=2,warmup_start=0.25",
        .init(shape: .linear(over: 7, end: 0), warmup: .init(over: 2, start: 0.25))
      ),
    ] as [(String, Schedule)]
  )
  func schedules(text: String, expected: Schedule) throws {
    let options = try TrainingOptions.parse(["--schedule", text])
    #expect(try options.applied(to: try TrainingConfiguration()).schedule == expected)
  }

  @Test("Groups are names and numbers, in the order they are given")
  func groups() throws {
    let options = try TrainingOptions.parse([
      "--group", "*.bias,layers.0.*:weight_decay=0,nesterov=true",
      "--group", "layers.1.weight:learning_rate=0.5", "--clip-norm", "2.5",
    ])
    let result = try options.applied(to: try TrainingConfiguration())
    #expect(
      result.groups == [
        ParameterGroupOverride(
          parameters: ["*.bias", "layers.0.*"],
          hyperparameters: Hyperparameters([.weightDecay: .number(0), .nesterov: .flag(true)])
        ),
        ParameterGroupOverride(
          parameters: ["layers.1.weight"],
          hyperparameters: Hyperparameters([.learningRate: .number(0.5)])
        ),
      ]
    )
    #expect(result.clipping?.maximumNorm == 2.5)
  }

  @Test(
    "Wrong usage says what there is",
    arguments: [
      (["--rule", "adadelta"], "pytorch, torch7, sgdw"),
      (["--rule", "adam", "--momentum", "0.5"], "takes no momentum"),
      (["--rule", "adam", "--no-nesterov"], "takes no nesterov"),
      (["--beta1", "0.5"], "'pytorch' takes no beta1; leave it off. It takes learning_rate"),
      (["--rule", "adam", "--beta1", "1"], "from 0 to below 1"),
      (["--clip-norm", "0"], "above 0"),
      (["--schedule", "cyclic"], "constant, step, multi_step, cosine, linear"),
      (["--schedule", "cosine"], "cosine:over=20"),
      (["--schedule", "cosine:over=0"], "over"),
      (["--schedule", "cosine:over=9007199254740993"], "2^53"),
      (["--schedule", "cosine:over=5,warmup_start=0.5"], "goes with warmup"),
      (["--schedule", "cosine:over=ten"], "a whole number"),
      (["--schedule", "cosine:over=5,every=2"], "over, end, unit, warmup, warmup_start"),
      (["--schedule", "cosine:over=5,over=6"], "twice"),
      (["--schedule", "cosine:over"], "name=value"),
      (["--schedule", "step:every=5,unit=sample"], "step or epoch"),
      (["--schedule", "multi_step:at=5-5"], "rising"),
      (["--schedule", "step:every=5,warmup=0"], "warmup"),
      (["--group", "*.bias"], "*.bias:weight_decay=0"),
      (["--group", "*.bias:weight_decay"], "name=value"),
      (["--group", "*.bias:weight_decay=none"], "number"),
      (["--group", "*.bias:beta1=0"], "takes no beta1"),
      (["--group", "*.gamma:weight_decay=0"], "layers.1.bias"),
    ]
  )
  func wrongUsage(arguments: [String], words: String) throws {
    let error = #expect(throws: (any Error).self) {
      _ = try TrainCommand.parse(arguments)
    }
    // Lines are wrapped at the terminal's width.
    let text = TrainCommand.message(for: try #require(error))
      .split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(text.contains(words), "\(text)")
    #expect(TrainCommand.exitCode(for: try #require(error)) == .validationFailure)
  }

  @Test("The help of train lists the best-known rules with what they take")
  func rules() throws {
    let help = TrainCommand.helpMessage(columns: 80)
    for name in OptimizerOptions.wellKnown {
      let rule = try UpdateRule.named(name)
      #expect(help.contains("Rule \(rule.name): "))
      for definition in rule.hyperparameters {
        #expect(help.contains("\(definition.name.rawValue) \(definition.fallback.text)"))
      }
    }
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
    // Of an optimizer's numbers it says more: convert takes the same flags, and guesses none of them.
    let rate = configuration.hyperparameters.learningRate
    #expect(
      help.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        .contains("(default in training: \(rate))")
    )
    #expect(help.contains("(default: \(configuration.data.batchSize))"))
  }
}
