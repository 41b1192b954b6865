import ArgumentParser
import FlywheelConvert
import FlywheelCore
import FlywheelExplain
import FlywheelOptim
import SystemPackage

/// `flywheel explain`: which update rule made the dumped steps of a trainer, and how it differs from the one
/// that was meant.
struct ExplainCommand: FileReadingCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Find the update rule that a trainer really applies.",
    discussion: """
      Give two or more consecutive dumps of a trainer: files with weights, gradients and velocities as \
      they are before each step, one file a step, or one file whose arrays have a leading axis of \
      steps, or a trace that 'flywheel train --trace' wrote. Arrays are known by their names: W1, dW1, \
      vW1 as numpy trainers call them, PyTorch's .grad and momentum_buffer, Flywheel's own; for others \
      give patterns. Without gradients or velocities it says what can still be known.

      The steps are solved for their numbers, and these are named: every rule of 'flywheel rules' that \
      makes them within their errors, and mistakes that are no rule. Say what your code says \
      (--learning-rate 0.01 …), and numbers are told in these.

      Examples:
        flywheel explain step0.npz step1.npz step2.npz
        flywheel explain steps.npz --batch-size 32 --learning-rate 0.01 \\
          --momentum 0.9 --weight-decay 0.1
        flywheel explain steps.npz --batch-size 32 \\
          --against 'torch.optim.SGD(lr=.01, momentum=.9, weight_decay=.1)'
        flywheel explain runs/1/trace-0.h5 --json

      Exit status: with --against 0 if the trainer does what was meant, as far as the dumps show, and 1 \
      if not; without, 0 if a rule could be named, and 1 if none could; 2 trouble.
      """
  )

  @Argument(help: ArgumentHelp("Consecutive dumps, in order.", valueName: "trace"))
  var traces: [String]

  @Option(
    help: ArgumentHelp(
      "The rule that was meant, as in 'flywheel rules': a name, with numbers in brackets.",
      valueName: "call"
    )
  )
  var against: String?

  @Option(help: "Which arrays are weights and biases, a pattern such as 'net/*'.")
  var weights: String?

  @Option(help: "Which arrays are gradients, with the same wildcards.")
  var gradient: String?

  @Option(help: "Which arrays are velocities, with the same wildcards.")
  var velocity: String?

  @Option(help: "The learning rate that the code has, lr.")
  var learningRate: Double?

  @Option(help: "The momentum that the code has, mu.")
  var momentum: Double?

  @Option(help: "The weight decay that the code has, lambda, before it is divided by any size.")
  var weightDecay: Double?

  @Option(help: "The size of a mini-batch, m.")
  var batchSize: Int?

  @Option(help: "The size of the training set, n.")
  var trainSize: Int?

  @Flag(help: "The dumped gradients are sums over the mini-batch; needs --batch-size.")
  var summedGradient = false

  @Flag(help: "Print one JSON object, an instance of schemas/explain.schema.json.")
  var json = false

  @Flag(name: .shortAndLong, help: "Say nothing but errors: the exit status tells.")
  var quiet = false

  @OptionGroup var reading: ReadingOptions

  func validate() throws {
    for (name, size) in [("batch-size", batchSize), ("train-size", trainSize)] {
      guard let size, size < 1 else { continue }
      throw ValidationError("--\(name) is \(size); it must be at least 1.")
    }
    let numbers = [
      ("learning-rate", learningRate), ("momentum", momentum), ("weight-decay", weightDecay),
    ]
    for (name, number) in numbers {
      guard let number, !(number >= 0 && number.isFinite) else { continue }
      throw ValidationError("--\(name) is \(number); it must be a number of at least 0.")
    }
  }

  func run() throws {
    let call = try against.map { text throws(FlywheelError) in try RuleCall(text) }
    let dump = try StepDump(
      reading: traces.map { FilePath($0) },
      options: DumpOptions(
        weights: pattern(weights),
        gradients: pattern(gradient),
        velocities: pattern(velocity)
      )
    )
    let declaration = declaration(dump)
    if summedGradient, declaration.batchSize == nil {
      throw ValidationError("--summed-gradient needs --batch-size: over how many samples?")
    }
    let explanation = try Explanation(
      of: dump,
      declaration: declaration,
      against: try call.map { call throws(FlywheelError) in try meant(call, declaration) }
    )
    if json {
      print([ExplainJSON.value(of: explanation).prettyText()])
    } else {
      print(ExplainView.lines(explanation))
    }
    guard explanation.isYes else { throw ExitCode(ExitStatus.no.rawValue) }
  }

  private func pattern(_ text: String?) -> NamePattern? { text.map { NamePattern($0) } }

  /// What was typed, and else what the files say.
  private func declaration(_ dump: StepDump) -> Declaration {
    let stated = dump.stated.merging(dump.declared?.hyperparameters ?? Hyperparameters())
    let isRateConstant = Set(dump.learningRates).count <= 1
    return Declaration(
      learningRate: learningRate ?? (isRateConstant ? stated[.learningRate]?.number : nil),
      momentum: momentum ?? stated[.momentum]?.number,
      weightDecay: weightDecay ?? stated[.weightDecay]?.number,
      batchSize: batchSize ?? dump.sizes?.batch,
      trainingSize: trainSize ?? dump.sizes?.training,
      isGradientSummed: summedGradient
    )
  }

  /// The rule that was meant: without brackets it has the declared numbers.
  private func meant(
    _ call: RuleCall,
    _ declaration: Declaration
  ) throws(FlywheelError) -> (rule: UpdateRule, hyperparameters: Hyperparameters) {
    let needs: [(symbol: Formula.Symbol, size: Int?, option: String)] = [
      (.batchSize, declaration.batchSize, "--batch-size"),
      (.trainingSize, declaration.trainingSize, "--train-size"),
    ]
    for need in needs where need.size == nil && call.rule.mentions(need.symbol) {
      throw FlywheelError(
        .invalidArgument,
        "'\(call.rule.name)' divides by \(need.symbol.rawValue); give \(need.option)."
      )
    }
    let declared = call.given == nil ? declaration.numbers(of: call.rule) : Hyperparameters()
    return (call.rule, try call.hyperparameters(or: declared))
  }

  private func print(_ lines: [String]) {
    guard !quiet else { return }
    Terminal.output.print(lines)
  }
}
